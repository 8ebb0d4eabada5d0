import CEL
public import FlowIR
import FlowJSON
public import FlowMachine

/// Searches for a shortest sequence of inputs from one situation to another, by trying every event with some values,
/// every outcome of a call and every timer.
///
/// Situations that differ only in their history count as one. The values are small ones, and those that occur in the
/// flow, so that a situation that is not found may still be reachable.
public struct BoundedSearch {
  /// The maximum number of visited situations.
  public static let maximumSituations = 20_000
  /// The default maximum length of a sequence.
  public static let usualDepth = 8
  /// The number of payloads tried for each event.
  static let samples = 12
  private static let draws = 48

  public enum Answer {
    case found([RunInput])
    /// No sequence up to that length; complete when all sequences were tried.
    case none(situations: Int, isComplete: Bool)
    /// Too many situations, or the search was cancelled.
    case givenUp(situations: Int, depth: Int)
  }

  private struct Node {
    var run: VirtualRun
    var parent: Int
    var move: RunInput?
    var depth: Int
  }

  private let origin: VirtualRun
  private let values: RandomValues
  private var payloads: [EventIndex: [RunInput]] = [:]

  public init(from origin: VirtualRun) {
    self.origin = origin
    values = RandomValues([origin.program.flows[origin.flow]], in: origin.program, origin.stepper.machine.types)
  }

  /// Searches breadth first for a situation in which `isGoal` is true.
  /// - Parameter isGivenUp: Returns true to cancel; called before each situation.
  public mutating func run(depth: Int, isGivenUp: () -> Bool, isGoal: (VirtualRun) -> Bool) -> Answer {
    if isGoal(origin) { return .found([]) }
    var nodes = [Node(run: origin, parent: -1, depth: 0)]
    var seen: Set<[String]> = [situation(origin)]
    var index = 0
    var isComplete = true
    while index < nodes.count {
      let node = nodes[index]
      defer { index += 1 }
      guard node.depth < depth else {
        isComplete = false
        continue
      }
      for move in moves(at: node.run) {
        if isGivenUp() || nodes.count >= BoundedSearch.maximumSituations {
          return .givenUp(situations: nodes.count, depth: node.depth)
        }
        var next = node.run
        guard next.make(move) != nil, seen.insert(situation(next)).inserted else { continue }
        nodes.append(Node(run: next, parent: index, move: move, depth: node.depth + 1))
        if isGoal(next) { return .found(way(to: nodes.count - 1, nodes)) }
      }
    }
    return .none(situations: nodes.count, isComplete: isComplete)
  }

  private func way(to last: Int, _ nodes: [Node]) -> [RunInput] {
    var moves: [RunInput] = []
    var index = last
    while index >= 0 {
      if let move = nodes[index].move { moves.append(move) }
      index = nodes[index].parent
    }
    return moves.reversed()
  }

  /// The identity of a situation: states, data, timers by their remaining time, and pending work.
  private func situation(_ run: VirtualRun) -> [String] {
    guard let instance = run.instance else { return [] }
    let machine = run.stepper.machine
    let timers = instance.timers.map { "\($0.transition) \($0.due - run.now)" }
    let work = run.outstanding.filter(\.isAwaited).map { machine.name(of: $0.job.target) }
    let rest = ["\(instance.deferred)", "\(instance.undos.count)", instance.dataJSON(in: machine).text()]
    return run.leafPaths + [instance.status.rawValue] + timers.sorted() + work.sorted() + rest
  }

  // MARK: - Possible inputs

  private mutating func moves(at run: VirtualRun) -> [RunInput] {
    let flow = run.program.flows[run.flow]
    guard let instance = run.instance else {
      return flow.starts.compactMap(\.event).flatMap { sends($0) } + starts(flow)
    }
    guard instance.status == .running else { return [] }
    let machine = run.stepper.machine
    var moves = run.stepper.acceptedEvents(of: instance, includesInternal: true).compactMap(machine.event)
      .filter { values.isSent($0, run.program) }.flatMap { sends($0, to: instance, in: machine) }
    var asked: Set<Call.Target> = []
    for work in run.outstanding where work.isAwaited && asked.insert(work.job.target).inserted {
      moves += ends(work.job.target, machine)
    }
    if let timer = run.nextTimer { moves.append(.advance(max(timer.due - run.now, 0))) }
    return moves
  }

  private mutating func sends(_ event: EventIndex) -> [RunInput] {
    if let known = payloads[event] { return known }
    let type = ValueType.record(origin.program.events[event].name)
    let found = distinct { chance in
      .send(
        event: event, payload: values.value(of: type, &chance),
        caller: values.caller(of: event, origin.program, &chance))
    }
    payloads[event] = found
    return found
  }

  /// The inputs of an event that have the key of the instance, each once.
  private mutating func sends(_ event: EventIndex, to instance: Instance, in machine: Machine) -> [RunInput] {
    var seen: Set<RunInput> = []
    return sends(event).compactMap { input in
      guard case .send(_, let payload, let caller) = input else { return nil }
      let keyed = machine.payload(payload, of: event, for: instance.key, flow: instance.flow)
      let input = RunInput.send(event: event, payload: keyed, caller: caller)
      return seen.insert(input).inserted ? input : nil
    }
  }

  private func starts(_ flow: Flow) -> [RunInput] {
    guard flow.isCallable else { return [] }
    return distinct { .start(values.value(of: .record(flow.parameters.name), &$0)) }
  }

  private func ends(_ target: Call.Target, _ machine: Machine) -> [RunInput] {
    let codes = machine.failureCodes(of: target).map { code in
      RunInput.end(target, .failed(code: code, message: "tried", attempts: 1))
    }
    guard machine.result(of: target) != nil else { return [.end(target, .done(.null))] + codes }
    return distinct { .end(target, .done(values.result(of: target, in: machine, &$0))) } + codes
  }

  /// A few random inputs, the same in each run.
  private func distinct(_ make: (inout SeededRandom) -> RunInput) -> [RunInput] {
    var chance = SeededRandom(seed: 1)
    var moves: [RunInput] = []
    var seen: Set<RunInput> = []
    for _ in 0..<BoundedSearch.draws where moves.count < BoundedSearch.samples {
      let move = make(&chance)
      if seen.insert(move).inserted { moves.append(move) }
    }
    return moves
  }
}

extension Machine {
  /// The error codes that a caller can distinguish.
  public func failureCodes(of target: Call.Target) -> [String] {
    switch target {
    case .action(let action): program.actions[action].failures
    case .flow(let flow): program.flows[flow].states.filter { $0.kind == .failed }.map(\.name)
    }
  }
}
