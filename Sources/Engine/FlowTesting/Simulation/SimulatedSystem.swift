import CEL
import FlowIR
import FlowMachine

/// One run of a simulation in which several flows run together.
struct SimulatedSystem {
  typealias Name = VirtualSystem.Name

  let simulation: GroupSimulation
  private(set) var system: VirtualSystem
  private(set) var moves: [SystemInput] = []
  private(set) var problem: SimulatedProblem?
  /// The flow of the instance with the problem.
  private(set) var failed: FlowIndex?
  private(set) var coverage: Coverage
  private var recorded = 0

  init(_ simulation: GroupSimulation) {
    self.simulation = simulation
    system = VirtualSystem(stepper: simulation.stepper, flows: simulation.flows, now: TestRunner.start)
    coverage = Coverage(flowCount: simulation.program.flows.count)
  }

  private var program: Program { simulation.program }
  private var values: RandomValues { simulation.values }

  // MARK: - Choosing

  /// The maximum number of instances of a run.
  private static let maximumInstances = 12

  /// A random possible input; nil when the run is over.
  func choose(_ chance: inout SeededRandom) -> SystemInput? {
    let running = system.names.filter { system[$0]?.status == .running }
    var options: [SystemInput?] = []
    let events = running.flatMap { name in possibleEvents(of: name).map { (name: name, event: $0) } }
    if !events.isEmpty {
      let (name, event) = chance.pick(events)
      let input = send(event, to: name, &chance)
      options += [input, input, input]
    }
    let work = system.work.filter(\.isOpen)
    if !work.isEmpty {
      let item = chance.pick(work)
      let input = end(item.job.target, owner: item.owner, &chance)
      options += [input, input]
    }
    if let due = system.nextDue { options.append(.advance(max(due - system.now, 0))) }
    if running.isEmpty ? system.names.isEmpty : system.names.count < SimulatedSystem.maximumInstances {
      options.append(start(&chance))
    }
    return options.isEmpty ? nil : chance.pick(options)
  }

  /// The events that a caller may send to an instance.
  private func possibleEvents(of name: Name) -> [EventIndex] {
    guard let instance = system[name] else { return [] }
    return system.stepper.acceptedEvents(of: instance).compactMap(system.machine.event)
  }

  private func start(_ chance: inout SeededRandom) -> SystemInput? {
    var options: [SystemInput] = []
    for flow in simulation.flows {
      let node = program.flows[flow]
      let events = node.starts.compactMap(\.event).filter { !program.events[$0].isInternal }
      if !events.isEmpty {
        let event = chance.pick(events)
        options.append(
          .send(event: event, payload: payload(of: event, &chance), caller: caller(of: event, &chance), receiver: nil))
      } else if node.isCallable, !simulation.called.contains(flow) {
        options.append(.start(flow, values.value(of: .record(node.parameters.name), &chance)))
      }
    }
    return options.isEmpty ? nil : chance.pick(options)
  }

  private func payload(of event: EventIndex, _ chance: inout SeededRandom) -> Value {
    values.value(of: .record(program.events[event].name), &chance)
  }

  private func caller(of event: EventIndex, _ chance: inout SeededRandom) -> Caller {
    var caller = values.caller(of: event, program, &chance)
    // Events of flows come from the flows themselves.
    caller.flow = nil
    return caller
  }

  /// An event for an instance: with its key, or to its address when the event has no key.
  private func send(_ event: EventIndex, to name: Name, _ chance: inout SeededRandom) -> SystemInput {
    let payload = system.machine.payload(payload(of: event, &chance), of: event, for: name.key, flow: name.flow)
    let caller = caller(of: event, &chance)
    let isKeyed = system.machine.hasKey(of: name.flow, event: event)
    return .send(event: event, payload: payload, caller: caller, receiver: isKeyed ? nil : name)
  }

  private func end(_ target: Call.Target, owner: Name, _ chance: inout SeededRandom) -> SystemInput {
    let machine = system.machine
    let codes = machine.failureCodes(of: target)
    if !codes.isEmpty, chance.below(3) == 0 {
      return .end(target, owner: owner, .failed(code: chance.pick(codes), message: "simulated", attempts: 1))
    }
    return .end(target, owner: owner, .done(values.result(of: target, in: machine, &chance)))
  }

  // MARK: - Making

  /// Makes an input; one without an effect is not recorded.
  /// - Returns: The expectations that a test needs after it.
  @discardableResult mutating func make(_ input: SystemInput) -> [String] {
    guard system.make(input) else { return [] }
    moves.append(input)
    var expectations: [String] = []
    while recorded < system.occurrences.count {
      if let expectation = note(system.occurrences[recorded]), !expectations.contains(expectation) {
        expectations.append(expectation)
      }
      recorded += 1
    }
    if system.isEndless, problem == nil {
      problem = SimulatedProblem(
        kind: "endless events", name: "events follow each other without end",
        message: "events follow each other without end", expectation: "")
    }
    checkStuck()
    return expectations
  }

  private mutating func note(_ occurrence: VirtualSystem.Occurrence) -> String? {
    let flow = occurrence.name.flow
    let isEvent = [.event, .emission].contains(occurrence.origin)
    switch occurrence.outcome {
    case .accepted(let step):
      coverage.add(step, of: flow, in: program.flows[flow])
      for refused in step.refused { note(refused.refusal, of: flow, "expect refused") }
      return step.refused.isEmpty ? nil : "expect refused"
    case .refused(let refusal):
      guard !occurrence.isHarmless, occurrence.origin != .call else { return nil }
      let expectation = isEvent ? "expect refused" : "expect incident"
      note(refusal, of: flow, expectation)
      return expectation
    }
  }

  private mutating func note(_ refusal: Refusal, of flow: FlowIndex, _ expectation: String) {
    guard problem == nil, let found = SimulatedProblem(refusal, expectation: expectation) else { return }
    problem = found
    failed = flow
  }

  /// Records an instance that no event, timer or result can ever change.
  private mutating func checkStuck() {
    guard problem == nil else { return }
    for name in system.names {
      guard let instance = system[name], instance.status == .running, instance.timers.isEmpty,
        !system.work.contains(where: { $0.owner == name }),
        !system.stepper.acceptedEvents(of: instance, includesInternal: true).compactMap(system.machine.event)
          .contains(where: { values.isSent($0, program) })
      else { continue }
      problem = SimulatedProblem(stuck: system.leafPaths(of: name), instance: system.text(of: name))
      failed = name.flow
      return
    }
  }
}
