import FlowGenerator

/// Generates random charts, most of which the compiler accepts.
struct ChartGenerator {
  private var random: SplitMix64
  private var states = 0
  private var reactions = 0
  /// Paths of possible targets, and of states with history.
  private var targets: [String] = []
  private var pasts: [String] = []
  /// The states with a field, and those around the current state.
  private var owners: Set<String> = []
  private var scopes: [String] = []

  init(seed: UInt64) { random = SplitMix64(state: seed) }

  private mutating func chance(_ percent: Int) -> Bool { random.next(below: 100) < percent }

  mutating func chart() -> Chart {
    var root = Node(name: "", path: "", kind: .root)
    for _ in 0..<(2 + random.next(below: 2)) { root.children.append(state(in: root, depth: 0)) }
    if chance(40) { root.children.append(final(in: root)) }
    targets = root.all.filter { $0.kind != .root && ($0.kind != .region || chance(40)) }.map(\.path)
    // Twice, because much behaviour depends on several states being final at once.
    targets += root.all.filter { $0.isFinal && $0.path.contains(".") }.map(\.path)
    pasts = root.all.filter { $0.kind != .root && !$0.children.isEmpty }.map(\.path)
    owners = Set(root.all.filter { $0.field != nil }.map(\.path))
    root = withReactions(root, scope: "")
    let first = random.pick(root.children.filter { !$0.isFinal }).path
    root.reactions = jumps(root, first) + root.reactions
    return Chart(
      root: root, first: first, startActs: statements(1, isGiven: false), values: Chart.fields.map { _ in number() },
      bound: chance(20) ? 8 : nil)
  }

  // MARK: - States

  private mutating func name() -> String {
    states += 1
    return "s\(states)"
  }

  private mutating func node(in outer: Node, _ kind: Node.Kind) -> Node {
    let name = name()
    var made = Node(name: name, path: outer.path.isEmpty ? name : outer.path + "." + name, kind: kind)
    if chance(30) { made.field = chance(60) ? .number(number()) : .field(random.next(below: Chart.fields.count)) }
    return made
  }

  private mutating func final(in outer: Node) -> Node { node(in: outer, chance(75) ? .final : .failed) }

  private mutating func state(in outer: Node, depth: Int) -> Node {
    if depth == 0, chance(8) { return tower(in: outer) }
    guard depth < 3, chance([70, 50, 25][depth]) else { return node(in: outer, .plain) }
    var made = node(in: outer, chance(outer.kind == .region ? 65 : 45) ? .parallel : .plain)
    if made.kind == .plain {
      fill(&made, depth: depth + 1)
    } else {
      for _ in 0..<(chance(80) ? 2 : 3) {
        var region = node(in: made, .region)
        fill(&region, depth: depth + 1)
        made.children.append(region)
      }
    }
    return made
  }

  /// A parallel state in a region of another one, in which all regions can complete.
  private mutating func tower(in outer: Node, isInner: Bool = false) -> Node {
    var made = node(in: outer, .parallel)
    for isFirst in [true, false] {
      var region = node(in: made, .region)
      region.children.append(isFirst && !isInner ? tower(in: region, isInner: true) : node(in: region, .plain))
      region.children[0].isInitial = true
      region.children.append(final(in: region))
      made.children.append(region)
    }
    return made
  }

  /// Nests states in a new one, of which the first or the second is initial, and often one is final.
  private mutating func fill(_ outer: inout Node, depth: Int) {
    for _ in 0..<(1 + random.next(below: 2)) { outer.children.append(state(in: outer, depth: depth)) }
    outer.children[random.next(below: outer.children.count)].isInitial = true
    if chance(80) { outer.children.append(final(in: outer)) }
  }

  // MARK: - Reactions

  /// - Parameter scope: The targets of event reactions are inside of it, because only one region may exit its
  ///   parallel state on an event.
  private mutating func withReactions(_ node: Node, scope: String) -> Node {
    var node = node
    if node.field != nil { scopes.append(node.path) }
    defer { if node.field != nil { scopes.removeLast() } }
    node.entry = chance(50) ? [log("in " + node.name)] + statements(1, isGiven: false, raising: raisable(.always)) : []
    node.exit = chance(50) ? [log("out " + node.name)] + statements(1, isGiven: false, raising: raisable(.always)) : []
    if !node.isFinal { react(&node, scope) }
    let free = node.kind == .parallel ? random.next(below: node.children.count) : 0
    for (index, child) in node.children.enumerated() {
      let isFree = node.kind != .parallel || index == free
      node.children[index] = withReactions(child, scope: isFree ? scope : child.path)
      if child.kind == .plain, chance(60) {
        node.children[index].reactions += ending(node.children[index], in: node)
      }
    }
    return node
  }

