import CEL
import Dispatch
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource
import FlowTesting
import FlowTime

// `POST /v1/flows/{flow}/simulate`: a run on a virtual clock, of which nothing is kept.
extension FlowService {
  func simulateFlow(_ exchange: RouteRequest) throws(Problem) {
    let entry = try flow(exchange)
    let body = try body(exchange.request)
    let now = clock()
    simulations.async {
      do throws(Problem) {
        var simulation = try SimulationRequest(body, entry, now: now)
        exchange.respond.send(.json(try simulation.run()))
      } catch {
        exchange.respond.send(error.response)
      }
    }
  }
}

/// The steps of a simulated run as a request gives them.
private struct SimulationRequest {
  /// How many steps a request may have, and how many happenings its answer.
  static let maximumSteps = 1000
  static let maximumHappenings = 10_000

  private let entry: Catalogue.Entry
  private let steps: [JSON]
  private var play: VirtualRun
  private var happenings: [JSON] = []

  init(_ body: JSON, _ entry: Catalogue.Entry, now: Int64) throws(Problem) {
    guard let steps = body["steps"]?.array else {
      throw .badRequest(#"the body has no `steps`; send {"steps": [{"event": "Paid", "data": {}}, {"advance": "3d"}]}"#)
    }
    guard steps.count <= SimulationRequest.maximumSteps else {
      throw .badRequest("a simulation has at most \(SimulationRequest.maximumSteps) steps")
    }
    var start = now
    if let given = body["start"] {
      guard let time = given.string.flatMap({ Timestamp($0) }) else { throw .badRequest("`start` has to be a time") }
      start = time.seconds * 1000
    }
    self.entry = entry
    self.steps = steps
    play = VirtualRun(stepper: Stepper(entry.machine), flow: entry.flow, now: start)
  }

  mutating func run() throws(Problem) -> JSON {
    for (index, step) in steps.enumerated() {
      do throws(Problem) {
        note(try perform(step))
      } catch {
        var problem = error
        problem.detail = "step \(index + 1): " + problem.detail
        throw problem
      }
      if happenings.count >= SimulationRequest.maximumHappenings {
        throw .badRequest("more than \(SimulationRequest.maximumHappenings) steps are made")
      }
    }
    let outstanding = play.outstanding.map { work -> JSON in
      [
        "action": .string(entry.machine.name(of: work.job.target)),
        "arguments": work.job.arguments.json(in: entry.machine.types), "isAwaited": .bool(work.isAwaited),
      ]
    }
    return [
      "flow": .string(entry.name), "status": play.instance.map { .string($0.status.rawValue) } ?? .null,
      "state": .array(play.leafPaths.map { .string($0) }),
      "data": play.instance.map { $0.dataJSON(in: entry.machine) } ?? .null, "now": .string(timeText(play.now)),
      "outstanding": .array(outstanding), "steps": .array(happenings),
    ]
  }

  private mutating func perform(_ step: JSON) throws(Problem) -> [VirtualRun.RunEvent] {
    if let name = (step["event"] ?? step["type"])?.string { return [try send(name, step)] }
    if let text = step["advance"]?.string {
      guard let duration = DurationText.milliseconds(text), duration >= 0 else {
        throw .badRequest("`\(text)` is no length of time, as 3d or 90m")
      }
      let (end, overflow) = play.now.addingReportingOverflow(duration)
      return play.advance(to: overflow ? .max : end)
    }
    if let name = step["done"]?.string { return [try end(name, with: try result(name, step))] }
    if let name = step["fail"]?.string {
      let code = step["code"]?.string ?? "FAILED"
      return [try end(name, with: .failed(code: code, message: step["message"]?.string ?? "", attempts: 1))]
    }
    throw .badRequest("it has none of `event`, `advance`, `done` and `fail`")
  }

  private mutating func send(_ name: String, _ step: JSON) throws(Problem) -> VirtualRun.RunEvent {
    let machine = entry.machine
    guard let event = machine.event(named: name) else {
      let known = machine.program.events.map(\.name)
      throw EngineProblem.unknownEvent(
        name, nearest: Suggestion.closest(to: name, among: known, limit: 3), known: known
      ).problem
    }
    switch Value.from(step["data"] ?? .object([]), as: .record(name), in: machine.types) {
    case .failure(let problems):
      throw EngineProblem.invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) }).problem
    case .success(let payload):
      let caller = Caller(
        id: step["caller"]?.string ?? "", roles: step["roles"]?.array?.compactMap(\.string) ?? [])
      return play.send(event: event, payload: payload, caller: caller)
    }
  }

  private mutating func end(_ name: String, with outcome: CallOutcome) throws(Problem) -> VirtualRun.RunEvent {
    let machine = entry.machine
    guard let happening = play.end(where: { machine.name(of: $0.target) == name }, outcome) else {
      throw .badRequest("nobody waits for `\(name)`")
    }
    return happening
  }

  /// The result as the type of the action has it.
  private func result(_ name: String, _ step: JSON) throws(Problem) -> CallOutcome {
    let machine = entry.machine
    let job = play.outstanding.first { $0.isAwaited && machine.name(of: $0.job.target) == name }?.job
    guard let type = job.flatMap({ machine.result(of: $0.target) }) else { return .done(.null) }
    switch Value.from(step["result"] ?? .null, as: type, in: machine.types) {
    case .success(let value): return .done(value)
    case .failure(let problems):
      throw EngineProblem.invalidPayload(problems.mismatches.map { ("/result" + $0.pointer, $0.message) }).problem
    }
  }

  private mutating func note(_ found: [VirtualRun.RunEvent]) {
    for happening in found {
      var members: [JSON.Member] = [
        .init("cause", .string(happening.cause)), .init("at", .string(timeText(happening.at))),
      ]
      switch happening.outcome {
      case .accepted(let step): members += step.members(in: entry.machine)
      case .refused(let refusal):
        members += [
          .init("disposition", "refused"), .init("reason", .string(refusal.code)),
          .init("detail", .string(refusal.message)), .init("explanation", refusal.explanationJSON(in: entry.machine)),
        ]
      }
      happenings.append(.object(members))
    }
  }
}
