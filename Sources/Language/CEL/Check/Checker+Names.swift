import FlowSource

extension Checker {
  /// A name with selections. The longest declared prefix of the chain is the name; the rest selects fields.
  mutating func checkChain(_ expression: Expression) -> TypedExpression {
    if case .identifier(let name, let isRooted) = expression.kind {
      return resolve([name], isRooted: isRooted, root: expression, ranges: []).0
    }
    var steps: [(field: Expression.Field, mode: Expression.SelectMode, range: SourceRange)] = []
    var root = expression
    while case .select(let operand, let field, let mode) = root.kind {
      steps.append((field, mode, root.range))
      root = operand
    }
    steps.reverse()
    var typed: TypedExpression
    if case .identifier(let name, let isRooted) = root.kind {
      let plain = steps.prefix { $0.mode == .plain }
      let (found, used) = resolve(
        [name] + plain.map(\.field.name), isRooted: isRooted, root: root, ranges: plain.map(\.range))
      typed = found
      steps.removeFirst(used)
    } else {
      typed = check(root)
    }
    for step in steps { typed = select(typed, field: step.field, mode: step.mode, at: step.range) }
    return typed
  }

  /// The value of the longest declared prefix of `path`, and the number of selections in it.
  private mutating func resolve(
    _ path: [String], isRooted: Bool, root: Expression, ranges: [SourceRange]
  ) -> (TypedExpression, used: Int) {
    if !isRooted, let index = locals.lastIndex(where: { $0.name == path[0] }) {
      return (TypedExpression(root.range, locals[index].type, .local(path[0], index: index)), 0)
    }
    let longest = path.count > 1 && environment.mayBeQualified(path[0]) ? path.count : 1
    for count in stride(from: longest, through: 1, by: -1) {
      let name = count == 1 ? path[0] : path[..<count].joined(separator: ".")
      let range = count == 1 ? root.range : ranges[count - 2]
      for candidate in environment.candidates(name, isRooted: isRooted) {
        if let found = declared(candidate, range) { return (found, count - 1) }
      }
    }
    return (unknownName(path[0], root.range), 0)
  }

  /// The declaration of a full name: a variable, a definition, an enum value or a type.
  private func declared(_ name: String, _ range: SourceRange) -> TypedExpression? {
    if let variable = environment.variables[name] {
      return TypedExpression(range, variable.type, .variable(name, slot: variable.slot))
    }
    if let definition = environment.definitions[name] {
      let isConstant = definition.body.constant != nil
      return TypedExpression(
        range, definition.body.type, isConstant ? definition.body.kind : .named(definition))
    }
    if let dot = name.lastIndex(of: "."),
      let enumeration = environment.types.enumeration(named: String(name[..<dot])),
      let number = enumeration.number(of: String(name[name.index(after: dot)...]))
    {
      let value: Value = enumeration.isStrong ? .enumeration(type: enumeration.name, number: number) : .int(number)
      return TypedExpression(range, enumeration.type, .constant(value))
    }
    if name == "google.protobuf.NullValue.NULL_VALUE" { return TypedExpression(range, .null, .constant(.null)) }
    guard let type = environment.types.type(named: name) else { return nil }
    let isEnum = environment.types.enumeration(named: name) != nil
    let typeName = WellKnown.types[name] != nil ? type.runtimeName : name
    return TypedExpression(range, .type(isEnum ? nil : type), .constant(.type(typeName)))
  }

  private mutating func unknownName(_ name: String, _ range: SourceRange) -> TypedExpression {
    if !isLenient {
      let names =
        locals.map(\.name) + environment.variables.keys + environment.definitions.keys
        + environment.types.enums.map(\.name) + environment.types.records.map(\.name)
      let close = Suggestion.closest(to: name, among: names.filter { !$0.hasPrefix("@") }, limit: 1)
      let values = environment.types.enums.flatMap { declaration in
        declaration.isStrong && declaration.number(of: name) != nil ? ["\(declaration.name).\(name)"] : []
      }
      let isFunction = environment.overloads[name] != nil || environment.functions[name] != nil
      report(
        "F106",
        message: isFunction ? "`\(name)` is a function and needs arguments" : "there is nothing named `\(name)` here",
        at: range,
        label: "not declared", help: (values + close).first.map { "change it to `\($0)`" },
        fixes: (values + close).first.map { [Fix("change to `\($0)`", .maybe, [Fix.Edit(range, $0)])] } ?? [])
    }
    return TypedExpression(range, isLenient ? .dyn : .error, .failure("there is nothing named `\(name)`"))
  }

  // MARK: Selection

  mutating func select(
    _ operand: TypedExpression, field: Expression.Field, mode: Expression.SelectMode, at range: SourceRange
  ) -> TypedExpression {
    var type = isLenient ? .dyn : substitution.apply(operand.type)
    if case .type = type, let enumeration = enumeration(namedBy: operand) {
      reportUnknownValue(field, of: enumeration)
      return TypedExpression(range, .error, .failure("`\(enumeration.name)` has no value `\(field.name)`"))
    }
    var isOptional = mode == .optional
    if case .optional(let inner) = type {
      isOptional = true
      type = inner
    }
    var result = fieldType(type, field: field, at: range)
    if mode == .test {
      result = .bool
    } else if isOptional, result != .error {
      // An optional field of an optional record is optional once; an optional entry of a map is nested.
      if case (.record, .optional) = (type, result) {} else { result = .optional(result).bounded }
    }
    return TypedExpression(range, result, .select(operand, field: field.name, mode))
  }

