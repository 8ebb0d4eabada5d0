import FlowSource

extension Checker {
  mutating func checkCall(_ call: Expression.Call, _ range: SourceRange) -> TypedExpression {
    guard let target = call.target else {
      if !isLenient, call.arguments.count == 2, let scalars = ScalarOverloads.byOperator[call.function.name] {
        return checkOperator(call, scalars, at: range)
      }
      return checkGlobal(call.function, arguments: call.arguments, isRooted: call.isRooted, at: range)
    }
    if let namespace = namespace(target) {
      let function = Expression.Field(namespace + "." + call.function.name, target.range.union(call.function.range))
      if let name = globalName(function.name, isRooted: target.isRootedName) {
        return checkNamed(name, function: function, arguments: call.arguments, at: range)
      }
    }
    if [Builtin.or.rawValue, Builtin.orValue.rawValue].contains(call.function.name), isLenient {
      let arguments = ([target] + call.arguments).map { check($0) }
      if arguments.count == 2, let builtin = Builtin.named[call.function.name] {
        return TypedExpression(range, .dyn, .call(builtin, overload: nil, arguments))
      }
    }
    return checkCall(
      call.function.name, target: target, arguments: [target] + call.arguments, at: range,
      nameRange: call.function.range)
  }

  /// An operator with two operands; most are scalars.
  private mutating func checkOperator(
    _ call: Expression.Call, _ scalars: ScalarOverloads, at range: SourceRange
  ) -> TypedExpression {
    let operands = [check(call.arguments[0]), check(call.arguments[1])]
    guard let match = scalars.match(operands[0].type, operands[1].type) else {
      let name = call.function.name
      return checkOverloads(
        name, signatures: environment.overloads[name] ?? [], arguments: operands, at: range,
        nameRange: call.function.range)
    }
    let kind = TypedExpression.Kind.call(scalars.builtin, overload: match.overload, operands)
    return fold(TypedExpression(range, match.result, kind), call.function.range)
  }

  /// The dotted name before a call, unless it starts at a bound variable.
  private func namespace(_ target: Expression) -> String? {
    if case .identifier(let name, _) = target.kind, !environment.mayBeNamespace(name) { return nil }
    guard let name = target.dottedName, !locals.contains(where: { $0.name == name[0] }) else { return nil }
    return name.joined(separator: ".")
  }

  /// The function that a name means in the container.
  private func globalName(_ name: String, isRooted: Bool) -> String? {
    environment.candidates(name, isRooted: isRooted).first { candidate in
      environment.functions[candidate] != nil || environment.types.enumeration(named: candidate)?.isStrong == true
        || environment.overloads[candidate]?.contains { !$0.isMember } == true
    }
  }

  private mutating func checkGlobal(
    _ function: Expression.Field, arguments: [Expression], isRooted: Bool, at range: SourceRange
  ) -> TypedExpression {
    let name = globalName(function.name, isRooted: isRooted) ?? function.name
    return checkNamed(name, function: function, arguments: arguments, at: range)
  }

  private mutating func checkNamed(
    _ name: String, function: Expression.Field, arguments: [Expression], at range: SourceRange
  ) -> TypedExpression {
    if let defined = environment.functions[name] {
      return checkDefined(defined, function: function, arguments: arguments, at: range)
    }
    if let enumeration = environment.types.enumeration(named: name), enumeration.isStrong {
      return checkEnumConversion(enumeration, arguments: arguments, at: range)
    }
    if name == Builtin.greatest.rawValue || name == Builtin.least.rawValue {
      return checkExtreme(name, function: function, arguments: arguments, at: range)
    }
    return checkCall(name, target: nil, arguments: arguments, at: range, nameRange: function.range)
  }

  private mutating func checkDefined(
    _ defined: FunctionDefinition, function: Expression.Field, arguments: [Expression], at range: SourceRange
  ) -> TypedExpression {
    var typed = arguments.map { check($0) }
    guard typed.count == defined.parameterTypes.count else {
      report(
        "F204",
        message: "`\(defined.name)` takes \(counted(defined.parameterTypes.count, "argument")), found \(typed.count)",
        at: function.range)
      return TypedExpression(range, .error, .failure("wrong number of arguments"))
    }
    for (index, type) in defined.parameterTypes.enumerated() where !isLenient {
      typed[index] = adapt(typed[index], to: type, what: "argument \(index + 1) of `\(defined.name)`")
    }
    return TypedExpression(range, defined.body.type, .function(defined, typed))
  }

