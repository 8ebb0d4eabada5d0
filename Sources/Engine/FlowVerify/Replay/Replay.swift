import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting

/// Searches for a run that goes the way of a guide: the same steps, made by the interpreter.
final class Replay {
  /// The number of steps of the interpreter that one search makes.
  static let maximumSteps = 6000

  let model: VerifiedFlow
  let executor: Executor
  let graph: AbstractGraph
  let stepper: Stepper
  let sampler: InputSampler
  private var steps = 0
  private var ways: [AbstractStep: [Way]] = [:]

  private struct AbstractStep: Hashable {
    var state: Int
    var input: AbstractInput
  }

  /// The common part of the paths of an abstract step to one state.
  private struct Way {
    /// The state after the step; nil for a refusal.
    var target: Int?
    var isMistake: Bool
    var inputs: [InputSet]
  }

  /// The input of one way through an abstract step.
  struct InputSet: Hashable {
    var sets: [ValueSet]
    var roles: [String]
    var sender: String?
    var callers: [String]
  }

  /// The parts that distinguish one situation of a run from another.
  struct Situation: Hashable {
    struct Timer: Hashable {
      var transition: Int
      /// In milliseconds.
      var wait: Int64
    }

    var status: Instance.Status
    var active: StateSet
    var timers: Set<Timer>
    var work: [String]
    var deferred: [DeferredEvent]
    var undoCount: Int
    /// JSON.
    var data: String
  }

  private struct Visit: Hashable {
    var node: Int
    var situation: Situation?
  }

  private struct Node {
    var run: VirtualRun
    var node: Int
    var moves: [RunInput]
  }

  init(_ model: VerifiedFlow, executor: Executor, graph: AbstractGraph, stepper: Stepper) {
    self.model = model
    self.executor = executor
    self.graph = graph
    self.stepper = stepper
    sampler = InputSampler(model)
  }

  /// A run that reaches the goal of a guide; nil when none was found.
  /// - Parameter isGoal: Whether a run has reached it with its last move.
  func run(along guide: Guide, isGivenUp: () -> Bool, isGoal: (VirtualRun, [VirtualRun.RunEvent]) -> Bool)
    -> [RunInput]?
  {
    let distances = guide.distances()
    guard let first = distances.first ?? nil else { return nil }
    steps = 0
    let origin = VirtualRun(stepper: stepper, flow: model.index, now: TestRunner.start)
    var queue: [[Node]] = Array(repeating: [], count: first + 1)
    queue[first].append(Node(run: origin, node: 0, moves: []))
    var seen: Set<Visit> = []
    var cost = first
    while cost < queue.count {
      guard let node = queue[cost].popLast() else {
        cost += 1
        continue
      }
      if isGivenUp() || steps > Replay.maximumSteps { return nil }
      for input in guide.finalInputs[node.node] ?? [] {
        for moves in self.moves(for: input, at: guide.states[node.node], toward: nil, node.run) {
          guard let next = make(moves, from: node.run) else { continue }
          if isGoal(next.run, next.events) { return node.moves + moves }
        }
      }
      for (input, targets) in grouped(guide.edges[node.node].filter { distances[$0.target] != nil }) {
        let states = Set(targets.map { guide.states[$0] })
        for moves in self.moves(for: input, at: guide.states[node.node], toward: states, node.run) {
          guard let next = make(moves, from: node.run) else { continue }
          for target in targets {
            guard let distance = distances[target], matches(next.run, guide.states[target]) else { continue }
            let after = node.moves + moves
            if guide.goals.contains(target), isGoal(next.run, next.events) { return after }
            guard seen.insert(Visit(node: target, situation: situation(next.run))).inserted else { continue }
            let total = after.count + distance
            while queue.count <= total { queue.append([]) }
            queue[Swift.max(total, cost)].append(Node(run: next.run, node: target, moves: after))
          }
        }
      }
    }
    return nil
  }

  private func grouped(_ edges: [Guide.Edge]) -> [(AbstractInput, [Int])] {
    var order: [AbstractInput] = []
    var targets: [AbstractInput: [Int]] = [:]
    for edge in edges {
      if targets[edge.input] == nil { order.append(edge.input) }
      targets[edge.input, default: []].append(edge.target)
    }
    return order.map { ($0, targets[$0] ?? []) }
  }

  private func make(_ moves: [RunInput], from run: VirtualRun) -> (run: VirtualRun, events: [VirtualRun.RunEvent])? {
    var next = run
    var events: [VirtualRun.RunEvent] = []
    for move in moves {
      steps += 1
      guard let made = next.make(move) else { return nil }
      events = made
    }
    return (next, events)
  }

  /// The situation of a run; nil before its instance has started.
  func situation(_ run: VirtualRun) -> Situation? {
    guard let instance = run.instance else { return nil }
    return Situation(
      status: instance.status, active: instance.active,
      timers: Set(instance.timers.map { .init(transition: $0.transition, wait: $0.due - run.now) }),
      work: run.outstanding.filter(\.isAwaited).map { stepper.machine.name(of: $0.job.target) }.sorted(),
      deferred: instance.deferred, undoCount: instance.undos.count,
      data: instance.dataJSON(in: stepper.machine).text())
  }

