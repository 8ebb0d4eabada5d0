import CEL
import FlowIR
import FlowSyntax

/// Explores the reachable configurations of a flow. Guards are unknowns: each may be true or false, unless it is proved
/// that it is always or never true.
struct Explorer {
  /// The maximum size of the graph; a larger flow is not analysed in this way.
  static let maximumNodes = 2000
  static let maximumEdges = 40_000
  /// The maximum number of selections that are explored for one event.
  static let maximumChoices = 64
  /// The number of internal events that are kept.
  static let maximumQueue = 6

  /// The signal that a step reacts to.
  enum Signal: Hashable {
    case always
    case event(Int)
    /// An event that only `on any` handles.
    case otherEvent
    case done(Int)
    /// One reaction by itself, such as a timer.
    case reaction(Int)
    case callDone(Int)
    case callFailed(Int)
    case itemDone(Int)
    case itemFailed(Int)
  }

  struct HandlerKey: Hashable {
    var state: Int
    var signal: Signal
  }

  let states: [CheckedState]
  let reactions: [CheckedReaction]
  let starts: [CheckedStart]
  let calls: [CheckedCall]
  /// The certainty of the guard of each reaction.
  private let certainty: [GuardLogic.Certainty]
  /// The states that a migration enters.
  let migrated: [Int]
  let assignedAfterStart: Set<Int>

  private let reactionsByState: [[Int]]
  /// The reactions of a state to a signal, in the order of the text.
  let handlers: [HandlerKey: [Int]]
  /// The indices of the steps of each state that has some.
  private let steps: [Int: [Int]]
  /// The states with a reaction to `always`.
  let eager: Set<Int>
  var graph = StateGraph()
  var isOverBudget = false
  private var waiting: [Int] = []
  /// Configurations inside of a state, for its history.
  var remembered: [Int: Set<[Int]>] = [:]

  init(
    states: [CheckedState], reactions: [CheckedReaction], starts: [CheckedStart], calls: [CheckedCall],
    reactionsByState: [[Int]], certainty: [GuardLogic.Certainty], migrated: [Int]
  ) {
    self.states = states
    self.reactions = reactions
    self.starts = starts
    self.calls = calls
    self.certainty = certainty
    self.migrated = migrated
    self.reactionsByState = reactionsByState
    steps = Dictionary(grouping: calls.indices.filter { calls[$0].isStep }) { calls[$0].state }
    handlers = reactions.indices.reduce(into: [:]) { found, index in
      guard let signal = reactions[index].signal else { return }
      found[HandlerKey(state: reactions[index].source, signal: signal), default: []].append(index)
    }
    eager = Set(handlers.keys.lazy.filter { $0.signal == .always }.map(\.state))
    let statements = states.flatMap { $0.entry + $0.exit } + reactions.flatMap(\.rest.statements)
    let stateFields = states.flatMap(\.fields).map { FrameLayout.firstField + $0 }
    assignedAfterStart = Set(statements.compactMap(\.assignedSlot) + stateFields)
  }

  /// The graph; nil when it is too large.
  mutating func explore() -> StateGraph? {
    for start in starts {
      guard let target = start.rest.target else { continue }
      enter(target, statements: start.rest.statements, isMigrated: false)
    }
    for state in migrated { enter(state, statements: [], isMigrated: true) }
    while let index = waiting.popLast() {
      expand(index)
      guard !isOverBudget, graph.nodes.count <= Explorer.maximumNodes, graph.edges.count <= Explorer.maximumEdges else {
        return nil
      }
    }
    return graph
  }

  private mutating func enter(_ state: Int, statements: [CheckedActionStatement], isMigrated: Bool) {
    var step = Step(node: StateGraph.Node(leaves: []))
    perform(statements, &step)
    enterPath(to: state, below: 0, &step)
    for variant in finish(step) {
      graph.entries.append((visit(variant), isMigrated))
    }
  }