  private mutating func fieldType(_ type: ValueType, field: Expression.Field, at range: SourceRange) -> ValueType {
    switch type {
    case .dyn, .error: return type
    case .map(let key, let value):
      if !substitution.unify(.string, key) {
        report(
          "F203", message: "the keys of this map are \(key), not names", at: field.range,
          help: "write `[...]` with a key")
      }
      return substitution.apply(value)
    case .record(let name):
      guard let record = environment.types.record(named: name) else { return .dyn }
      if let found = record.field(field.name) { return found.type }
      reportUnknownField(field, of: record)
      return .error
    case .parameter:
      _ = substitution.unify(type, .dyn)
      return .dyn
    default:
      report("F203", message: "\(article(type)) has no fields", at: field.range, label: "no `\(field.name)` here")
      return .error
    }
  }

  mutating func reportUnknownField(_ field: Expression.Field, of record: RecordDeclaration) {
    let names = record.fields.map(\.name)
    let close = Suggestion.closest(to: field.name, among: names, limit: 1).first
    report(
      "F203", message: "`\(record.name)` has no field `\(field.name)`", at: field.range,
      notes: names.isEmpty || names.count > 8
        ? [] : ["its fields are \(names.map { "`\($0)`" }.joined(separator: ", "))"],
      help: close.map { "change it to `\($0)`" },
      fixes: close.map { [Fix("change to `\($0)`", .maybe, [Fix.Edit(field.range, $0)])] } ?? [])
  }

  // MARK: Records

  mutating func checkRecord(_ literal: Expression.RecordLiteral, _ range: SourceRange) -> TypedExpression {
    var values: [TypedExpression.FieldValue] = []
    let names = environment.candidates(literal.typeName.name, isRooted: literal.isRooted)
    let name = names.first { environment.types.record(named: $0) != nil }
    guard let name, let record = environment.types.record(named: name) else {
      for field in literal.fields { _ = check(field.value) }
      return unknownType(literal.typeName, range)
    }
    for field in literal.fields {
      var value = check(field.value)
      if let declared = record.field(field.field.name) {
        if !isLenient { value = fit(value, field: field, declared: declared) }
      } else if isLenient {
        return TypedExpression(range, .dyn, .failure("`\(name)` has no field `\(field.field.name)`"))
      } else {
        reportUnknownField(field.field, of: record)
      }
      if values.contains(where: { $0.field == field.field.name }) {
        report("F101", message: "`\(field.field.name)` is given twice", at: field.field.range)
      }
      values.append(
        TypedExpression.FieldValue(field: field.field.name, value: value, isOptional: field.isOptional))
    }
    let missing = record.fields.filter { field in field.isRequired && !values.contains { $0.field == field.name } }
    if !isLenient, !missing.isEmpty {
      let list = missing.map { "`\($0.name)`" }.joined(separator: ", ")
      report("F215", message: "`\(record.name)` needs \(list)", at: literal.typeName.range)
    }
    let type = WellKnown.types[name] ?? .record(name)
    return TypedExpression(range, isLenient ? .dyn : type, .record(name, values))
  }

  /// Checks a field's value against the field.
  private mutating func fit(
    _ value: TypedExpression, field: Expression.FieldValue, declared: FieldDeclaration
  ) -> TypedExpression {
    var wanted = declared.type
    if field.isOptional {
      if case .optional = wanted {} else { wanted = .optional(wanted) }
    }
    if declared.presence != .always {
      // Messages accept null for unset fields, and convert the values that they store.
      if !substitution.unify(value.type, wanted) {
        report(
          "F201",
          message:
            "`\(declared.name)` is \(article(declared.type)), found `\(substitution.apply(value.type, isFinal: true))`",
          at: value.range)
      }
      return value
    }
    if let excess = declared.maximum.flatMap({ value.excess(over: $0) }) {
      report("F201", message: "`\(declared.name)` holds \(excess)", at: value.range)
    }
    return adapt(value, to: wanted, what: "`\(declared.name)`")
  }

  private mutating func unknownType(_ name: Expression.Field, _ range: SourceRange) -> TypedExpression {
    if !isLenient {
      let close = Suggestion.closest(to: name.name, among: environment.types.records.map(\.name), limit: 1).first
      report(
        "F106", message: "there is no type named `\(name.name)`", at: name.range,
        help: close.map { "change it to `\($0)`" },
        fixes: close.map { [Fix("change to `\($0)`", .maybe, [Fix.Edit(name.range, $0)])] } ?? [])
    }
    return TypedExpression(range, isLenient ? .dyn : .error, .failure("there is no type named `\(name.name)`"))
  }
}
