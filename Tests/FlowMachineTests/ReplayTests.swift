import CEL
import FlowCompiler
import FlowIR
import FlowMachine
import FlowTestSupport
import Foundation
import Testing

@testable import FlowTesting

/// Steps are reproducible: a step from an instance, and from the same instance stored and restored, produces
/// the same bytes. `ModelTests` covers random charts; this suite covers every flow file next to a test.
@Suite("Replay of random steps") struct ReplayTests {
  static let samples = Sample.allFlows().filter { !$0.url.path.contains("/imported/") }

  private func program(_ sample: Sample) -> Program? {
    let folder = sample.url.deletingLastPathComponent()
    return compile(sample.url.lastPathComponent) { path in
      (try? Data(contentsOf: folder.appending(path: path))).map { Array($0) }
    }.program
  }

  @Test("repeating a step of any flow in the repository gives the same bytes, also after a restore") func flowFiles()
    throws
  {
    var flows = 0
    var steps = 0
    for sample in ReplayTests.samples {
      guard let program = program(sample) else { continue }
      for flow in program.flows.indices {
        flows += 1
        for seed in 0..<15 {
          var walk = try Walk(program, flow: flow, seed: UInt64(seed))
          steps += try walk.go(30)
          if let problem = walk.problem { Issue.record("\(sample.name), seed \(seed): \(problem)") }
        }
      }
    }
    #expect(flows > 100 && steps > 5000, "\(flows) flows, \(steps) steps")
  }
}

/// An instance that receives random inputs.
private struct Walk {
  let program: Program
  let flow: FlowIndex
  let machine: Machine
  let stepper: Stepper
  let values: RandomValues
  var chance: SeededRandom
  var now: Int64 = 1_700_000_000_000
  var instance: Instance?
  var jobs: [Job] = []
  var problem: String?

  init(_ program: Program, flow: FlowIndex, seed: UInt64) throws {
    self.program = program
    self.flow = flow
    machine = try Machine(program)
    stepper = Stepper(machine)
    values = RandomValues([program.flows[flow]], in: program, machine.types)
    chance = SeededRandom(seed: seed)
  }

  /// - Returns: The number of inputs.
  mutating func go(_ count: Int) throws -> Int {
    for done in 0..<count {
      now += Int64(chance.below(100_000))
      guard let instance else {
        start()
        continue
      }
      guard instance.status == .running, problem == nil, let input = input(instance) else { return done }
      let outcome = stepper.step(instance, input, now: now)
      let again = stepper.step(try restored(instance, machine, stepper), input, now: now)
      if !isSame(outcome, again, machine) {
        problem = "after \(input)\n\(trace(outcome, machine))\nand restored\n\(trace(again, machine))"
      }
      take(outcome)
    }
    return count
  }

  private mutating func start() {
    let node = program.flows[flow]
    if let event = node.starts.compactMap(\.event).first {
      let payload = values.value(of: .record(program.events[event].name), &chance)
      let caller = Caller(id: "c", roles: program.roles)
      take(stepper.start(flow: flow, key: "k", event: event, payload: payload, caller: caller, now: now))
    } else if node.isCallable {
      let arguments = values.value(of: .record(node.parameters.name), &chance)
      take(stepper.start(flow: flow, key: "k", arguments: arguments, now: now))
    } else if !node.starts.isEmpty {
      take(stepper.start(flow: flow, schedule: 0, key: "k", now: now))
    }
  }

  private mutating func input(_ instance: Instance) -> Input? {
    let awaited = jobs.filter { $0.call != nil }
    switch chance.below(4) {
    case 0 where !awaited.isEmpty, 1 where !awaited.isEmpty:
      let job = chance.pick(awaited)
      jobs.removeAll { $0.reference == job.reference }
      return .result(job.reference, outcome(of: job))
    case 2 where !instance.timers.isEmpty:
      let timer = chance.pick(instance.timers)
      now = max(now, timer.due)
      return .timer(transition: timer.transition, armed: timer.armed)
    default:
      // Usually an accepted event, sometimes any other.
      let wanted = stepper.acceptedEvents(of: instance).compactMap { machine.event(named: $0) }
      let events = wanted.isEmpty || chance.below(5) == 0 ? Array(program.events.indices) : wanted
      guard !events.isEmpty else { return nil }
      let event = chance.pick(events)
      let caller = Caller(id: "c", roles: chance.below(3) == 0 ? [] : program.roles)
      return .event(event, payload: values.value(of: .record(program.events[event].name), &chance), caller: caller)
    }
  }

  private mutating func outcome(of job: Job) -> CallOutcome {
    if chance.below(4) == 0 { return .failed(code: "DOWN", message: "no luck", attempts: 2) }
    return .done(machine.result(of: job.target).map { values.value(of: $0, &chance) } ?? .null)
  }

  private mutating func take(_ outcome: Outcome) {
    guard case .accepted(let step) = outcome else { return }
    instance = step.next
    for effect in step.effects {
      switch effect {
      case .job(let job): jobs.append(job)
      case .withdraw(let reference): jobs.removeAll { $0.reference == reference }
      case .arm, .disarm, .emit, .log, .discard, .forget: break
      }
    }
  }
}
