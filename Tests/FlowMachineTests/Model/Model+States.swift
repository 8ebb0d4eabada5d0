// Exiting and entering states.
extension Model {
  // MARK: - Exit

  /// From the inside out, the last first.
  func leavingOrder(_ node: Node) -> [Node] {
    let children = mistake == .leavesEarlierRegionsFirst ? node.children : node.children.reversed()
    return children.flatMap { leavingOrder($0) } + [node]
  }

  mutating func leave(_ node: Node) throws(Refusal) {
    try perform(node.exit)
    timers.removeAll { timer in node.reactions.contains { $0.number == timer.reaction } }
    queue.removeAll { event in
      if case .done(let path) = event { path == node.path } else { false }
    }
    active.remove(node.path)
  }

  // MARK: - Enter

  /// The states that must be active after a reaction.
  func goals(of reaction: Reaction) -> Set<String> {
    guard let target = reaction.target else { return [] }
    guard reaction.isHistory, let inner = memory[target], !inner.isEmpty else { return [target] }
    guard mistake == .historyIsShallow else { return inner }
    let children = node(target).children.map(\.path)
    return Set(children.filter { child in inner.contains { $0 == child || isInside($0, child) } })
  }

  /// The states of which a history restores the fields.
  func restored(by reaction: Reaction) -> Set<String> {
    guard let target = reaction.target, reaction.isHistory, let inner = memory[target], !inner.isEmpty else {
      return []
    }
    let inside = nodes.map(\.path).filter { path in inner.contains { $0 == path || isInside($0, path) } }
    return mistake == .historyForgetsFields ? [] : Set(inside.filter { $0 == target || isInside($0, target) })
  }

  /// The values of the fields of targets.
  func arguments(of chosen: [Chosen]) throws(Refusal) -> [String: Int] {
    var found: [String: Int] = [:]
    for each in chosen {
      if let target = each.reaction.target, let term = each.reaction.argument { found[target] = try value(term) }
    }
    return found
  }

  /// Enters the child on the path to a goal, or the initial one; every region of a parallel state.
  mutating func enterChildren(
    of node: Node, towards goals: Set<String>, only region: String? = nil
  ) throws(Refusal) {
    let leading = node.children.filter { child in goals.contains { $0 == child.path || isInside($0, child.path) } }
    var wanted = leading.isEmpty ? node.children.filter(\.isInitial) : leading
    if node.kind == .parallel { wanted = node.children.filter { region == nil || region == $0.path } }
    for child in wanted where !active.contains(child.path) { try enter(child, towards: goals) }
  }

  private mutating func enter(_ node: Node, towards goals: Set<String>) throws(Refusal) {
    if mistake == .entersInsideOut { try enterChildren(of: node, towards: goals) }
    active.insert(node.path)
    if let field = node.field {
      let old = restored.contains(node.path) ? owned[node.path] : nil
      owned[node.path] = if let given = arguments[node.path] ?? old { given } else { try value(field) }
    }
    try perform(node.entry)
    for reaction in node.reactions { arm(reaction) }
    if node.isFinal { complete(parent(of: node.path)) }
    try enterChildren(of: node, towards: goals)
  }

  mutating func arm(_ reaction: Reaction) {
    switch reaction.trigger {
    case .after(let length), .at(let length): timers.append(Timer(reaction: reaction.number, due: now + length))
    case .every(let length): timers.append(Timer(reaction: reaction.number, due: now + length, period: length))
    case .events, .any, .always, .done, .error: break
    }
  }

  // MARK: - Completion

  /// A child is final: the enclosing state is done, and with its last region a parallel state, and so on outwards.
  private mutating func complete(_ path: String) {
    if path.isEmpty { return }
    queue.append(.done(path))
    var region = path
    while node(region).kind == .region {
      let parallel = parent(of: region)
      guard isComplete(node(parallel)) else { return }
      queue.append(.done(parallel))
      region = parent(of: parallel)
    }
  }

  private func isComplete(_ node: Node) -> Bool {
    if node.kind == .parallel { return node.children.allSatisfy { isComplete($0) } }
    guard let child = node.children.first(where: { active.contains($0.path) }) else { return false }
    if child.isFinal { return true }
    return child.kind == .parallel && mistake != .doneDoesNotClimb && isComplete(child)
  }

  // MARK: - Statements

  mutating func perform(_ statements: [ChartAct]) throws(Refusal) {
    for act in statements {
      if let condition = act.condition, try !isTrue(condition) { continue }
      switch act.kind {
      case .assign(let field, let term): values[field] = try value(term)
      case .assignOwn(let path, let term): owned[path] = try value(term)
      case .raise(let event, let term): queue.append(.raised(event, given: try value(term)))
      case .log(let word, let term): log.append("\(word) \(try value(term)) in \(leaves.joined(separator: " "))")
      }
    }
  }

  func value(_ term: Term) throws(Refusal) -> Int {
    switch term {
    case .number(let number): return number
    case .field(let field): return values[field]
    case .own(let path): return owned[path] ?? -1
    case .given: return given ?? 0
    case .sum(let left, let right): return try value(left) + value(right)
    case .remainder(let left, let right): return try value(left) % right
    case .quotient(let left, let right):
      let divisor = try value(right)
      guard divisor != 0 else { throw Refusal(code: "evaluation-failed") }
      return left / divisor
    }
  }

  func isTrue(_ condition: Condition) throws(Refusal) -> Bool {
    switch condition {
    case .less(let left, let right): return try value(left) < value(right)
    case .equal(let left, let right): return try value(left) == value(right)
    case .mentions(let name): return leaves.joined(separator: " ").contains(name)
    case .not(let condition): return try !isTrue(condition)
    case .both(let left, let right): return try both(left, right)
    }
  }

  /// As in CEL, a false operand decides even if the other one fails.
  private func both(_ left: Condition, _ right: Condition) throws(Refusal) -> Bool {
    do throws(Refusal) {
      if try !isTrue(left) { return false }
      return try isTrue(right)
    } catch {
      if try !isTrue(right) { return false }
      throw error
    }
  }
}