  /// `Color(1)` and `Color("red")`.
  private mutating func checkEnumConversion(
    _ enumeration: EnumDeclaration, arguments: [Expression], at range: SourceRange
  ) -> TypedExpression {
    let typed = arguments.map { check($0) }
    var trial = substitution
    guard typed.count == 1,
      isLenient || trial.unify(typed[0].type, .int) || trial.unify(typed[0].type, .string)
        || trial.unify(typed[0].type, enumeration.type)
    else {
      report("F204", message: "`\(enumeration.name)` is made of an int or a string", at: range)
      return TypedExpression(range, .error, .failure("wrong argument"))
    }
    let name = TypedExpression(range, .string, .constant(.string(enumeration.name)))
    return fold(TypedExpression(range, enumeration.type, .call(.toEnum, overload: nil, [name, typed[0]])))
  }

  /// `math.greatest` and `math.least`: several numbers, or one list of them.
  private mutating func checkExtreme(
    _ name: String, function: Expression.Field, arguments: [Expression], at range: SourceRange
  ) -> TypedExpression {
    let typed = arguments.map { check($0) }
    guard let builtin = Builtin.named[name], !typed.isEmpty else {
      return TypedExpression(range, .error, .failure("no arguments"))
    }
    var types = typed.map { substitution.apply($0.type, isFinal: true) }
    if types.count == 1, case .list(let element) = types[0] { types = [element] }
    for (index, type) in types.enumerated() where !isLenient && !type.isNumberOrDyn {
      report(
        "F204", message: "`\(builtin.displayName)` compares numbers, but this is \(article(type))",
        at: typed.indices.contains(index) ? typed[index].range : range)
    }
    let type = types.dropFirst().allSatisfy { $0 == types[0] } ? types[0] : .dyn
    return fold(TypedExpression(range, isLenient ? .dyn : type, .call(builtin, overload: nil, typed)))
  }

  // MARK: Overloads

  /// A call of a library function; for a member the receiver is the first argument.
  mutating func checkCall(
    _ name: String, target: Expression?, arguments: [Expression], at range: SourceRange, nameRange: SourceRange
  ) -> TypedExpression {
    let typed = arguments.map { check($0) }
    let isMember = target != nil
    let signatures = overloads(of: name, isMember: isMember)
    if isLenient { return lenientCall(name, arguments: typed, signatures: signatures, at: range) }
    if signatures.isEmpty {
      return reportUnknownFunction(Expression.Field(name, nameRange), isMember: isMember, arguments: typed, at: range)
    }
    if name == "_+_", typed.count > 2 { return checkSum(typed, at: range, nameRange: nameRange) }
    return checkOverloads(name, signatures: signatures, arguments: typed, at: range, nameRange: nameRange)
  }

  private func overloads(of name: String, isMember: Bool) -> [Signature] {
    let all = environment.overloads[name] ?? []
    // Most names have only one kind, and the list is not copied. By index, because a signature is not small.
    if all.indices.allSatisfy({ all[$0].isMember == isMember }) { return all }
    return all.filter { $0.isMember == isMember }
  }

  /// A chain of `+` stays one call while one overload accepts all its terms.
  private mutating func checkSum(
    _ terms: [TypedExpression], at range: SourceRange, nameRange: SourceRange
  ) -> TypedExpression {
    let signatures = environment.overloads["_+_"] ?? []
    var sum = terms[0]
    // The terms accepted by one overload so far.
    var run: (terms: [TypedExpression], overload: String, type: ValueType)?
    for term in terms.dropFirst() {
      let left = run.map { TypedExpression(sum.range, $0.type, .failure("")) } ?? sum
      let next = checkOverloads(
        "_+_", signatures: signatures, arguments: [left, term], at: sum.range.union(term.range), nameRange: nameRange)
      if next.type == .error { return next }
      guard case .call(.add, let overload?, _) = next.kind else {
        sum = joined(run, sum)
        sum =
          run == nil
          ? next
          : checkOverloads("_+_", signatures: signatures, arguments: [sum, term], at: next.range, nameRange: nameRange)
        run = nil
        continue
      }
      if run?.overload == overload {
        run?.terms.append(term)
        run?.type = next.type
      } else {
        sum = joined(run, sum)
        run = ([sum, term], overload, next.type)
      }
      sum.range = sum.range.union(term.range)
    }
    sum = joined(run, sum)
    sum.range = range
    return fold(sum)
  }

  private func joined(
    _ run: (terms: [TypedExpression], overload: String, type: ValueType)?, _ sum: TypedExpression
  ) -> TypedExpression {
    guard let run else { return sum }
    return TypedExpression(sum.range, run.type, .call(.add, overload: run.overload, run.terms))
  }

