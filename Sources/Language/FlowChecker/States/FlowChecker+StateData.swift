import CEL
import FlowIR
import FlowSource
import FlowSyntax

// The data of states: `state asked(token: string)`, entered by `-> asked(token: …)`.
extension FlowChecker {
  /// Gives each field of a state a slot behind the data fields. Its name in the program has the path of the state.
  mutating func declareStateFields() {
    for (state, node) in stateNodes.enumerated() {
      guard let node else { continue }
      let first = fields.count
      for field in node.fields where isFree(field.name, in: state) {
        let (type, maximum) = declarations.resolveBounded(field.type, into: &problems)
        add(
          .init(
            name: "\(states[state].path).\(field.name.text)", type: type, state: state, node: field, maximum: maximum))
      }
      states[state].fields = first..<fields.count
      checkPath(of: state, node)
      if node.isInitial || node.kind == .region { checkDefaults(of: state, node) }
    }
  }

  /// The defaults: they read data, the fields of the states around, and the fields before them.
  mutating func checkStateDefaults() {
    for state in states.indices {
      var scope = environment(around: state)
      for index in states[state].fields {
        fields[index].defaultValue = defaultValue(of: fields[index], scope)
        checkSize(of: fields[index].defaultValue, maximum: fields[index].maximum, fields[index].plainName)
        declare(index, in: &scope)
      }
    }
  }

  private mutating func defaultValue(of field: CheckedFlow.Field, _ scope: Environment) -> CheckedExpression? {
    guard let node = field.node else { return nil }
    if let value = node.defaultValue {
      if let problem = laterField(readBy: value, of: field) {
        problems.append(problem)
        return nil
      }
      return expression(value, scope, expecting: field.type)
    }
    guard case .optional = field.type else { return nil }
    return scope.check(parse("optional.none()").0, expecting: field.type).expression.map {
      CheckedExpression(tree: $0, range: node.name.range)
    }
  }

  /// F503: the fields of a state get their values in the order of the text.
  private func laterField(readBy value: Expression, of field: CheckedFlow.Field) -> Diagnostic? {
    guard let state = field.state, let index = fields.firstIndex(where: { $0.name == field.name }) else { return nil }
    for reference in value.references {
      guard let later = states[state].fields.first(where: { $0 >= index && fields[$0].plainName == reference.name })
      else { continue }
      return Diagnostic(
        "F503", "`\(reference.name)` is read before it has a value", at: reference.nameRange,
        label: "not yet known", labels: fields[later].node.map { [.init($0.name.range, "declared here")] } ?? [],
        help: "declare `\(reference.name)` before `\(field.plainName)`")
    }
    return nil
  }

  // MARK: - Scope

  /// The names in scope in a state: those of the flow, and the fields of the state and of the states around it.
  func environment(of state: Int) -> Environment {
    var scope = environment(around: state)
    for index in states[state].fields { declare(index, in: &scope) }
    return scope
  }

  private func environment(around state: Int) -> Environment {
    var scope = environment
    for around in statesWithFields(around: state) where around != state {
      for index in states[around].fields { declare(index, in: &scope) }
    }
    return scope
  }

  private func declare(_ index: Int, in scope: inout Environment) {
    _ = scope.declare(
      variable: fields[index].plainName, type: fields[index].type, slot: FrameLayout.firstField + index)
  }

  /// A state and the states around it, as far as they have fields.
  func statesWithFields(around state: Int) -> [Int] {
    var found: [Int] = []
    var current = state
    while current != 0 {
      if !states[current].fields.isEmpty { found.append(current) }
      current = states[current].parent
    }
    return found
  }

  /// The field that a name refers to in the state whose body is checked.
  func field(named name: String) -> Int? {
    let scope = statesWithFields(around: currentState)
    return fieldsByName[name]?.first { fields[$0].state.map { scope.contains($0) } ?? true }
  }

  /// The names of the fields in scope.
  var fieldNames: [String] {
    let scope = statesWithFields(around: currentState)
    return fields.filter { field in field.state.map { scope.contains($0) } ?? true }.map(\.plainName)
  }

  /// F106: a field of a state that may not be active here.
  func outOfScope(_ name: String, at range: SourceRange) -> Diagnostic? {
    guard field(named: name) == nil else { return nil }
    let owners = (fieldsByName[name] ?? []).map { fields[$0] }.filter { $0.state != nil }
    guard let first = owners.first, let state = first.state, let node = first.node else { return nil }
    let list = owners.compactMap(\.state).map { "`\(states[$0].path)`" }.joined(separator: ", ")
    return Diagnostic(
      "F106", "`\(name)` is a field of \(owners.count == 1 ? "the state" : "the states") \(list), not in scope here",
      at: range, label: "not in scope", labels: [.init(node.name.range, "declared here")],
      help: isInTest
        ? "a test reads it with the path of the state: `\(first.name)`"
        : "it is set by `-> \(states[state].name.text)(\(name): …)` and exists only in that state: "
          + "use a data field for what other states read")
  }

  /// F106 for a field of another state, in place of an unknown name.
  func outOfScope(_ problem: Diagnostic) -> Diagnostic? {
    guard problem.code == "F106", problem.message.hasPrefix("there is nothing named `") else { return nil }
    let name = problem.message.split(separator: "`").dropFirst().first.map(String.init) ?? ""
    return outOfScope(name, at: problem.range)
  }

  // MARK: - Names

  /// F113, F103: in each state a name has one meaning.
  private mutating func isFree(_ name: NameNode, in state: Int) -> Bool {
    guard !name.isMissing else { return false }
    if FlowChecker.reserved.contains(name.text) || name.text == "rollback" {
      problems.append(reservedName(name, "a field of a state"))
      return false
    }
    guard let (what, range) = otherMeaning(of: name.text, in: state) else { return true }
    problems.append(
      Diagnostic(
        "F103", "`\(name.text)` is already the name of \(what)", at: name.range, label: "declared again",
        labels: [.init(range, "first declared here")], help: "give the field of the state another name"))
    return false
  }

  private func otherMeaning(of name: String, in state: Int) -> (what: String, range: SourceRange)? {
    let meant = fieldsByName[name] ?? []
    if let index = meant.first(where: { fields[$0].state == nil }), let node = fields[index].node {
      return (index < parameterCount ? "a parameter" : "a data field", node.name.range)
    }
    if let definition = node.lets.first(where: { $0.name.text == name }) { return ("a `let`", definition.name.range) }
    // The fields of the state itself are not yet in its range.
    for field in meant.map({ fields[$0] }) {
      guard let owner = field.state, let node = field.node, owner == state || encloses(owner, state) else { continue }
      return (owner == state ? "a field of this state" : "a field of `\(states[owner].path)`", node.name.range)
    }
    return nil
  }

  func encloses(_ outer: Int, _ inner: Int) -> Bool { (outer + 1..<states[outer].end).contains(inner) }

  /// F103: outside of the state a field is read with its path, as in `asked.token`.
  private mutating func checkPath(of state: Int, _ node: StateNode) {
    guard !node.fields.isEmpty, let root = states[state].path.split(separator: ".").first.map(String.init),
      let (what, range) = otherMeaning(of: root, in: 0)
    else { return }
    problems.append(
      Diagnostic(
        "F103", "`\(root)` is also the name of \(what)", at: node.name.range,
        label: "`\(states[state].path).\(node.fields[0].name.text)` would have two meanings",
        labels: [.init(range, "first declared here")], help: "give one of them another name"))
  }
}
