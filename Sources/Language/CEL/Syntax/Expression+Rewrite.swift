extension Expression {
  /// An expression with the same range and another meaning, for a surrounding language.
  public func replacing(with kind: Kind) -> Expression { Expression(id: id, range: range, kind: kind) }

  /// The expression with each direct sub-expression put through `transform`.
  public func mapChildren(_ transform: (Expression) -> Expression) -> Expression {
    switch kind {
    case .missing, .literal, .identifier: self
    case .select(let operand, let field, let mode): replacing(with: .select(transform(operand), field, mode))
    case .index(let operand, let index, let isOptional):
      replacing(with: .index(transform(operand), transform(index), isOptional: isOptional))
    case .call(var call):
      {
        call.target = call.target.map(transform)
        call.arguments = call.arguments.map(transform)
        return replacing(with: .call(call))
      }()
    case .and(let terms): replacing(with: .and(terms.map(transform)))
    case .or(let terms): replacing(with: .or(terms.map(transform)))
    case .conditional(let condition, let then, let otherwise):
      replacing(with: .conditional(transform(condition), then: transform(then), else: transform(otherwise)))
    case .list(let elements):
      replacing(with: .list(elements.map { Element(value: transform($0.value), isOptional: $0.isOptional) }))
    case .map(let entries):
      replacing(
        with: .map(
          entries.map { Entry(key: transform($0.key), value: transform($0.value), isOptional: $0.isOptional) }))
    case .record(var literal):
      {
        literal.fields = literal.fields.map {
          FieldValue(field: $0.field, value: transform($0.value), isOptional: $0.isOptional)
        }
        return replacing(with: .record(literal))
      }()
    case .comprehension(var macro):
      {
        macro.range = transform(macro.range)
        macro.filter = macro.filter.map(transform)
        macro.body = transform(macro.body)
        return replacing(with: .comprehension(macro))
      }()
    case .bind(let name, let value, let body):
      replacing(with: .bind(name, value: transform(value), body: transform(body)))
    case .block(let values, let body): replacing(with: .block(values.map(transform), body: transform(body)))
    }
  }
}
