public import FlowSource

/// A free name of an expression, with the fields selected from it: `event.items.size`.
public struct Reference: Hashable, Sendable {
  /// At least one: the name, then the fields.
  public var path: [String]
  /// From the first to the last name.
  public var range: SourceRange
  /// The range of the first name alone.
  public var nameRange: SourceRange

  public var name: String { path[0] }
  public var dottedPath: String { path.joined(separator: ".") }
}

extension Expression {
  /// Every free name with its selections, in the order of the text; bound variables are left out.
  ///
  /// Receivers of calls count as well: `strings.quote(x)` lists `strings` and `x`.
  public var references: [Reference] {
    var collector = ReferenceCollector()
    collector.visit(self)
    return collector.found
  }

  /// `a.b.c` as its parts, if it consists of plain selections from a name.
  public var dottedName: [String]? {
    switch kind {
    case .identifier(let name, _): [name]
    case .select(let operand, let field, .plain): operand.dottedName.map { $0 + [field.name] }
    default: nil
    }
  }

  /// The functions and record types that are named, with their ranges.
  public var calledNames: [Field] {
    var names: [Field] = []
    collectCalledNames(into: &names)
    return names
  }

  private func collectCalledNames(into names: inout [Field]) {
    switch kind {
    case .literal, .identifier: return
    case .call(let call): names.append(call.function)
    case .record(let literal): names.append(literal.typeName)
    default: break
    }
    for child in children { child.collectCalledNames(into: &names) }
  }
}

private struct ReferenceCollector {
  var found: [Reference] = []
  private var bound: [String] = []

  mutating func visit(_ expression: Expression) {
    switch expression.kind {
    case .identifier, .select:
      if !visitChain(expression) { expression.children.forEach { visit($0) } }
    case .comprehension(let macro):
      visit(macro.range)
      binding(macro.variables.map(\.name)) { collector in
        if let filter = macro.filter { collector.visit(filter) }
        collector.visit(macro.body)
      }
    case .bind(let name, let value, let body):
      visit(value)
      binding([name.name]) { $0.visit(body) }
    default: expression.children.forEach { visit($0) }
    }
  }

  private mutating func binding(_ names: [String], _ body: (inout ReferenceCollector) -> Void) {
    bound += names
    body(&self)
    bound.removeLast(names.count)
  }

  /// Records a whole chain of selections; false when it does not start at a name.
  private mutating func visitChain(_ expression: Expression) -> Bool {
    var path: [String] = []
    var current = expression
    while case .select(let operand, let field, _) = current.kind {
      path.append(field.name)
      current = operand
    }
    guard case .identifier(let name, let isRooted) = current.kind else { return false }
    guard isRooted || !bound.contains(name), !name.hasPrefix("@") else { return true }
    path.append(name)
    found.append(Reference(path: path.reversed(), range: expression.range, nameRange: current.range))
    return true
  }
}
