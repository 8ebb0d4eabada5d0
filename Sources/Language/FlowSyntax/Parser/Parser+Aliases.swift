import CEL
import FlowSource

// `import "shop.flow" as shop` permits the qualified name `shop.Item` for a declaration of that file. The tree contains
// the plain name, and records the file in which it has to be declared.
extension Parser {
  mutating func withoutAlias(_ path: PathNode) -> PathNode {
    guard path.names.count > 1, aliases.contains(path.names[0].text) else { return path }
    recordUse(of: path.names.dropFirst().map(\.text).joined(separator: "."), alias: path.names[0].text, at: path.range)
    return PathNode(names: Array(path.names.dropFirst()), range: path.range)
  }

  mutating func withoutAlias(_ expression: Expression) -> Expression {
    switch expression.kind {
    case .select(let operand, let field, .plain):
      if case .identifier(let alias, isRooted: false) = operand.kind, aliases.contains(alias) {
        recordUse(of: field.name, alias: alias, at: expression.range)
        return expression.replacing(with: .identifier(field.name, isRooted: false))
      }
    case .call(var call):
      if let target = call.target, case .identifier(let alias, isRooted: false) = target.kind, aliases.contains(alias) {
        recordUse(of: call.function.name, alias: alias, at: expression.range)
        call.target = nil
        return withoutAlias(expression.replacing(with: .call(call)))
      }
    case .record(var literal):
      let parts = literal.typeName.name.split(separator: ".", maxSplits: 1).map(String.init)
      if parts.count == 2, aliases.contains(parts[0]) {
        recordUse(of: parts[1], alias: parts[0], at: literal.typeName.range)
        literal.typeName.name = parts[1]
        return withoutAlias(expression.replacing(with: .record(literal)))
      }
    default: break
    }
    return expression.mapChildren { withoutAlias($0) }
  }

  private mutating func recordUse(of name: String, alias: String, at range: SourceRange) {
    qualified.append(QualifiedName(alias: alias, name: name, range: range))
  }
}
