import CEL
import FlowIR
import FlowSource
import FlowSyntax

// Entries of states with fields: the arguments of targets, and states that are entered without arguments.
extension FlowChecker {
  /// F322: a state that is entered together with another gets no arguments.
  mutating func checkDefaults(of state: Int, _ node: StateNode) {
    for field in required(of: state) {
      problems.append(
        Diagnostic(
          "F322", "`\(field.plainName)` needs a default", at: field.node?.name.range ?? node.name.range,
          label: "has no default",
          labels: [
            .init(
              node.name.range, node.isInitial ? "an initial state gets no arguments" : "a region gets no arguments")
          ], help: defaultHelp(field)))
    }
  }

  /// The fields of a state that have to be given.
  func required(of state: Int) -> [CheckedFlow.Field] {
    states[state].fields.map { fields[$0] }.filter { field in
      guard let node = field.node else { return false }
      return node.defaultValue == nil && !node.type.isOptional
    }
  }

  private func defaultHelp(_ field: CheckedFlow.Field) -> String {
    "write `\(field.plainName): \(field.type) = …`, or make it optional with `?`"
  }

  /// The values that a transition gives to the fields of its target. F215: each one without a default.
  mutating func stateArguments(
    _ rest: TransitionTailNode, from source: Int, of target: (state: Int, isHistory: Bool), at path: PathNode,
    _ environment: Environment
  ) -> [CheckedStateArgument] {
    let state = states[target.state]
    let callee = Callee(
      state: state.name.text, fields: state.fields.map { FieldDeclaration(fields[$0].plainName, fields[$0].type) })
    checkArgumentNames(rest.arguments, of: target, callee)
    if target.isHistory {
      historyEntries.append((target.state, source, path))
      return []
    }
    var found: [CheckedStateArgument] = []
    for index in state.fields {
      let field = fields[index]
      if let argument = rest.arguments.first(where: { $0.name.text == field.plainName }) {
        if let value = expression(argument.value, environment, expecting: field.type) {
          checkSize(of: value, maximum: field.maximum, field.plainName)
          found.append(CheckedStateArgument(field: index, value: value))
        }
      } else if field.node?.defaultValue == nil, field.node?.type.isOptional == false,
        !isMisspelt(field.plainName, among: rest.arguments, of: callee),
        // Reported where it is assigned.
        self.field(named: field.plainName) != nil
          || !rest.statements.flatMap(\.assignedNames).contains(where: { $0.text == field.plainName })
      {
        problems.append(
          Diagnostic(
            "F215", "`\(state.name.text)` needs `\(field.plainName)`", at: path.range, label: "not given here",
            labels: field.node.map { [.init($0.name.range, "has no default")] } ?? [],
            help: "write `-> \(path.text)(\(field.plainName): …)` with \(article(of: field.type)), "
              + "or give it a default"
          ))
      }
    }
    return found
  }

  private func article(of type: ValueType) -> String {
    let text = "\(type)"
    return ("aeiou".contains(text.first ?? " ") ? "an" : "a") + " `\(text)`"
  }

  /// F215, F103: an argument names a field of the target, once.
  private mutating func checkArgumentNames(
    _ nodes: [ArgumentNode], of target: (state: Int, isHistory: Bool), _ callee: Callee
  ) {
    guard let first = nodes.first, let last = nodes.last else { return }
    let range = SourceRange(first.name.range.lower, last.value.range.upper)
    let state = states[target.state]
    if target.isHistory {
      problems.append(
        Diagnostic(
          "F215", "`history` restores the fields of `\(state.path)` and takes no arguments", at: range,
          label: "not possible here", help: "remove them, or write `-> \(state.name.text)(…)`"))
    } else if callee.parameters.isEmpty, stateNodes[target.state]?.fields.isEmpty ?? true {
      problems.append(
        Diagnostic(
          "F215", "the state `\(state.path)` has no fields", at: range, label: "no arguments possible",
          labels: [.init(state.name.range, "declared without fields")],
          help: "declare them: `\(stateNodes[target.state]?.kind.word ?? "state") \(state.name.text)"
            + "(\(first.name.text): …)`"))
    } else {
      // A field whose declaration is a mistake is not reported again.
      let declared = Set(stateNodes[target.state]?.fields.map(\.name.text) ?? [])
      let known = Set(callee.parameters.map(\.name))
      let rest = nodes.filter { known.contains($0.name.text) || !declared.contains($0.name.text) }
      checkNames(of: rest, callee, what: "field")
    }
  }

  /// F322: the states around a target are entered without arguments, as is a state through its history at first.
  mutating func checkImplicitEntries(
    _ rest: TransitionTailNode, from source: Int, to target: (state: Int, isHistory: Bool), _ path: PathNode
  ) {
    for state in enteredAround(target.state, from: source, isReenter: rest.isReenter) {
      for field in required(of: state) {
        problems.append(
          Diagnostic(
            "F322", "`\(states[state].path)` is entered here, and `\(field.plainName)` has no value", at: path.range,
            label: "entered together with `\(states[target.state].path)`",
            labels: field.node.map { [.init($0.name.range, "has no default")] } ?? [],
            help: "only the target gets arguments: name `\(states[state].name.text)(\(field.plainName): …)`, "
              + "or give `\(field.plainName)` a default"))
      }
    }
  }

