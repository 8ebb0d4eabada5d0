import FlowSource

/// One pass over an expression that resolves names, finds types and chooses overloads.
struct Checker {
  let environment: Environment
  /// True when types are checked at run time only.
  let isLenient: Bool
  var diagnostics: [Diagnostic] = []
  var substitution = Substitution()
  /// The variables of the enclosing macros.
  var locals: [(name: String, type: ValueType)] = []
  /// The constant patterns of the expression, by their text, and the sum of their sizes in instructions of RE2.
  var patterns: [String: CompiledPattern] = [:]
  var patternSize = 0
  private var freshCount = 0
  lazy var folder = Folder(types: environment.types)

  init(environment: Environment, isLenient: Bool) {
    self.environment = environment
    self.isLenient = isLenient
  }

  mutating func checkRoot(_ expression: Expression, expecting: ValueType?) -> TypedExpression {
    var typed = check(expression)
    if freshCount > 0 { typed = finalize(typed) }
    if let expecting { typed = adapt(typed, to: expecting) }
    guard typed.height <= TypedExpression.maximumHeight else {
      report(
        "F101", message: "the definitions named here nest deeper than \(TypedExpression.maximumHeight) levels",
        at: typed.range)
      return TypedExpression(typed.range, .error, .failure("nested too deep"))
    }
    return typed
  }

  /// A new type parameter.
  mutating func fresh() -> ValueType {
    freshCount += 1
    return .parameter("#\(freshCount)")
  }

  mutating func check(_ expression: Expression) -> TypedExpression {
    switch expression.kind {
    case .missing: return TypedExpression(expression.range, .error, .failure("the expression is incomplete"))
    case .literal(let literal): return check(literal, expression.range)
    case .identifier, .select: return checkChain(expression)
    case .index(let operand, let index, let isOptional):
      let builtin: Builtin = isOptional ? .optionalIndex : .index
      return checkCall(
        builtin.rawValue, target: nil, arguments: [operand, index], at: expression.range, nameRange: expression.range)
    case .call(let call): return checkCall(call, expression.range)
    case .and(let terms): return TypedExpression(expression.range, .bool, .and(terms.map { checkTerm($0, "&&") }))
    case .or(let terms): return TypedExpression(expression.range, .bool, .or(terms.map { checkTerm($0, "||") }))
    case .conditional(let condition, let then, let otherwise):
      return checkConditional(condition, then: then, otherwise: otherwise, at: expression.range)
    case .list(let elements): return checkList(elements, expression.range)
    case .map(let entries): return checkMap(entries, expression.range)
    case .record(let literal): return checkRecord(literal, expression.range)
    case .comprehension(let comprehension): return checkComprehension(comprehension, expression.range)
    case .bind(let name, let value, let body): return checkBind(name, value: value, body: body, at: expression.range)
    case .block(let values, let body): return checkBlock(values, body: body, at: expression.range)
    }
  }

  private func check(_ literal: Literal, _ range: SourceRange) -> TypedExpression {
    switch literal {
    case .null: TypedExpression(range, .null, .constant(.null))
    case .bool(let value): TypedExpression(range, .bool, .constant(.bool(value)))
    case .int(let value): TypedExpression(range, .int, .constant(.int(value)))
    case .uint(let value): TypedExpression(range, .uint, .constant(.uint(value)))
    case .double(let value): TypedExpression(range, .double, .constant(.double(value)))
    case .string(let value): TypedExpression(range, .string, .constant(.string(value)))
    case .bytes(let value): TypedExpression(range, .bytes, .constant(.bytes(value)))
    }
  }

  /// A term of a chain, which has to be a bool.
  private mutating func checkTerm(_ term: Expression, _ sign: String) -> TypedExpression {
    let typed = check(term)
    if !isLenient, !substitution.unify(typed.type, .bool) {
      report("F204", message: "`\(sign)` joins conditions, but this is \(article(typed.type))", at: term.range)
    }
    return typed
  }

  private mutating func checkConditional(
    _ condition: Expression, then: Expression, otherwise: Expression, at range: SourceRange
  ) -> TypedExpression {
    let test = check(condition)
    let first = check(then)
    let second = check(otherwise)
    var type = ValueType.dyn
    if !isLenient {
      if !substitution.unify(test.type, .bool) {
        report("F204", message: "the condition before `?` is \(article(test.type)), not a bool", at: condition.range)
      }
      type = fresh()
      if !substitution.unify([first.type, second.type], [type, type]) {
        diagnostics.append(
          Diagnostic(
            "F201", .error, "the two branches differ in type", at: second.range,
            label: "this is \(article(second.type))",
            labels: [Diagnostic.Label(first.range, "this is \(article(first.type))")],
            help: conversionHelp(first.type, second.type)))
        type = .error
      }
      type = substitution.apply(type)
    }
    return TypedExpression(range, type, .conditional(test, then: first, else: second))
  }

  // MARK: Aggregates

  /// The common type of elements: the more general one, or `dyn` when they differ.
  mutating func join(_ previous: ValueType?, _ next: ValueType) -> ValueType {
    guard let previous else { return next }
    if substitution.unify(next, previous) {
      return Substitution.mostGeneral(substitution.apply(previous), substitution.apply(next))
    }
    return .dyn
  }

