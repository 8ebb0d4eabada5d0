import FlowSource

/// Macros are selected by name, receiver and number of arguments; any other call is an ordinary one.
extension ExpressionParser {
  mutating func expandMacro(_ call: Expression.Call, _ range: SourceRange) -> Expression {
    guard !hasFailed else { return missing() }
    if let target = call.target {
      if case .identifier(let name, isRooted: false) = target.kind,
        let expanded = expandNamespaced(name, call: call, at: range)
      {
        return expanded
      }
      if let expanded = expandComprehension(target, call: call, at: range) { return expanded }
    } else if call.function.name == "has", call.arguments.count == 1, !call.isRooted {
      return expandHas(call.arguments[0], range)
    }
    if call.target == nil, Self.isReserved(call.function.name) {
      fail("`\(call.function.name)` is a reserved word", at: call.function.range)
    }
    return make(range, .call(call))
  }

  private mutating func expandHas(_ argument: Expression, _ range: SourceRange) -> Expression {
    guard case .select(let operand, let field, .plain) = argument.kind else {
      fail("`has` asks for a field, as in `has(a.b)`", at: argument.range)
      return missing()
    }
    return make(range, .select(operand, field, .test))
  }

  // MARK: Comprehensions

  /// The numbers of variables and other arguments of a macro.
  private func shape(_ name: String, _ count: Int) -> (macro: Expression.Macro, variables: Int, hasFilter: Bool)? {
    switch (name, count) {
    case ("all", 2): (.all, 1, false)
    case ("exists", 2): (.exists, 1, false)
    case ("exists_one", 2), ("existsOne", 2): (.existsOne, 1, false)
    case ("map", 2): (.map, 1, false)
    case ("map", 3): (.map, 1, true)
    case ("filter", 2): (.filter, 1, false)
    case ("sortBy", 2): (.sortBy, 1, false)
    case ("optMap", 2): (.optMap, 1, false)
    case ("optFlatMap", 2): (.optFlatMap, 1, false)
    case ("all", 3): (.all, 2, false)
    case ("exists", 3): (.exists, 2, false)
    case ("exists_one", 3), ("existsOne", 3): (.existsOne, 2, false)
    case ("transformList", 3): (.transformList, 2, false)
    case ("transformList", 4): (.transformList, 2, true)
    case ("transformMap", 3): (.transformMap, 2, false)
    case ("transformMap", 4): (.transformMap, 2, true)
    case ("transformMapEntry", 3): (.transformMapEntry, 2, false)
    case ("transformMapEntry", 4): (.transformMapEntry, 2, true)
    default: nil
    }
  }

  private mutating func expandComprehension(
    _ target: Expression, call: Expression.Call, at range: SourceRange
  ) -> Expression? {
    guard let shape = shape(call.function.name, call.arguments.count) else { return nil }
    var variables: [Expression.Field] = []
    for argument in call.arguments.prefix(shape.variables) {
      guard case .identifier(let name, isRooted: false) = argument.kind else {
        fail("`\(call.function.name)` needs the name of a variable here", at: argument.range)
        return missing()
      }
      if variables.contains(where: { $0.name == name }) {
        fail("`\(name)` is bound twice", at: argument.range)
        return missing()
      }
      variables.append(Expression.Field(name, argument.range))
    }
    let comprehension = Expression.Comprehension(
      macro: shape.macro, function: call.function, range: target, variables: variables,
      filter: shape.hasFilter ? call.arguments[shape.variables] : nil, body: call.arguments[call.arguments.count - 1])
    return make(range, .comprehension(comprehension))
  }

  // MARK: Macros with a receiver that is a namespace

  private mutating func expandNamespaced(
    _ namespace: String, call: Expression.Call, at range: SourceRange
  ) -> Expression? {
    switch (namespace, call.function.name, call.arguments.count) {
    case ("cel", "bind", 3): expandBind(call, range)
    case ("cel", "block", 2): expandBlock(call, range)
    case ("cel", "index", 1): expandNumbered("@index", call: call, at: range)
    case ("cel", "iterVar", 2): expandNumbered("@it", call: call, at: range)
    case ("cel", "accuVar", 2): expandNumbered("@ac", call: call, at: range)
    case ("math", "greatest", _): expandExtreme("math.@max", call: call, at: range)
    case ("math", "least", _): expandExtreme("math.@min", call: call, at: range)
    case ("proto", "getExt", 2): expandExtension(.plain, call: call, at: range)
    case ("proto", "hasExt", 2): expandExtension(.test, call: call, at: range)
    default: nil
    }
  }

  private mutating func expandBind(_ call: Expression.Call, _ range: SourceRange) -> Expression {
    guard case .identifier(let name, isRooted: false) = call.arguments[0].kind else {
      fail("`cel.bind` needs the name of a variable here", at: call.arguments[0].range)
      return missing()
    }
    let variable = Expression.Field(name, call.arguments[0].range)
    return make(range, .bind(variable, value: call.arguments[1], body: call.arguments[2]))
  }

  private mutating func expandBlock(_ call: Expression.Call, _ range: SourceRange) -> Expression {
    guard case .list(let elements) = call.arguments[0].kind, !elements.contains(where: \.isOptional) else {
      fail("`cel.block` needs a list of expressions here", at: call.arguments[0].range)
      return missing()
    }
    return make(range, .block(elements.map(\.value), body: call.arguments[1]))
  }

  /// `cel.index(2)` and similar calls become names that can't be written.
  private mutating func expandNumbered(
    _ prefix: String, call: Expression.Call, at range: SourceRange
  ) -> Expression {
    var name = prefix
    for argument in call.arguments {
      guard case .literal(.int(let number)) = argument.kind, number >= 0 else {
        fail("`cel.\(call.function.name)` needs a number that is not negative", at: argument.range)
        return missing()
      }
      name += ":\(number)"
    }
    return make(range, .identifier(name, isRooted: false))
  }

  private mutating func expandExtreme(
    _ function: String, call: Expression.Call, at range: SourceRange
  ) -> Expression {
    guard !call.arguments.isEmpty else {
      fail("`math.\(call.function.name)` needs at least one argument", at: range)
      return missing()
    }
    let name = Expression.Field(function, call.function.range)
    return make(range, .call(Expression.Call(function: name, target: nil, arguments: call.arguments)))
  }

  /// `proto.getExt(message, package.field)` selects a field whose name is the whole dotted one.
  private mutating func expandExtension(
    _ mode: Expression.SelectMode, call: Expression.Call, at range: SourceRange
  ) -> Expression {
    guard let name = call.arguments[1].dottedName, name.count > 1 else {
      fail("`proto.\(call.function.name)` needs the full name of an extension here", at: call.arguments[1].range)
      return missing()
    }
    let field = Expression.Field(name.joined(separator: "."), call.arguments[1].range)
    return make(range, .select(call.arguments[0], field, mode))
  }
}