  // MARK: - Matching

  /// True if a run is in a situation that an abstract state stands for, as far as states and data show.
  func matches(_ run: VirtualRun, _ state: Int) -> Bool {
    run.instance.map { matches($0, state) } ?? false
  }

  func matches(_ instance: Instance, _ state: Int) -> Bool {
    let layout = model.layout
    let cells = Array(graph.states[state])
    let status: Int32 =
      switch instance.status {
      case .running: 0
      case .done: 1
      case .failed: 2
      }
    guard cells[layout.status] == status else { return false }
    for index in model.flow.states.indices {
      let isActive = cells[layout.active + index.position / 32] & (1 << Int32(index.position % 32)) != 0
      if isActive != instance.active.contains(index) { return false }
    }
    for (field, declaration) in model.flow.fields.enumerated() {
      let (shape, first) = layout.slots[field]
      let value = instance.value(ofField: field, in: stepper.machine)
      var position = layout.data + first
      guard fits(value, type: declaration.type, shape: shape, in: cells, at: &position) else { return false }
    }
    return true
  }

  private func fits(_ value: Value?, type: ValueType, shape: Shape, in cells: [Int32], at position: inout Int) -> Bool {
    let set = { (cell: Int32) in self.executor.pool[SetIndex(rawValue: cell)] }
    switch (shape, value) {
    case (.scalar, _):
      defer { position += 1 }
      return set(cells[position]).contains(value)
    case (.optional(let content), .optional(let wrapped)?):
      let isPresent = set(cells[position]).contains(.bool(wrapped != nil))
      position += 1
      guard let wrapped, case .optional(let inner) = type else {
        position += content.leaves.count
        return isPresent
      }
      return fits(wrapped, type: inner, shape: content, in: cells, at: &position) && isPresent
    case (.record(let name, let shapes), .record(let record)?):
      var isFitting = true
      for (field, shape) in zip(model.types.record(named: name)?.fields ?? [], shapes) {
        if !fits(record[field.name], type: field.type, shape: shape, in: cells, at: &position) { isFitting = false }
      }
      return isFitting
    default:
      // A field that was never assigned.
      let first = position
      position += shape.leaves.count
      return value == nil ? shape.leaves.isEmpty || set(cells[first]) == .unset : true
    }
  }
}

extension Replay {
  /// The inputs of an abstract step, by the ways through it.
  /// - Parameter targets: The states that the step leads to; nil for ways that end in a mistake.
  func inputSets(_ input: AbstractInput, at state: Int, toward targets: Set<Int>?) -> [InputSet] {
    var found: [InputSet] = []
    for way in ways(of: input, at: state) {
      let isMeant = if let targets { way.target.map(targets.contains) ?? false } else { way.isMistake }
      for set in way.inputs where isMeant && !found.contains(set) { found.append(set) }
    }
    return found
  }

  /// Executes an abstract step once for all searches.
  private func ways(of input: AbstractInput, at state: Int) -> [Way] {
    let step = AbstractStep(state: state, input: input)
    if let known = ways[step] { return known }
    var found: [Way] = []
    executor.recordsInputs = true
    defer { executor.recordsInputs = false }
    executor.execute(input, from: graph.states[state]) { result in
      let isMistake = isMistake(result)
      var target: Int?
      if case .refused = result.kind {} else { target = graph.states.number(of: result.cells) }
      guard isMistake || target != nil else { return }
      if let index = found.firstIndex(where: { $0.target == target && $0.isMistake == isMistake }) {
        for set in result.inputs where !found[index].inputs.contains(set) { found[index].inputs.append(set) }
      } else {
        found.append(Way(target: target, isMistake: isMistake, inputs: result.inputs))
      }
    }
    ways[step] = found
    return found
  }

  private func isMistake(_ result: PathResult) -> Bool {
    switch result.kind {
    case .refused(let refusal), .incident(let refusal): refusal.isMistake
    case .applied, .ignored, .deferred: !result.refusedOffers.isEmpty
    }
  }
}

extension Executor {
  /// The sets of the input of the path that was executed last, and its caller.
  func inputSet() -> Replay.InputSet {
    let sets = symbolSets[Swift.min(inputStart, symbolSets.count)...].map { pool[$0] }
    var roles: [String] = []
    var sender: String?
    for (admission, isAdmitted) in admissions where isAdmitted {
      let refused = Set(admissions.filter { !$0.value }.flatMap(\.key.roles))
      if let role = admission.roles.first(where: { !refused.contains($0) }) {
        roles.append(model.program.roles[role])
      } else if let flow = admission.senders.first {
        sender = model.program.flows[flow].name
      }
    }
    var callers: [String] = []
    if case .record(_, let fields)? = caller, case .scalar(let id)? = fields.first,
      case .texts(let named, let isComplement) = set(of: id)
    {
      callers = isComplement ? ["x", "y"].filter { !named.contains($0) } : named.sorted()
    }
    return Replay.InputSet(sets: sets, roles: roles.sorted(), sender: sender, callers: callers)
  }
}