  /// Adds a node to those that are expanded, unless it is known.
  /// - Returns: Its index.
  mutating func visit(_ node: StateGraph.Node) -> Int {
    let (index, isNew) = graph.add(node)
    if isNew {
      graph.reached.formUnion(active(node.leaves))
      waiting.append(index)
    }
    return index
  }

  /// The innermost active states with all around them, in document order.
  /// - Parameter leaves: States in document order, none inside of another.
  func active(_ leaves: [Int]) -> [Int] {
    var found = [0]
    for leaf in leaves {
      // The states around this leaf up to the previous one are around that one as well.
      let last = found.count
      var state = leaf
      while state > found[last - 1] {
        found.append(state)
        state = states[state].parent
      }
      found[last...].reverse()
    }
    return found
  }

  /// The certainty of a reaction when its trigger fires: `always` only if every caller may send the event.
  func certainty(of reaction: Int) -> GuardLogic.Certainty {
    certainty[reaction] == .always && !reactions[reaction].rest.isOpen ? .maybe : certainty[reaction]
  }

  // MARK: - Steps from a node

  private mutating func expand(_ index: Int) {
    let node = graph.nodes[index]
    guard !node.isEnded else {
      graph.stable.insert(index)
      return
    }
    let active = active(node.leaves)
    // `always` precedes all other triggers.
    var rest: [Choice] = []
    for choice in choices(for: .always, in: active) {
      if choice.selected.isEmpty { rest.append(choice) } else { follow(choice, from: index, isImmediate: true) }
    }
    guard let quiet = rest.first else { return }
    if let signal = node.queue.first {
      follow(signal, from: index, unless: quiet, active)
    } else {
      graph.stable.insert(index)
      followOutside(from: index, active)
    }
  }

  private mutating func follow(
    _ signal: StateGraph.InternalSignal, from index: Int, unless quiet: Choice, _ active: [Int]
  ) {
    var node = graph.nodes[index]
    node.queue.removeFirst()
    let outer: Signal =
      switch signal {
      case .event(let event): .event(event)
      case .done(let state): .done(state)
      }
    for var choice in choices(for: outer, in: active) {
      choice.failed += quiet.failed
      var reads: Set<Int> = []
      if case .event = signal { reads = [FrameLayout.event] }
      follow(choice, from: index, node, isImmediate: true, assigning: reads)
    }
  }

  private mutating func followOutside(from index: Int, _ active: [Int]) {
    let node = graph.nodes[index]
    let here = active.flatMap { reactionsByState[$0] }
    var events: Set<Int> = []
    var hasAny = false
    for reaction in here {
      switch reactions[reaction].trigger {
      case .event(let event): events.insert(event)
      case .any: hasAny = true
      case .always, .done: continue
      case .callDone(let call):
        follow(.callDone(call), at: reaction, from: index, active, isImmediate: isAnsweredAtOnce(call))
      case .callFailed(let call): follow(.callFailed(call), at: reaction, from: index, active, isImmediate: false)
      case .itemDone(let call):
        follow(.itemDone(call), at: reaction, from: index, active, isImmediate: hasKnownKey(calls[call]))
      case .itemFailed(let call): follow(.itemFailed(call), at: reaction, from: index, active, isImmediate: false)
      default: follow(.reaction(reaction), at: reaction, from: index, active, isImmediate: isDueAtOnce(reaction))
      }
    }
    for event in events.sorted() { followOutside(.event(event), from: index, node: node, active: active) }
    if hasAny { followOutside(.otherEvent, from: index, node: node, active: active) }
    followSteps(from: index, node, active)
  }

