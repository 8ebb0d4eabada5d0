import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowTesting

/// Searches for a run of several flows that goes the way of a graph: the same steps, made by the interpreter.
final class GroupReplay {
  static let maximumSteps = 4000

  private let graph: GroupGraph
  private let stepper: Stepper
  private let simulation: GroupSimulation
  /// For each member, the search for the inputs of its steps.
  private let replays: [Replay]
  private var steps = 0

  private struct Node {
    var system: VirtualSystem
    var situation: Int
    var moves: [SystemInput]
  }

  init(_ graph: GroupGraph, _ stepper: Stepper, simulation: GroupSimulation) {
    self.graph = graph
    self.stepper = stepper
    self.simulation = simulation
    replays = graph.group.members.map { member in
      Replay(
        member.model, executor: member.executor, graph: AbstractGraph(states: member.states), stepper: stepper)
    }
  }

  private var members: [GroupMember] { graph.group.members }

  /// The inputs of a run that reaches a goal; nil when none was found.
  /// - Parameters:
  ///   - goals: The situations of the goal, and those in which an input reaches it.
  ///   - isGoal: Whether the last input of a run has reached it.
  func run(
    toward goals: Set<Int>, isGivenUp: () -> Bool, isGoal: (VirtualSystem, Int) -> Bool
  ) -> [SystemInput]? {
    let distances = distances(to: goals)
    guard let first = distances[0] else { return nil }
    steps = 0
    var queue: [[Node]] = Array(repeating: [], count: first + 1)
    let origin = VirtualSystem(stepper: stepper, flows: members.map(\.index), now: TestRunner.start)
    queue[first].append(Node(system: origin, situation: 0, moves: []))
    var cost = first
    var seen: Set<[Int]> = []
    while cost < queue.count {
      guard let node = queue[cost].popLast() else {
        cost += 1
        continue
      }
      if isGivenUp() || steps > GroupReplay.maximumSteps { return nil }
      for input in inputs(at: node.situation) {
        for move in moves(for: input, node) {
          steps += 1
          var system = node.system
          let before = system.occurrences.count
          guard system.make(move) else { continue }
          let moves = node.moves + [move]
          if isGoal(system, before) { return moves }
          for target in targets(of: input, from: node.situation) where matches(system, target) {
            guard let distance = distances[target], seen.insert(key(system, target)).inserted else { continue }
            let total = Swift.max(moves.count + distance, cost)
            while queue.count <= total { queue.append([]) }
            queue[total].append(Node(system: system, situation: target, moves: moves))
          }
        }
      }
    }
    return nil
  }

  /// The number of inputs from each situation to a goal.
  private func distances(to goals: Set<Int>) -> [Int?] {
    var before: [[(source: Int, isFree: Bool)]] = Array(repeating: [], count: graph.situations.count)
    for (source, edges) in graph.edges.enumerated() {
      for edge in edges { before[edge.target].append((source, edge.input?.isConsequence ?? true)) }
    }
    var found: [Int?] = Array(repeating: nil, count: graph.situations.count)
    for goal in goals { found[goal] = 0 }
    var levels: [[Int]] = [goals.sorted()]
    var level = 0
    while level < levels.count {
      var open = levels[level]
      while let situation = open.popLast() {
        guard found[situation] == level else { continue }
        for (source, isFree) in before[situation] {
          let distance = isFree ? level : level + 1
          if let known = found[source], known <= distance { continue }
          found[source] = distance
          if isFree {
            open.append(source)
          } else {
            if levels.count <= distance { levels.append([]) }
            levels[distance].append(source)
          }
        }
      }
      level += 1
    }
    return found
  }

  private func inputs(at situation: Int) -> [FlowGroup.Input] {
    graph.group.inputs(of: graph.situations[situation]).filter { !$0.isConsequence }
  }

  /// The situations after an input and all that follows from it.
  private func targets(of input: FlowGroup.Input, from situation: Int) -> [Int] {
    var open = graph.edges[situation].filter { $0.input == input }.map(\.target)
    var seen = Set(open)
    var found: [Int] = []
    while let next = open.popLast() {
      let following = graph.edges[next].filter { $0.input?.isConsequence ?? true }
      if following.isEmpty { found.append(next) }
      for edge in following where seen.insert(edge.target).inserted { open.append(edge.target) }
    }
    return found.sorted()
  }

  private func instance(of member: Int, in system: VirtualSystem) -> Instance? {
    system.names(of: members[member].index).last.flatMap { system[$0] }
  }

  private func matches(_ system: VirtualSystem, _ situation: Int) -> Bool {
    members.indices.allSatisfy { member in
      let state = graph.situations[situation].states[member]
      guard let instance = instance(of: member, in: system) else { return state == GroupMember.notStarted }
      // A cancelled instance counts as one that has not started.
      if state == GroupMember.notStarted { return instance.status != .running }
      return replays[member].matches(instance, state)
    }
  }

  private func key(_ system: VirtualSystem, _ situation: Int) -> [Int] {
    var hasher = Hasher()
    for name in system.names {
      guard let instance = system[name] else { continue }
      hasher.combine(name)
      hasher.combine(system.leafPaths(of: name))
      hasher.combine(instance.dataJSON(in: stepper.machine).text())
      hasher.combine(instance.timers.map { $0.due - system.now })
    }
    return [situation, hasher.finalize()]
  }

  // MARK: - Moves

  private func moves(for input: FlowGroup.Input, _ node: Node) -> [SystemInput] {
    let member = input.member
    let state = graph.state(for: input, in: graph.situations[node.situation])
    let flow = members[member].index
    if case .timer = input.input {
      return node.system.nextDue.map { [.advance(Swift.max($0 - node.system.now, 0))] } ?? []
    }
    let dummy = VirtualRun(stepper: stepper, flow: flow, now: TestRunner.start)
    var found: [SystemInput] = []
    for targets in [nil, Set(targetStates(of: input, state))] {
      for moves in replays[member].moves(for: input.input, at: state, toward: targets, dummy) {
        guard let move = moves.last, moves.count == 1, let made = system(move, of: member, node) else { continue }
        if !found.contains(made) { found.append(made) }
      }
    }
    return found
  }

  private func targetStates(of input: FlowGroup.Input, _ state: Int) -> [Int] {
    members[input.member].outcomes(of: input.input, from: state).filter { !$0.isRefused }.map(\.target)
  }

  /// An input of one flow as one of the system.
  private func system(_ move: RunInput, of member: Int, _ node: Node) -> SystemInput? {
    let flow = members[member].index
    switch move {
    case .advance(let wait): return .advance(wait)
    case .start(let arguments): return .start(flow, arguments)
    case .end(let target, let outcome):
      guard let name = node.system.names(of: flow).last else { return nil }
      return .end(target, owner: name, outcome)
    case .send(let event, let payload, let caller):
      guard let name = node.system.names(of: flow).last, node.system[name]?.status == .running else {
        return .send(event: event, payload: payload, caller: caller, receiver: nil)
      }
      let machine = stepper.machine
      guard machine.hasKey(of: flow, event: event) else {
        return .send(event: event, payload: payload, caller: caller, receiver: name)
      }
      guard let field = machine.keyField(of: event, flow: flow), case .record(let record) = payload else {
        return .send(event: event, payload: payload, caller: caller, receiver: nil)
      }
      var fields = record.fields
      fields[field].value = .string(name.key)
      let keyed = Value.record(RecordValue(typeName: record.typeName, fields: fields))
      return .send(event: event, payload: keyed, caller: caller, receiver: nil)
    }
  }
}
