@testable import CEL

/// The tree as text, every operation in parentheses, for comparing.
func tree(_ expression: Expression) -> String {
  switch expression.kind {
  case .missing: "<missing>"
  case .literal(let literal): text(literal)
  case .identifier(let name, let isRooted): (isRooted ? "." : "") + name
  case .select(let operand, let field, let mode):
    tree(operand) + (mode == .optional ? ".?" : ".") + field.name
      + (mode == .test ? "~test" : "")
  case .index(let operand, let index, let isOptional): "\(tree(operand))[\(isOptional ? "?" : "")\(tree(index))]"
  case .call(let call):
    (call.target.map { tree($0) + "." } ?? (call.isRooted ? "." : "")) + call.function.name + list(call.arguments)
  case .and(let terms): "and" + list(terms)
  case .or(let terms): "or" + list(terms)
  case .conditional(let condition, let then, let otherwise): "if" + list([condition, then, otherwise])
  case .list(let elements):
    "[" + elements.map { ($0.isOptional ? "?" : "") + tree($0.value) }.joined(separator: ", ") + "]"
  case .map(let entries):
    "{" + entries.map { ($0.isOptional ? "?" : "") + tree($0.key) + ": " + tree($0.value) }.joined(separator: ", ")
      + "}"
  case .record(let literal):
    (literal.isRooted ? "." : "") + literal.typeName.name + "{"
      + literal.fields.map { ($0.isOptional ? "?" : "") + $0.field.name + ": " + tree($0.value) }.joined(
        separator: ", ")
      + "}"
  case .comprehension(let macro):
    macro.macro.rawValue + "<" + macro.variables.map(\.name).joined(separator: ",") + ">"
      + list([macro.range] + (macro.filter.map { [$0] } ?? []) + [macro.body])
  case .bind(let name, let value, let body): "bind<\(name.name)>" + list([value, body])
  case .block(let values, let body): "block" + list(values + [body])
  }
}

private func list(_ expressions: [Expression]) -> String { "(" + expressions.map(tree).joined(separator: ", ") + ")" }

private func text(_ literal: Literal) -> String {
  switch literal {
  case .null: "null"
  case .bool(let value): "\(value)"
  case .int(let value): "\(value)"
  case .uint(let value): "\(value)u"
  case .double(let value): "\(value)"
  case .string(let value): "\"" + value.unicodeScalars.map { $0.escaped(asASCII: true) }.joined() + "\""
  case .bytes(let value): "b\(value)"
  }
}
