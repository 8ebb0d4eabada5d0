import CEL
import FlowIR
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// Declares the names in scope of every expression: `now`, `self`, `caller`, the data fields, `key`.
  mutating func declareData() {
    _ = environment.declare(variable: "now", type: .timestamp, slot: FrameLayout.now)
    _ = environment.declare(
      variable: "self", type: .record(BuiltInRecords.selfRecord.name), slot: FrameLayout.selfRecord)
    _ = environment.declare(variable: "caller", type: .record(BuiltInRecords.caller.name), slot: FrameLayout.caller)
    ActiveFunction.declare(in: &environment)
    var seen: [String: SourceRange] = [:]
    var unset: [String: SourceRange] = [:]
    let parameters = node.parameters ?? []
    for (index, field) in (parameters + node.data).enumerated() where !field.name.isMissing {
      guard isFree(field.name, &seen) else { continue }
      if index < parameters.count { parameterCount += 1 }
      let (type, maximum) = declarations.resolveBounded(field.type, into: &problems)
      let value = defaultValue(of: field, type, unset: unset)
      if index >= parameters.count, field.defaultValue == nil, !field.type.isOptional {
        unset[field.name.text] = field.name.range
      }
      _ = environment.declare(variable: field.name.text, type: type, slot: frameSize)
      add(.init(name: field.name.text, type: type, defaultValue: value, node: field, maximum: maximum))
      checkSize(of: value, maximum: maximum, field.name.text)
    }
    declareKey()
  }

  /// The initial value of a field; an optional field without a default starts empty.
  /// - Parameter unset: The fields before it that have no value until the start.
  private mutating func defaultValue(
    of field: FieldNode, _ type: ValueType, unset: [String: SourceRange]
  ) -> CheckedExpression? {
    if let node = field.defaultValue {
      checkDefaultReads(node, unset)
      return expression(node, environment, expecting: type)
    }
    guard case .optional = type else { return nil }
    let (none, _) = parse("optional.none()")
    return environment.check(none, expecting: type).expression.map {
      CheckedExpression(tree: $0, range: field.name.range)
    }
  }

  /// F503: a default is evaluated before the start, when fields without a default have no value.
  private mutating func checkDefaultReads(_ value: Expression, _ unset: [String: SourceRange]) {
    for reference in value.references {
      guard let field = unset[reference.name] else { continue }
      problems.append(
        Diagnostic(
          "F503", "`\(reference.name)` is read before it is assigned", at: reference.nameRange,
          label: "a default is evaluated before the start", labels: [.init(field, "has no default")],
          help: "assign this field in the start instead"))
    }
  }

  static let reserved: Set<String> = [
    "event", "now", "self", "caller", "key", "do", "when", "by", "on", "always", "entry", "exit", "call", "state",
    "emit", "raise", "log",
  ]

  /// F113, F103: a field has a name of its own.
  private mutating func isFree(_ name: NameNode, _ seen: inout [String: SourceRange]) -> Bool {
    if FlowChecker.reserved.contains(name.text) {
      problems.append(reservedName(name, "a data field"))
      return false
    }
    if let first = seen[name.text] {
      problems.append(
        Diagnostic(
          "F103", "there are two data fields named `\(name.text)`", at: name.range, label: "declared again",
          labels: [.init(first, "first declared here")]))
      return false
    }
    seen[name.text] = name.range
    return true
  }

  private mutating func declareKey() {
    guard let name = node.key, !name.isMissing else { return }
    guard let index = fields.firstIndex(where: { $0.name == name.text }) else {
      guard name.text != "forever" else {
        problems.append(
          Diagnostic(
            "F106", "there is no data field named `forever`", at: name.range, label: "not a data field",
            help: "write `key FIELD forever`, with the data field that names an instance"))
        return
      }
      problems.append(
        unknown("data field", named: name.text, code: "F106", at: name.range, candidates: fields.map(\.name)))
      return
    }
    guard fields[index].type == .string || fields[index].type == .error else {
      problems.append(
        Diagnostic(
          "F201", "the key must be a `string`", at: name.range, label: "this is `\(fields[index].type)`"))
      return
    }
    key = index
    _ = environment.declare(variable: "key", type: .string, slot: FrameLayout.firstField + index)
  }

  /// The `let`s, in dependency order.
  mutating func declareLets() {
    var seen: [String: SourceRange] = [:]
    for field in (node.parameters ?? []) + node.data { seen[field.name.text] = field.name.range }
    for node in node.lets where !node.name.isMissing && isFree(node.name, &seen) {
      // Until it is checked it agrees with every type, so that a cycle is one error.
      _ = environment.declare(variable: node.name.text, type: .error, slot: FrameLayout.event)
    }
    for index in declarations.definitionOrder(node.lets, what: "a `let`", into: &problems) {
      let definition = node.lets[index]
      let checked = environment.check(definition.value)
      problems += declarations.problems(of: definition.value, checked.diagnostics).map { problem in
        guard var outside = outOfScope(problem) else { return problem }
        outside.help =
          "a `let` of the flow reads its data fields only: write a function, "
          + "`fn \(definition.name.text)(…) -> … = …`, and call it in the state"
        return outside
      }
      problems += interpolations(in: definition.value, environment) + inactivePaths(in: definition.value)
      if let tree = checked.expression {
        environment.remove(definition.name.text)
        environment.declare(definition: definition.name.text, tree)
        definitions.append((definition.name.text, CheckedExpression(tree: tree, range: definition.value.range)))
      }
    }
  }
}

/// F113: a reserved word as the name of something that expressions read by its name alone.
func reservedName(_ name: NameNode, _ what: String) -> Diagnostic {
  Diagnostic(
    "F113", "`\(name.text)` can't be the name of \(what)", at: name.range, label: "a reserved word",
    help: "choose another name")
}
