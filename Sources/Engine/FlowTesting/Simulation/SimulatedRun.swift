import CEL
import FlowIR
import FlowMachine

/// One run of a simulation.
struct SimulatedRun {
  let simulation: Simulation
  var run: VirtualRun
  private(set) var moves: [RunInput] = []
  private(set) var problem: SimulatedProblem?
  private var states: Set<StateIndex> = []
  private var transitions: Set<Int> = []

  init(_ simulation: Simulation) {
    self.simulation = simulation
    run = VirtualRun(stepper: simulation.stepper, flow: simulation.flow, now: TestRunner.start)
  }

  private var flow: Flow { simulation.program.flows[simulation.flow] }

  func isIn(_ state: StateIndex) -> Bool { run.instance?.active.contains(state) ?? false }

  // MARK: - Choosing

  /// Something that is possible now; nil when the run is over.
  func choose(_ chance: inout SeededRandom) -> RunInput? {
    guard let instance = run.instance else { return begin(&chance) }
    guard instance.status == .running else { return nil }
    var options: [Int] = []
    let events = simulation.stepper.acceptedEvents(of: instance, includesInternal: true)
      .compactMap(run.stepper.machine.event).filter { simulation.values.isSent($0, simulation.program) }
    let work = run.outstanding.filter(\.isAwaited)
    if !events.isEmpty { options += [0, 0, 0] }
    if !work.isEmpty { options += [1, 1] }
    if run.nextTimer != nil { options.append(2) }
    guard !options.isEmpty else { return nil }
    switch chance.pick(options) {
    case 0: return send(chance.pick(events), &chance)
    case 1: return end(chance.pick(work).job.target, &chance)
    default: return run.nextTimer.map { .advance(max($0.due - run.now, 0)) }
    }
  }

  private func begin(_ chance: inout SeededRandom) -> RunInput? {
    let events = flow.starts.compactMap(\.event)
    if !events.isEmpty { return send(chance.pick(events), &chance) }
    guard flow.isCallable else { return nil }
    return .start(simulation.values.value(of: .record(flow.parameters.name), &chance))
  }

  private func send(_ event: EventIndex, _ chance: inout SeededRandom) -> RunInput {
    let name = simulation.program.events[event].name
    let payload = simulation.values.value(of: .record(name), &chance)
    return .send(
      event: event, payload: payload, caller: simulation.values.caller(of: event, simulation.program, &chance))
  }

  private func end(_ target: Call.Target, _ chance: inout SeededRandom) -> RunInput {
    let machine = simulation.stepper.machine
    let codes = machine.failureCodes(of: target)
    if !codes.isEmpty, chance.below(3) == 0 {
      return .end(target, .failed(code: chance.pick(codes), message: "simulated", attempts: 1))
    }
    let value = machine.result(of: target).map { simulation.values.value(of: $0, &chance) } ?? .null
    return .end(target, .done(value))
  }

  // MARK: - Making

  mutating func make(_ move: RunInput) {
    moves.append(move)
    let isAnswered =
      switch move {
      case .send, .start: true
      case .end, .advance: false
      }
    note(run.make(move) ?? [], isAnswered: isAnswered)
  }

  private mutating func note(_ happenings: [VirtualRun.RunEvent], isAnswered: Bool) {
    for happening in happenings {
      switch happening.outcome {
      case .accepted(let step):
        states.formUnion(step.next.active.ascending)
        transitions.formUnion(step.transitions)
        // States that are left in the same step count as well.
        states.formUnion(step.transitions.compactMap { flow.transitions[$0].target })
        checkPromises(step.next)
      case .refused(let refusal):
        if problem == nil { problem = mistake(refusal, isAnswered: isAnswered) }
      }
    }
  }

  /// A refusal that is no answer to the event but a mistake of the flow.
  private func mistake(_ refusal: Refusal, isAnswered: Bool) -> SimulatedProblem? {
    let expectation = isAnswered ? "expect refused" : "expect incident"
    switch refusal.reason {
    case .failed(let message, let place):
      return SimulatedProblem(
        kind: "failed \(place)", name: "fails at \(place.line)", message: "\(place): \(message)",
        expectation: expectation)
    case .invariant(let text, _):
      return SimulatedProblem(
        kind: "invariant \(text)", name: "would break the invariant", message: refusal.message,
        expectation: expectation)
    case .raised(let event, _):
      return SimulatedProblem(
        kind: "raised \(event)", name: "raises what nothing takes", message: refusal.message, expectation: expectation)
    case .tooManyMicrosteps:
      return SimulatedProblem(
        kind: "endless", name: "runs without end", message: refusal.message, expectation: expectation)
    default: return nil
    }
  }

  /// `never a and b`
  private mutating func checkPromises(_ instance: Instance) {
    for case .never(let together) in flow.properties where problem == nil {
      guard together.allSatisfy(instance.active.contains) else { continue }
      let names = together.map { flow.states[$0].path }
      problem = SimulatedProblem(
        kind: "never \(names)", name: "never \(names.joined(separator: " and "))",
        message: "\(names.map { "`\($0)`" }.joined(separator: " and ")) are active together",
        expectation: "expect state \(names.joined(separator: ", "))")
    }
  }

  func note(in coverage: inout Coverage) {
    coverage.states[simulation.flow].formUnion(states)
    coverage.transitions[simulation.flow].formUnion(transitions)
    coverage.held[simulation.flow].formUnion(transitions)
  }
}
