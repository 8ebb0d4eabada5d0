import CEL
import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowMachine
import FlowSource
import FlowTestSupport
import FlowTime
import Foundation

/// An instance controlled by the test: compiles text, sends events as JSON and records the effects.
struct TestInstance {
  let machine: Machine
  let stepper: Stepper
  var now: Int64 = 1_000_000
  var instance: Instance?
  var jobs: [Job] = []
  var log: [String] = []
  var emitted: [String] = []

  init(_ text: String) throws {
    let compilation = compile("test.flow") { $0 == "test.flow" ? Array(text.utf8) : nil }
    try self.init(compilation)
  }

  init(sample: String) throws {
    try self.init(
      compile(sample) { path in
        (try? Data(contentsOf: packageRoot.appending(path: "samples/\(path)"))).map { Array($0) }
      })
  }

  private init(_ compilation: Compilation) throws {
    guard let program = compilation.program else {
      throw Failure(PrettyRenderer(sources: compilation.sources).render(compilation.diagnostics))
    }
    machine = try Machine(program)
    stepper = Stepper(machine)
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }

  var state: String { instance.map { stepper.leafPaths(of: $0).joined(separator: " ") } ?? "" }
  var data: JSON { instance?.dataJSON(in: machine) ?? .null }

  /// Sends an event and expects it to be accepted.
  @discardableResult
  mutating func send(_ name: String, _ json: String = "{}", by roles: String...) throws -> Step {
    switch try outcome(name, json, roles) {
    case .accepted(let step): return take(step)
    case .refused(let refusal): throw refusal
    }
  }

  /// Sends an event and expects it to be refused.
  mutating func refused(_ name: String, _ json: String = "{}", by roles: String...) throws -> Refusal {
    switch try outcome(name, json, roles) {
    case .accepted: throw Failure("`\(name)` was accepted")
    case .refused(let refusal): return refusal
    }
  }

  private func outcome(_ name: String, _ json: String, _ roles: [String]) throws -> Outcome {
    guard let event = machine.event(named: name) else { throw Failure("there is no event `\(name)`") }
    let payload = try Value.from(JSON(parsing: json), as: .record(name), in: machine.types).get()
    let caller = Caller(id: roles.first ?? "", roles: roles)
    guard let instance else {
      return stepper.start(flow: 0, key: "k", event: event, payload: payload, caller: caller, now: now)
    }
    return stepper.step(instance, .event(event, payload: payload, caller: caller), now: now)
  }

  /// Adopts a step that the test has made itself.
  mutating func accept(_ step: Step) { _ = take(step) }

  private mutating func take(_ step: Step) -> Step {
    instance = step.next
    for effect in step.effects {
      switch effect {
      case .job(let job): jobs.append(job)
      case .withdraw(let reference): jobs.removeAll { $0.reference == reference }
      case .log(let text): log.append(text)
      case .discard(let event, let reason): log.append(machine.text(discarded: event, because: reason))
      case .emit(let event, let payload, to: _):
        emitted.append(machine.program.events[event].name + payload.json(in: machine.types).text())
      case .arm, .disarm, .forget: break
      }
    }
    return step
  }

  /// Advances the clock and fires due timers.
  mutating func wait(_ text: String) throws {
    let end = now + (DurationText.milliseconds(text) ?? 0)
    while let timer = instance?.timers.filter({ $0.due <= end }).min(by: { $0.due < $1.due }), let instance {
      now = max(now, timer.due)
      let input = Input.timer(transition: timer.transition, armed: timer.armed)
      guard case .accepted(let step) = stepper.step(instance, input, now: now) else { throw Failure("timer refused") }
      _ = take(step)
    }
    now = end
  }

  /// Completes the oldest job of a waiting call.
  @discardableResult
  mutating func answer(_ outcome: CallOutcome) throws -> Step {
    guard let index = jobs.firstIndex(where: { $0.call != nil }), let instance else { throw Failure("no call waits") }
    let job = jobs.remove(at: index)
    guard case .accepted(let step) = stepper.step(instance, .result(job.reference, outcome), now: now) else {
      throw Failure("the result was refused")
    }
    return take(step)
  }
}
