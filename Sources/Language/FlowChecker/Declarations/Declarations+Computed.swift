import CEL
import FlowIR
import FlowSource
import FlowSyntax

// The members of events that are computed from the others: `let pr = repository + "#" + string(number)`.
extension Declarations {
  /// Checks the computed members of an event. Each reads the fields and the computed members before it by their names.
  func computedMembers(
    of node: EventNode, _ payload: RecordDeclaration, into problems: inout [Diagnostic]
  ) -> [(name: String, value: CheckedExpression)] {
    guard !node.lets.isEmpty else { return [] }
    var scope = environment
    let event = TypedExpression(
      node.name.range, .record(payload.name), .variable("event", slot: FrameLayout.event))
    var seen: [String: SourceRange] = [:]
    for field in node.fields { seen[field.name.text] = field.name.range }
    for field in payload.fields {
      scope.remove(field.name)
      scope.declare(
        definition: field.name, TypedExpression(node.name.range, field.type, .select(event, field: field.name, .plain)))
    }
    var found: [(name: String, value: CheckedExpression)] = []
    for member in node.lets where !member.name.isMissing {
      let name = member.name.text
      if reservedWords.contains(name) { problems.append(reservedName(member.name, "a computed member")) }
      if let first = seen[name] {
        problems.append(
          Diagnostic(
            "F103", "there are two members named `\(name)`", at: member.name.range, label: "declared again",
            labels: [.init(first, "first declared here")]))
        continue
      }
      seen[name] = member.name.range
      scope.remove(name)
      if let value = value(of: member, before: node.lets, scope, into: &problems) {
        found.append((name, value))
        scope.declare(definition: name, value.tree)
      } else {
        // References to it are no further errors.
        _ = scope.declare(variable: name, type: .error, slot: FrameLayout.event)
      }
    }
    return found
  }

  private func value(
    of member: ConstantNode, before all: [ConstantNode], _ scope: Environment, into problems: inout [Diagnostic]
  ) -> CheckedExpression? {
    let later = all.filter { $0.range.lower >= member.range.lower }
    let early = member.value.references.filter { reference in
      later.contains { $0.name.text == reference.name } && !scope.hasVariable(reference.name)
    }
    guard early.isEmpty else {
      problems += early.map { reference in
        Diagnostic(
          "F116", "`\(reference.name)` is computed later", at: reference.nameRange, label: "has no value yet",
          help: "a computed member reads the fields and the computed members before it")
      }
      return nil
    }
    let checked = scope.check(member.value)
    problems += self.problems(of: member.value, checked.diagnostics, in: scope)
    return checked.expression.map { CheckedExpression(tree: $0, range: member.value.range) }
  }

  /// F203: the literal of an event gives no value to a computed member.
  func computedMember(at problem: Diagnostic, in expression: Expression) -> Diagnostic? {
    guard problem.code == "F203", let (type, name) = expression.literalMember(at: problem.range),
      let event = events.first(where: { $0.payload.name == type }),
      let member = event.computed.first(where: { $0.name == name })
    else { return nil }
    return Diagnostic(
      "F203", "`\(name)` of `\(type)` is computed", at: problem.range, label: "can't be given",
      labels: [.init(member.value.range, "computed here")], help: "remove it")
  }
}

extension Expression {
  /// The type of a record literal, and its member with that range.
  fileprivate func literalMember(at range: SourceRange) -> (type: String, member: String)? {
    if case .record(let literal) = kind, let member = literal.fields.first(where: { $0.field.range == range }) {
      return (literal.typeName.name, member.field.name)
    }
    for child in children where child.range.lower <= range.lower && range.upper <= child.range.upper {
      if let found = child.literalMember(at: range) { return found }
    }
    return nil
  }
}
