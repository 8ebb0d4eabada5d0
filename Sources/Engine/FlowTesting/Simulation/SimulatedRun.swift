import CEL
import FlowIR
import FlowMachine

/// One run of a simulation.
struct SimulatedRun {
  let simulation: Simulation
  var run: VirtualRun
  private(set) var moves: [RunInput] = []
  private(set) var problem: SimulatedProblem?
  private(set) var coverage: Coverage

  init(_ simulation: Simulation) {
    self.simulation = simulation
    run = VirtualRun(stepper: simulation.stepper, flow: simulation.flow, now: TestRunner.start)
    coverage = Coverage(flowCount: simulation.program.flows.count)
  }

  private var flow: Flow { simulation.program.flows[simulation.flow] }

  func isIn(_ state: StateIndex) -> Bool { run.instance?.active.contains(state) ?? false }

  // MARK: - Choosing

  /// A random possible input; nil when the run is over.
  func choose(_ chance: inout SeededRandom) -> RunInput? {
    guard let instance = run.instance else { return begin(&chance) }
    guard instance.status == .running else { return nil }
    var options: [Int] = []
    let events = possibleEvents(of: instance)
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

  /// The events that an instance accepts and that a caller or a flow sends.
  private func possibleEvents(of instance: Instance) -> [EventIndex] {
    simulation.stepper.acceptedEvents(of: instance, includesInternal: true)
      .compactMap(simulation.stepper.machine.event).filter { simulation.values.isSent($0, simulation.program) }
  }

  private func begin(_ chance: inout SeededRandom) -> RunInput? {
    let events = flow.starts.compactMap(\.event)
    if !events.isEmpty { return send(chance.pick(events), &chance) }
    guard flow.isCallable else { return run.nextDue.map { .advance(max($0 - run.now, 0)) } }
    return .start(simulation.values.value(of: .record(flow.parameters.name), &chance))
  }

  private func send(_ event: EventIndex, _ chance: inout SeededRandom) -> RunInput {
    let name = simulation.program.events[event].name
    var payload = simulation.values.value(of: .record(name), &chance)
    if let key = run.instance?.key {
      payload = simulation.stepper.machine.payload(payload, of: event, for: key, flow: simulation.flow)
    }
    return .send(
      event: event, payload: payload, caller: simulation.values.caller(of: event, simulation.program, &chance))
  }

  private func end(_ target: Call.Target, _ chance: inout SeededRandom) -> RunInput {
    let machine = simulation.stepper.machine
    let codes = machine.failureCodes(of: target)
    if !codes.isEmpty, chance.below(3) == 0 {
      return .end(target, .failed(code: chance.pick(codes), message: "simulated", attempts: 1))
    }
    return .end(target, .done(simulation.values.result(of: target, in: machine, &chance)))
  }

  // MARK: - Making

  @discardableResult mutating func make(_ move: RunInput) -> [VirtualRun.RunEvent] {
    moves.append(move)
    let isAnswered =
      switch move {
      case .send, .start: true
      case .end, .advance: false
      }
    let events = run.make(move) ?? []
    note(events, isAnswered: isAnswered)
    return events
  }

  private mutating func note(_ runEvents: [VirtualRun.RunEvent], isAnswered: Bool) {
    for runEvent in runEvents {
      switch runEvent.outcome {
      case .accepted(let step):
        coverage.add(step, of: simulation.flow, in: flow)
        for refused in step.refused where problem == nil {
          problem = mistake(refused.refusal, isAnswered: isAnswered)
        }
      case .refused(let refusal):
        if problem == nil { problem = mistake(refusal, isAnswered: isAnswered) }
      }
    }
  }

  private func mistake(_ refusal: Refusal, isAnswered: Bool) -> SimulatedProblem? {
    SimulatedProblem(refusal, expectation: isAnswered ? "expect refused" : "expect incident")
  }

  /// True if no further input of a running instance is possible.
  var isStuck: Bool {
    guard let instance = run.instance, instance.status == .running, problem == nil else { return false }
    return possibleEvents(of: instance).isEmpty && run.nextTimer == nil
      && !run.outstanding.contains(where: \.isAwaited)
  }

  /// Records a stuck instance as a problem.
  mutating func checkStuck() {
    guard isStuck else { return }
    problem = SimulatedProblem(stuck: run.leafPaths, instance: nil)
  }
}