  /// F322: a state may be entered through its history before it was active.
  mutating func checkHistoryEntries() {
    for (state, source, path) in historyEntries where mayBeActive(source, before: state) {
      checkHistoryEntry(state, path)
    }
  }

  /// True if a state may be active although another one never was.
  private func mayBeActive(_ source: Int, before state: Int) -> Bool {
    var entered: Set<Int> = []
    for start in starts { enter(start.rest.target ?? 0, before: state, &entered) }
    for migration in migrations { for move in migration.moves { enter(move.to, before: state, &entered) } }
    var count = -1
    while entered.count > count {
      count = entered.count
      for reaction in reactions where entered.contains(reaction.source) {
        // A history restores states that were entered before.
        if let target = reaction.rest.target { enter(target, before: state, &entered) }
      }
    }
    return entered.contains(source)
  }

  /// Adds the states that are entered with a target, unless another state is among them.
  private func enter(_ target: Int, before state: Int, _ entered: inout Set<Int>) {
    var found: Set<Int> = [0]
    var around = target
    while around != 0 {
      found.insert(around)
      if states[around].kind == .parallel {
        for region in states[around].children where !encloses(region, target) { addInitial(region, to: &found) }
      }
      around = states[around].parent
    }
    addInitial(target, to: &found)
    guard !found.contains(state) else { return }
    entered.formUnion(found)
  }

  private func addInitial(_ state: Int, to found: inout Set<Int>) {
    guard state != 0 else { return }
    found.insert(state)
    if states[state].kind == .parallel {
      for region in states[state].children { addInitial(region, to: &found) }
    } else if let initial = states[state].initial {
      addInitial(initial, to: &found)
    }
  }

  private mutating func checkHistoryEntry(_ state: Int, _ path: PathNode) {
    for field in required(of: state) {
      problems.append(
        Diagnostic(
          "F322", "`\(states[state].path)` has no history at first, and `\(field.plainName)` no value", at: path.range,
          label: "its first entry", labels: field.node.map { [.init($0.name.range, "has no default")] } ?? [],
          help: defaultHelp(field)))
    }
  }

  /// The states around a target that a transition enters.
  private func enteredAround(_ target: Int, from source: Int, isReenter: Bool) -> [Int] {
    let domain = domain(from: source, to: target, isReenter: isReenter)
    var found: [Int] = []
    var state = target
    while state != domain, state != 0 {
      if state != target { found.append(state) }
      state = states[state].parent
    }
    return found
  }

  /// The innermost state that stays active, as `Flow.domain(of:)` of a compiled program.
  func domain(from source: Int, to target: Int, isReenter: Bool) -> Int {
    if !isReenter, encloses(source, target) {
      guard states[source].kind == .parallel else { return source }
      let region = states[source].children.last { $0 <= target }
      return region == target ? source : region ?? source
    }
    var ancestor = states[source].parent
    while ancestor != 0 {
      if encloses(ancestor, target) {
        let region = states[ancestor].children.last { $0 <= target }
        let isOneRegion = region.map { ($0..<states[$0].end).contains(source) } ?? false
        if states[ancestor].kind != .parallel || isOneRegion { break }
      }
      ancestor = states[ancestor].parent
    }
    return ancestor
  }

  // MARK: - Lost values

  /// F323: a reaction that leaves a state assigns one of its fields, whose value nothing can read afterwards.
  mutating func checkLostAssignments(_ rest: TransitionTailNode, from source: Int, to target: Int) {
    let domain = domain(from: source, to: target, isReenter: rest.isReenter)
    let reads = rest.statements.flatMap(\.expressions).flatMap(\.references)
    for act in rest.statements {
      for name in act.assignedNames {
        guard let index = field(named: name.text), let owner = fields[index].state, encloses(domain, owner),
          !isRemembered(owner),
          !reads.contains(where: { $0.name == name.text && $0.range.lower > act.range.upper })
        else { continue }
        problems.append(
          Diagnostic(
            "F323", "`\(name.text)` is assigned, and `\(states[owner].path)` is left", at: act.range,
            label: "has no effect",
            help: owner == target
              ? "write `-> \(states[owner].name.text)(\(name.text): …)`"
              : "the field ends with its state: use a data field"))
      }
    }
  }

  /// True when the values of a state are kept for a `history`.
  private func isRemembered(_ state: Int) -> Bool {
    let histories = reactionNodes.compactMap(\.rest.target).filter { $0.names.last?.text == "history" }
    return histories.contains { path in
      path.names.dropLast().last.map { name in
        states.indices.contains { states[$0].name.text == name.text && ($0..<states[$0].end).contains(state) }
      } ?? false
    }
  }
}

extension StateNode.Kind {
  fileprivate var word: String { self == .plain ? "state" : rawValue }
}

extension ActionStatementNode {
  /// The fields that it assigns.
  fileprivate var assignedNames: [NameNode] {
    switch kind {
    case .assign(let location, _): [location.field]
    case .take(let names): names
    case .perform, .emit, .raise, .log: []
    }
  }
}
