import CEL
import FlowSource

// `import "shop.flow" as shop` lets what that file declares be written `shop.Item`. The tree holds the plain name;
// which file it has to be in is noted beside it.
extension Parser {
  mutating func withoutAlias(_ path: PathNode) -> PathNode {
    guard path.names.count > 1, aliases.contains(path.names[0].text) else { return path }
    note(path.names[0].text, path.names.dropFirst().map(\.text).joined(separator: "."), path.range)
    return PathNode(names: Array(path.names.dropFirst()), range: path.range)
  }

  mutating func withoutAlias(_ expression: Expression) -> Expression {
    switch expression.kind {
    case .select(let operand, let field, .plain):
      if case .identifier(let alias, isRooted: false) = operand.kind, aliases.contains(alias) {
        note(alias, field.name, expression.range)
        return expression.replacing(with: .identifier(field.name, isRooted: false))
      }
    case .call(var call):
      if let target = call.target, case .identifier(let alias, isRooted: false) = target.kind, aliases.contains(alias) {
        note(alias, call.function.name, expression.range)
        call.target = nil
        return withoutAlias(expression.replacing(with: .call(call)))
      }
    case .record(var literal):
      let parts = literal.typeName.name.split(separator: ".", maxSplits: 1).map(String.init)
      if parts.count == 2, aliases.contains(parts[0]) {
        note(parts[0], parts[1], literal.typeName.range)
        literal.typeName.name = parts[1]
        return withoutAlias(expression.replacing(with: .record(literal)))
      }
    default: break
    }
    return expression.mapChildren { withoutAlias($0) }
  }

  private mutating func note(_ alias: String, _ name: String, _ range: SourceRange) {
    qualified.append(QualifiedName(alias: alias, name: name, range: range))
  }
}
