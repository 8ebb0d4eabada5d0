import FlowSource

extension Checker {
  mutating func checkComprehension(_ macro: Expression.Comprehension, _ range: SourceRange) -> TypedExpression {
    let source = check(macro.range)
    let first = locals.count
    let types = variableTypes(macro, source)
    for (variable, type) in zip(macro.variables, types) { locals.append((variable.name, type)) }
    let filter = macro.filter.map { checkCondition($0, macro) }
    let isCondition = [.all, .exists, .existsOne, .filter].contains(macro.macro)
    let body = isCondition ? checkCondition(macro.body, macro) : check(macro.body)
    locals.removeLast(macro.variables.count)
    let type = isLenient ? .dyn : resultType(macro, source: source, variables: types, body: body)
    return TypedExpression(
      range, type.bounded,
      .comprehension(
        TypedExpression.Comprehension(
          macro: macro.macro, variables: macro.variables.map(\.name), first: first, range: source, filter: filter,
          body: body)))
  }

  /// The types of the variables: elements, keys, index and element, key and value.
  private mutating func variableTypes(_ macro: Expression.Comprehension, _ source: TypedExpression) -> [ValueType] {
    if isLenient { return macro.variables.map { _ in .dyn } }
    let type = substitution.apply(source.type)
    if macro.macro == .optMap || macro.macro == .optFlatMap {
      return [optionalContent(macro, as: type, at: source.range)]
    }
    let isPair = macro.variables.count == 2
    switch type {
    case .list(let element): return isPair ? [.int, element] : [element]
    case .map(let key, let value): return isPair ? [key, value] : [key]
    case .dyn, .error: return macro.variables.map { _ in type }
    case .parameter:
      _ = substitution.unify(type, .dyn)
      return macro.variables.map { _ in .dyn }
    default:
      report(
        "F204", message: "`\(macro.function.name)` goes through a list or a map, but this is \(article(type))",
        at: source.range)
      return macro.variables.map { _ in .error }
    }
  }

  private mutating func optionalContent(
    _ macro: Expression.Comprehension, as type: ValueType, at range: SourceRange
  ) -> ValueType {
    let content = fresh()
    if substitution.unify(type, .optional(content)) { return substitution.apply(content) }
    report("F204", message: "`\(macro.function.name)` takes an optional value, but this is \(article(type))", at: range)
    return .error
  }

  private mutating func checkCondition(_ body: Expression, _ macro: Expression.Comprehension) -> TypedExpression {
    let typed = check(body)
    if !isLenient, !substitution.unify(typed.type, .bool) {
      report(
        "F204", message: "`\(macro.function.name)` needs a condition here, but this is \(article(typed.type))",
        at: body.range)
    }
    return typed
  }

  private mutating func resultType(
    _ macro: Expression.Comprehension, source: TypedExpression, variables: [ValueType], body: TypedExpression
  ) -> ValueType {
    switch macro.macro {
    case .all, .exists, .existsOne: return .bool
    case .map, .transformList: return .list(body.type)
    case .filter:
      // A filtered map is the list of its keys.
      return .list(variables[0])
    case .sortBy: return substitution.apply(source.type)
    case .transformMap: return .map(variables[0], body.type)
    case .transformMapEntry:
      if case .map = substitution.apply(body.type) { return body.type }
      let entry = ValueType.map(fresh(), fresh())
      if !substitution.unify(body.type, entry) {
        report(
          "F204", message: "`transformMapEntry` needs a map here, but this is \(article(body.type))", at: body.range)
      }
      return substitution.apply(entry)
    case .optMap: return .optional(body.type)
    case .optFlatMap:
      let content = fresh()
      if !substitution.unify(body.type, .optional(content)) {
        report(
          "F204", message: "`optFlatMap` needs an optional value here, but this is \(article(body.type))",
          at: body.range)
      }
      return .optional(substitution.apply(content))
    }
  }

  mutating func checkBind(
    _ name: Expression.Field, value: Expression, body: Expression, at range: SourceRange
  ) -> TypedExpression {
    let typed = check(value)
    let local = locals.count
    locals.append((name.name, typed.type))
    let result = check(body)
    locals.removeLast()
    return TypedExpression(range, result.type, .bind(name.name, local: local, value: typed, body: result))
  }

  mutating func checkBlock(_ values: [Expression], body: Expression, at range: SourceRange) -> TypedExpression {
    let first = locals.count
    var typed: [TypedExpression] = []
    for (index, value) in values.enumerated() {
      let value = check(value)
      typed.append(value)
      locals.append(("@index:\(index)", value.type))
    }
    let result = check(body)
    locals.removeLast(values.count)
    return TypedExpression(range, result.type, .block(first: first, typed, body: result))
  }
}