  /// A reaction to the adjacent final state, so that all regions complete often.
  private mutating func ending(_ child: Node, in outer: Node) -> [Reaction] {
    let others = child.reactions.map(\.trigger)
    let event = random.next(below: Chart.outside)
    let isTaken = others.contains { if case .events(let events) = $0 { events.contains(event) } else { $0 == .any } }
    guard outer.kind != .root, !isTaken, let end = outer.children.first(where: \.isFinal) else { return [] }
    reactions += 1
    return [Reaction(number: reactions, trigger: .events([event]), target: end.path)]
  }

  private mutating func react(_ node: inout Node, _ scope: String) {
    var open = Set(Chart.events.indices)
    open.remove(Chart.jump)
    for _ in 0..<random.next(below: 4) {
      guard let event = open.sorted().randomElement(using: &random) else { break }
      var events = [event]
      if chance(15), let other = open.subtracting(events).sorted().randomElement(using: &random) {
        events.append(other)
      }
      var reaction = reaction(.events(events), isGiven: true, scope: chance(2) ? "" : scope)
      reaction.isForBoss = chance(12)
      if reaction.condition == nil, !reaction.isForBoss { open.subtract(events) }
      node.reactions.append(reaction)
    }
    if chance(25) { node.reactions.append(reaction(timer(), isGiven: false)) }
    if chance(8) { node.reactions.append(reaction(timer(), isGiven: false)) }
    if chance(20) { node.reactions.append(always()) }
    if !node.children.isEmpty, node.kind != .root, chance(node.kind == .parallel ? 90 : 60) {
      node.reactions.append(reaction(.done, isGiven: false))
    }
    if chance(6) { node.reactions.append(reaction(.error, isGiven: false)) }
    if chance(5) { node.reactions.append(reaction(.any, isGiven: false)) }
    guard node.kind != .root else { return }
    for event in open.sorted() where chance(25) {
      if chance(50) { node.ignored.append(event) } else { node.deferred.append(event) }
    }
  }

  private mutating func timer() -> Reaction.Trigger {
    let length = Int64(random.pick([1, 5, 7, 30])) * 60_000
    return random.pick([.after(length), .after(length), .every(length), .at(length)])
  }

  /// A reaction that usually disables itself.
  private mutating func always() -> Reaction {
    let field = Chart.fields.count - 1
    var made = reaction(.always, isGiven: false)
    guard chance(99) else { return made }
    made.condition = .equal(.field(field), .number(1 + random.next(below: 3)))
    if chance(98) { made.statements.append(ChartAct(kind: .assign(field, .number(0)))) }
    return made
  }

  private mutating func reaction(_ trigger: Reaction.Trigger, isGiven: Bool, scope: String = "") -> Reaction {
    reactions += 1
    var made = Reaction(number: reactions, trigger: trigger)
    if chance(45) { made.condition = condition(isGiven: isGiven) }
    made.isHistory = chance(12)
    let locations = (made.isHistory ? pasts : targets).filter { scope.isEmpty || $0.hasPrefix(scope + ".") }
    if chance(65), !locations.isEmpty {
      made.target = random.pick(locations)
      made.isReenter = chance(12)
      if let target = made.target, !made.isHistory, owners.contains(target), chance(60) {
        made.argument = .remainder(term(isGiven: isGiven), 5)
      }
    }
    if chance(40) { made.statements.append(log("do \(reactions)", isGiven: isGiven)) }
    made.statements += statements(2, isGiven: isGiven, raising: raisable(trigger))
    // A value that is assigned when the state is left is an error.
    if made.target != nil {
      made.statements.removeAll { if case .assignOwn = $0.kind { true } else { false } }
    }
    return made
  }

  /// Reactions of the flow to states that are otherwise unreachable.
  private mutating func jumps(_ root: Node, _ first: String) -> [Reaction] {
    let reached = Set(root.all.flatMap(\.reactions).compactMap(\.target) + [first])
    var made: [Reaction] = []
    for (location, node) in root.all.enumerated() where node.kind != .root && node.kind != .region {
      guard !node.isInitial, !reached.contains(node.path) || chance(20) else { continue }
      reactions += 1
      made.append(
        Reaction(
          number: reactions, trigger: .events([Chart.jump]), condition: .equal(.given, .number(location)),
          target: node.path))
    }
    return made
  }

