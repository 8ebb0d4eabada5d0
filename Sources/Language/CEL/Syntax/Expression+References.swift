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
    var found: [Reference] = []
    var visitor = ReferenceVisitor()
    visitor.visit(self) { chain, root, name in
      var path: [String] = []
      var current = chain
      while case .select(let operand, let field, _) = current.kind {
        path.append(field.name)
        current = operand
      }
      path.append(name)
      found.append(Reference(path: path.reversed(), range: chain.range, nameRange: root.range))
    }
    return found
  }

  /// Calls a function for the name of each of ``references``, and builds no list.
  public func forEachReferencedName(_ body: (String) -> Void) {
    var visitor = ReferenceVisitor()
    visitor.visit(self) { _, _, name in body(name) }
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
    forEachCalledName { names.append($0) }
    return names
  }

  /// Calls a function for each of ``calledNames``, and builds no list.
  public func forEachCalledName(_ body: (Field) -> Void) {
    switch kind {
    case .literal, .identifier: return
    case .call(let call): body(call.function)
    case .record(let literal): body(literal.typeName)
    default: break
    }
    forEachChild { $0.forEachCalledName(body) }
  }
}

/// Finds the free names.
private struct ReferenceVisitor {
  /// - Parameters:
  ///   - chain: A name with its selections.
  ///   - root: The name alone.
  typealias Body = (_ chain: Expression, _ root: Expression, _ name: String) -> Void

  private var bound: [String] = []

  mutating func visit(_ expression: Expression, _ body: Body) {
    switch expression.kind {
    case .identifier, .select:
      if !visitChain(expression, body) { expression.forEachChild { visit($0, body) } }
    case .comprehension(let macro):
      visit(macro.range, body)
      binding(macro.variables.map(\.name)) { visitor in
        if let filter = macro.filter { visitor.visit(filter, body) }
        visitor.visit(macro.body, body)
      }
    case .bind(let name, let value, let rest):
      visit(value, body)
      binding([name.name]) { $0.visit(rest, body) }
    default: expression.forEachChild { visit($0, body) }
    }
  }

  private mutating func binding(_ names: [String], _ body: (inout ReferenceVisitor) -> Void) {
    bound += names
    body(&self)
    bound.removeLast(names.count)
  }

  /// Passes on a whole chain of selections; false when it does not start at a name.
  private func visitChain(_ expression: Expression, _ body: Body) -> Bool {
    var root = expression
    while case .select(let operand, _, _) = root.kind { root = operand }
    guard case .identifier(let name, let isRooted) = root.kind else { return false }
    if isRooted || !bound.contains(name), !name.hasPrefix("@") { body(expression, root, name) }
    return true
  }
}