  /// The type of an element in `[?e]`.
  private mutating func unwrapOptional(_ typed: TypedExpression) -> ValueType {
    let inner = fresh()
    if isLenient || substitution.unify(typed.type, .optional(inner)) { return substitution.apply(inner) }
    report("F201", message: "behind `?` stands an optional value, but this is \(article(typed.type))", at: typed.range)
    return .error
  }

  private mutating func checkList(_ elements: [Expression.Element], _ range: SourceRange) -> TypedExpression {
    var typed: [TypedExpression.Element] = []
    var elementType: ValueType?
    for element in elements {
      let value = check(element.value)
      elementType = join(elementType, element.isOptional ? unwrapOptional(value) : value.type)
      typed.append(TypedExpression.Element(value: value, isOptional: element.isOptional))
    }
    let type = isLenient ? .dyn : elementType ?? fresh()
    return fold(TypedExpression(range, .list(type).bounded, .list(typed)))
  }

  private mutating func checkMap(_ entries: [Expression.Entry], _ range: SourceRange) -> TypedExpression {
    var typed: [TypedExpression.Entry] = []
    var keyType: ValueType?
    var valueType: ValueType?
    for entry in entries {
      let key = check(entry.key)
      let value = check(entry.value)
      if !isLenient, !substitution.apply(key.type).isKey {
        report(
          "F201", message: "a map key is a bool, int, uint or string, but this is \(article(key.type))", at: key.range)
      }
      keyType = join(keyType, key.type)
      valueType = join(valueType, entry.isOptional ? unwrapOptional(value) : value.type)
      typed.append(TypedExpression.Entry(key: key, value: value, isOptional: entry.isOptional))
    }
    let types = isLenient ? (.dyn, .dyn) : (keyType ?? fresh(), valueType ?? fresh())
    return fold(TypedExpression(range, .map(types.0, types.1).bounded, .map(typed)))
  }

  // MARK: Types at the end

  /// Substitutes the inferred types for type parameters in every node.
  private func finalize(_ typed: TypedExpression) -> TypedExpression {
    var kind = typed.kind
    switch kind {
    case .constant, .variable, .local, .failure, .named: break
    case .select(let operand, let field, let mode): kind = .select(finalize(operand), field: field, mode)
    case .coerce(let operand): kind = .coerce(finalize(operand))
    case .call(let builtin, let overload, let arguments):
      kind = .call(builtin, overload: overload, arguments.map(finalize))
    case .and(let terms): kind = .and(terms.map(finalize))
    case .or(let terms): kind = .or(terms.map(finalize))
    case .conditional(let condition, let then, let otherwise):
      kind = .conditional(finalize(condition), then: finalize(then), else: finalize(otherwise))
    case .list(let elements):
      kind = .list(elements.map { .init(value: finalize($0.value), isOptional: $0.isOptional) })
    case .map(let entries):
      kind = .map(
        entries.map { .init(key: finalize($0.key), value: finalize($0.value), isOptional: $0.isOptional) })
    case .record(let name, let fields):
      kind = .record(
        name, fields.map { .init(field: $0.field, value: finalize($0.value), isOptional: $0.isOptional) })
    case .comprehension(var macro):
      macro.range = finalize(macro.range)
      macro.filter = macro.filter.map(finalize)
      macro.body = finalize(macro.body)
      kind = .comprehension(macro)
    case .bind(let name, let local, let value, let body):
      kind = .bind(name, local: local, value: finalize(value), body: finalize(body))
    case .block(let first, let values, let body):
      kind = .block(first: first, values.map(finalize), body: finalize(body))
    case .function(let function, let arguments): kind = .function(function, arguments.map(finalize))
    }
    return TypedExpression(typed.range, substitution.apply(typed.type, isFinal: true), kind)
  }

  /// Converts `typed` to a value of type `wanted`.
  mutating func adapt(_ typed: TypedExpression, to wanted: ValueType, what: String? = nil) -> TypedExpression {
    let found = substitution.apply(typed.type, isFinal: true)
    if found == wanted || found == .error || wanted == .error || wanted == .dyn { return typed }
    var trial = substitution
    if found != .null || wanted.acceptsNull, trial.unify(typed.type, wanted) {
      // An empty list has no element type of its own, so that it always fits.
      substitution = trial
      let settled = substitution.apply(typed.type, isFinal: true)
      return settled.mentionsDyn || settled != wanted ? TypedExpression(typed.range, wanted, .coerce(typed)) : typed
    }
    if case .optional(let inner) = wanted, substitution.unify(typed.type, inner), found != .null {
      return TypedExpression(typed.range, wanted, .coerce(typed))
    }
    let noValue = "optional.none()"
    let isNoValue = found == .null && wanted.isOptional && typed.constant == .null
    report(
      "F201",
      message: (what.map { "\($0) is" } ?? "expected")
        + " \(what == nil ? "`\(wanted)`" : article(wanted)), found `\(found)`",
      at: typed.range, help: conversionHelp(wanted, found) ?? enumHelp(wanted, typed).help,
      fixes: isNoValue
        ? [Fix("write `\(noValue)`", .safe, [Fix.Edit(typed.range, noValue)])] : enumHelp(wanted, typed).fixes)
    return TypedExpression(typed.range, .error, .failure("type mismatch"))
  }
}

extension ValueType {
  var isOptional: Bool { if case .optional = self { true } else { false } }

  /// True when null may be assigned to the type.
  var acceptsNull: Bool {
    switch self {
    case .null, .dyn, .error, .wrapper: true
    default: false
    }
  }
}