  // MARK: - Statements

  /// Events to raise: usually later ones than the triggering event, so that few charts loop endlessly.
  private mutating func raisable(_ trigger: Reaction.Trigger) -> [Int] {
    let own = Array(Chart.events.indices.dropFirst(Chart.jump + 1))
    if chance(2) { return Array(Chart.events.indices) }
    guard case .events(let events) = trigger, let last = events.max() else { return chance(30) ? own : [] }
    return own.filter { $0 > last }
  }

  private mutating func statements(_ count: Int, isGiven: Bool, raising: [Int] = []) -> [ChartAct] {
    (0..<random.next(below: count + 1)).map { _ in
      var made = ChartAct(kind: act(isGiven: isGiven, raising))
      if chance(15) { made.condition = condition(isGiven: isGiven) }
      return made
    }
  }

  private mutating func act(isGiven: Bool, _ raising: [Int]) -> ChartAct.Kind {
    // The last field is reserved for `always`, and only events set it.
    let field = random.next(below: isGiven ? Chart.fields.count : Chart.fields.count - 1)
    if let own = scopes.last, chance(25) {
      return .assignOwn(chance(70) ? own : random.pick(scopes), .remainder(term(isGiven: isGiven), 5))
    }
    switch random.next(below: 20) {
    case 0..<10: return .assign(field, .remainder(term(isGiven: isGiven), 5))
    case 10: return .assign(field, .remainder(.quotient(12, .field(random.next(below: Chart.fields.count))), 5))
    case 11, 12: return log("w\(random.next(below: 10))", isGiven: isGiven).kind
    default:
      if raising.isEmpty { return .assign(field, .number(number())) }
      return .raise(random.pick(raising), .remainder(term(isGiven: isGiven), 5))
    }
  }

  private mutating func log(_ word: String, isGiven: Bool = false) -> ChartAct {
    if !scopes.isEmpty, chance(40) { return ChartAct(kind: .log(word, .own(random.pick(scopes)))) }
    return ChartAct(kind: .log(word, isGiven && chance(50) ? .given : .field(random.next(below: Chart.fields.count))))
  }

  private mutating func number() -> Int { random.next(below: 5) }

  private mutating func term(isGiven: Bool) -> Term {
    if !scopes.isEmpty, chance(25) { return .sum(.own(random.pick(scopes)), .number(number())) }
    return switch random.next(below: isGiven ? 6 : 4) {
    case 0: .number(number())
    case 1: .field(random.next(below: Chart.fields.count))
    case 2, 3: .sum(.field(random.next(below: Chart.fields.count)), .number(1 + number()))
    default: .given
    }
  }

  private mutating func condition(isGiven: Bool, depth: Int = 0) -> Condition {
    switch random.next(below: depth < 2 ? 14 : 8) {
    case 0..<4: .less(.field(random.next(below: Chart.fields.count)), .number(1 + random.next(below: 4)))
    case 4..<7: .equal(.remainder(term(isGiven: isGiven), 3), .number(random.next(below: 3)))
    case 7: .mentions("s\(1 + random.next(below: states))")
    case 8, 9: .less(.quotient(12, .field(random.next(below: Chart.fields.count))), .number(5))
    case 10, 11: .not(condition(isGiven: isGiven, depth: depth + 1))
    default: .both(condition(isGiven: isGiven, depth: depth + 1), condition(isGiven: isGiven, depth: depth + 1))
    }
  }

  // MARK: - Inputs

  mutating func inputs(_ count: Int, locations: Int) -> [ChartInput] {
    (0..<count).map { _ in
      switch random.next(below: 10) {
      case 0..<6: .event(random.next(below: Chart.outside), given: number(), isBoss: chance(50))
      case 6: .event(random.next(below: Chart.events.count), given: number(), isBoss: chance(50))
      case 7: .event(Chart.jump, given: random.next(below: locations), isBoss: false)
      case 8: .wait(Int64(random.pick([1, 4, 10, 45])) * 60_000 + Int64(random.next(below: 2)), isLate: false)
      default: .wait(Int64(random.pick([6, 20])) * 60_000, isLate: true)
      }
    }
  }
}

/// A random external input.
enum ChartInput {
  case event(Int, given: Int, isBoss: Bool)
  /// Advances the clock. Due timers fire at their time, or all at the end as after a downtime.
  case wait(Int64, isLate: Bool)
}