  /// The completion of `steps`, which depends on external results.
  private mutating func followSteps(from index: Int, _ node: StateGraph.Node, _ active: [Int]) {
    guard !steps.isEmpty else { return }
    for state in active {
      guard let indices = steps[state] else { continue }
      let steps = indices.map { calls[$0] }
      let maySkip = steps.allSatisfy { $0.condition.map { $0.tree.constant != .bool(true) } ?? mayBeEmpty($0) }
      let reads = Set(steps.flatMap { ($0.condition?.tree.usedSlots ?? []).union($0.loop?.list.tree.usedSlots ?? []) })
      graph.completions.insert(state)
      for choice in choices(for: .done(state), in: active) where !choice.selected.isEmpty {
        follow(choice, from: index, node, isImmediate: maySkip && leaves(state, choice), reading: reads)
      }
    }
  }

  private mutating func follow(
    _ signal: Signal, at reaction: Int, from index: Int, _ active: [Int], isImmediate: Bool
  ) {
    let node = graph.nodes[index]
    for choice in choices(for: signal, in: active) where choice.selected.contains(reaction) {
      let again = isImmediate && leaves(reactions[reaction].source, choice)
      follow(choice, from: index, node, isImmediate: again, reading: again ? immediateReads(reaction) : [])
    }
  }

  private mutating func followOutside(
    _ signal: Signal, from index: Int, node: StateGraph.Node, active: [Int]
  ) {
    for choice in choices(for: signal, in: active) where !choice.selected.isEmpty {
      noteConflicts(choice)
      follow(choice, from: index, node, isImmediate: false)
    }
  }

  private mutating func follow(_ choice: Choice, from index: Int, isImmediate: Bool) {
    follow(choice, from: index, graph.nodes[index], isImmediate: isImmediate)
  }

  private mutating func follow(
    _ choice: Choice, from index: Int, _ node: StateGraph.Node, isImmediate: Bool, reading reads: Set<Int> = [],
    assigning: Set<Int> = []
  ) {
    for step in steps(choice.selected, from: node) {
      for variant in finish(step) {
        graph.add(
          StateGraph.Edge(
            from: index, to: visit(variant), reactions: choice.selected, isImmediate: isImmediate,
            held: choice.held, failed: choice.failed, reads: reads, assigned: step.assigned.union(assigning)))
      }
    }
  }

  // MARK: - Regions

  /// F712: two reactions of different regions that both leave their parallel.
  private mutating func noteConflicts(_ choice: Choice) {
    for (position, second) in choice.selected.enumerated() {
      for first in choice.selected[..<position] {
        guard let parallel = commonParallel(reactions[first].source, reactions[second].source),
          leavesParallel(first, parallel), leavesParallel(second, parallel),
          !graph.conflicts.contains(where: { $0.first == first && $0.second == second })
        else { continue }
        graph.conflicts.append((first, second, parallel))
      }
    }
  }

  private func leavesParallel(_ reaction: Int, _ parallel: Int) -> Bool {
    guard let target = reactions[reaction].rest.target else { return false }
    return !(parallel + 1..<states[parallel].end).contains(target)
  }

  /// The innermost parallel that holds two states in different regions.
  func commonParallel(_ first: Int, _ second: Int) -> Int? {
    var state = first
    while state != 0 {
      let parent = states[state].parent
      if states[parent].kind == .parallel, parent != 0, (parent..<states[parent].end).contains(second),
        !(state..<states[state].end).contains(second)
      {
        return parent
      }
      state = parent
    }
    return nil
  }
}

extension CheckedReaction {
  /// The signal that it reacts to together with others; nil for timers and the like.
  fileprivate var signal: Explorer.Signal? {
    switch trigger {
    case .always: .always
    case .event(let event): .event(event)
    case .any: .otherEvent
    case .done: .done(source)
    case .callDone(let call): .callDone(call)
    case .callFailed(let call): .callFailed(call)
    case .itemDone(let call): .itemDone(call)
    case .itemFailed(let call): .itemFailed(call)
    default: nil
    }
  }
}

extension CheckedActionStatement {
  /// The slot that it assigns, or a part of.
  var assignedSlot: Int? { if case .assign(let slot, _, _) = kind { slot } else { nil } }
}