  private mutating func lenientCall(
    _ name: String, arguments: [TypedExpression], signatures: [Signature], at range: SourceRange
  ) -> TypedExpression {
    guard let builtin = Builtin.named[name], !signatures.isEmpty else {
      return TypedExpression(range, .dyn, .failure("there is no function named `\(name)`"))
    }
    let isFlatSum = builtin == .add && arguments.count > 2
    guard isFlatSum || signatures.contains(where: { $0.parameters.count == arguments.count }) else {
      return TypedExpression(range, .dyn, .failure("`\(name)` does not take \(counted(arguments.count, "argument"))"))
    }
    return TypedExpression(range, .dyn, .call(builtin, overload: nil, arguments))
  }

  private mutating func checkOverloads(
    _ name: String, signatures: [Signature], arguments: [TypedExpression], at range: SourceRange,
    nameRange: SourceRange
  ) -> TypedExpression {
    if let result = enumConversion(name, arguments: arguments, at: range) { return result }
    checkNullComparison(name, arguments: arguments, at: range)
    var matches: [(signature: Signature, result: ValueType, substitution: Substitution)] = []
    let types = arguments.map { substitution.apply($0.type) }
    if let exact = exactMatch(types, signatures), let builtin = Builtin.named[name] {
      return fold(TypedExpression(range, exact.result, .call(builtin, overload: exact.id, arguments)), nameRange)
    }
    for index in signatures.indices where signatures[index].parameters.count == arguments.count {
      let instance = instantiate(signatures[index])
      var trial = substitution
      guard trial.unify(types, instance.parameters) else { continue }
      matches.append((signatures[index], trial.apply(instance.result), trial))
    }
    guard let first = matches.first else {
      return reportNoOverload(name, signatures: signatures, arguments: arguments, at: range, nameRange: nameRange)
    }
    if matches.count == 1 { substitution = first.substitution }
    let isAgreed = matches.dropFirst().allSatisfy { $0.result == first.result }
    guard let builtin = Builtin.named[name] else {
      return TypedExpression(range, isAgreed ? first.result : .dyn, .failure("`\(name)` has no implementation"))
    }
    let type = types.contains(.error) ? .error : isAgreed ? first.result : .dyn
    let overload = matches.count == 1 ? first.signature.id : nil
    return fold(TypedExpression(range, type.bounded, .call(builtin, overload: overload, arguments)), nameRange)
  }

  /// The overload for exactly these types. Scalars fit no other, so that no search is needed.
  private func exactMatch(_ types: [ValueType], _ signatures: [Signature]) -> Signature? {
    guard !types.isEmpty, types.allSatisfy(\.isScalar) else { return nil }
    let index = signatures.indices.first { signatures[$0].result.isScalar && signatures[$0].parameters == types }
    return index.map { signatures[$0] }
  }

  /// An optional value is never null, so that comparing the two is an error, although CEL allows it.
  private mutating func checkNullComparison(_ name: String, arguments: [TypedExpression], at range: SourceRange) {
    guard environment.reportsConstantFaults, name == "_==_" || name == "_!=_", arguments.count == 2 else { return }
    let types = arguments.map { substitution.apply($0.type) }
    guard types.contains(.null), types.contains(where: { if case .optional = $0 { true } else { false } }) else {
      return
    }
    report("F204", message: "an optional value is never null", at: range, help: "ask it with `.hasValue()`")
  }

  /// `int(E.a)` and `string(E.a)`.
  private func enumConversion(
    _ name: String, arguments: [TypedExpression], at range: SourceRange
  ) -> TypedExpression? {
    guard arguments.count == 1, case .enumeration = arguments[0].type else { return nil }
    switch name {
    case "int": return TypedExpression(range, .int, .call(.int, overload: nil, arguments))
    case "string": return TypedExpression(range, .string, .call(.string, overload: nil, arguments))
    default: return nil
    }
  }

  /// The signature with type parameters of its own.
  private mutating func instantiate(_ signature: Signature) -> Signature {
    guard signature.isGeneric else { return signature }
    var names = Substitution()
    var result = signature
    for parameter in Set((signature.parameters + [signature.result]).flatMap(\.parameterNames)).sorted() {
      _ = names.unify(fresh(), .parameter(parameter))
    }
    result.parameters = signature.parameters.map { names.apply($0) }
    result.result = names.apply(signature.result)
    return result
  }
}

extension ValueType {
  var isNumberOrDyn: Bool {
    switch self {
    case .int, .uint, .double, .dyn, .error, .parameter: true
    case .wrapper(let wrapped): wrapped.isNumberOrDyn
    default: false
    }
  }

  var parameterNames: [String] {
    if case .parameter(let name) = self { return [name] }
    return parameters.flatMap(\.parameterNames)
  }

  var mentionsParameter: Bool {
    if case .parameter = self { return true }
    return parameters.contains(where: \.mentionsParameter)
  }
}
