import FlowSource

extension ProgramBuilder {
  mutating func compileCall(
    _ builtin: Builtin, arguments: [TypedExpression], typed: TypedExpression, into dst: Int
  ) throws(LoadError) {
    if builtin == .or || builtin == .orValue, arguments.count == 2 {
      return try compileOr(builtin, arguments: arguments, into: dst, at: typed.range)
    }
    if builtin == .matches, arguments.count == 2, let pattern = arguments[1].constant, case .string(let text) = pattern,
      try compileMatch(arguments[0], pattern: text, into: dst, at: typed.range)
    {
      return
    }
    if builtin == .add, arguments.count > 2 { return try compileSum(arguments, into: dst, typed.range) }
    if builtin == .sum, arguments.count == 1 {
      let list = try operand(arguments[0])
      emit(.call2, builtin: .sum, dst: dst, a: list, b: constant(types.zero(of: sumType(typed.type))), at: typed.range)
      return
    }
    switch arguments.count {
    case 1:
      let value = try operand(arguments[0])
      emit(builtin == .not ? .not : .call1, builtin: builtin, dst: dst, a: value, at: typed.range)
    case 2: try compileBinary(builtin, left: arguments[0], right: arguments[1], into: dst, at: typed.range)
    default:
      let first = try registers(arguments.count)
      for (index, argument) in arguments.enumerated() { try compile(argument, into: first + index) }
      emit(.callMany, builtin: builtin, dst: dst, a: UInt32(first), c: UInt32(arguments.count), at: typed.range)
    }
  }

  /// The sum of an empty list.
  private func sumType(_ type: ValueType) -> ValueType {
    switch type {
    case .uint, .double, .duration: type
    default: .int
    }
  }

  private mutating func compileBinary(
    _ builtin: Builtin, left: TypedExpression, right: TypedExpression, into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    let a = try operand(left)
    let b = try operand(right)
    let (opcode, isSwapped) = Self.typedOpcode(builtin, left: left.type, right: right.type)
    let stands = isSwapped ? (builtin == .greater ? Builtin.less : .lessOrEqual) : builtin
    emit(opcode, builtin: stands, dst: dst, a: isSwapped ? b : a, b: isSwapped ? a : b, at: range)
  }

  /// A comparison that can be a term of `&&` or `||` by itself, operands in the order of the instruction.
  static func comparison(
    _ typed: TypedExpression
  ) -> (opcode: Opcode, builtin: Builtin, left: TypedExpression, right: TypedExpression)? {
    guard case .call(let builtin, _, let arguments) = typed.kind, arguments.count == 2 else { return nil }
    let (opcode, isSwapped) = typedOpcode(builtin, left: arguments[0].type, right: arguments[1].type)
    guard let step = opcode.asStep else { return nil }
    if !isSwapped { return (step, builtin, arguments[0], arguments[1]) }
    return (step, builtin == .greater ? .less : .lessOrEqual, arguments[1], arguments[0])
  }

  private mutating func compileSum(
    _ terms: [TypedExpression], into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    let opcode = Self.typedOpcode(.add, left: terms[0].type, right: terms[1].type).0
    var sum = try operand(terms[0])
    for term in terms.dropFirst() {
      let free = nextRegister
      let value = try operand(term)
      emit(opcode, builtin: .add, dst: dst, a: sum, b: value, at: range)
      sum = Operand.register(dst)
      nextRegister = free
    }
  }

  /// The fast instruction for the types, and true if it has its operands in reverse order.
  ///
  /// If one side is `dyn`, the type of the other is assumed.
  private static func typedOpcode(_ builtin: Builtin, left: ValueType, right: ValueType) -> (Opcode, Bool) {
    let type = left == .dyn ? right : left
    guard type == right || right == .dyn else { return (.call2, false) }
    switch (builtin, type) {
    case (.add, .int): return (.addInt, false)
    case (.subtract, .int): return (.subtractInt, false)
    case (.multiply, .int): return (.multiplyInt, false)
    case (.divide, .int): return (.divideInt, false)
    case (.modulo, .int): return (.moduloInt, false)
    case (.add, .uint): return (.addUInt, false)
    case (.subtract, .uint): return (.subtractUInt, false)
    case (.multiply, .uint): return (.multiplyUInt, false)
    case (.add, .double): return (.addDouble, false)
    case (.subtract, .double): return (.subtractDouble, false)
    case (.multiply, .double): return (.multiplyDouble, false)
    case (.divide, .double): return (.divideDouble, false)
    case (.equal, .int): return (.equalInt, false)
    case (.notEqual, .int): return (.notEqualInt, false)
    case (.less, .int): return (.lessInt, false)
    case (.lessOrEqual, .int): return (.lessOrEqualInt, false)
    case (.greater, .int): return (.lessInt, true)
    case (.greaterOrEqual, .int): return (.lessOrEqualInt, true)
    case (.equal, .uint): return (.equalUInt, false)
    case (.less, .uint): return (.lessUInt, false)
    case (.lessOrEqual, .uint): return (.lessOrEqualUInt, false)
    case (.greater, .uint): return (.lessUInt, true)
    case (.greaterOrEqual, .uint): return (.lessOrEqualUInt, true)
    case (.equal, .double): return (.equalDouble, false)
    case (.notEqual, .double): return (.notEqualDouble, false)
    case (.less, .double): return (.lessDouble, false)
    case (.lessOrEqual, .double): return (.lessOrEqualDouble, false)
    case (.greater, .double): return (.lessDouble, true)
    case (.greaterOrEqual, .double): return (.lessOrEqualDouble, true)
    case (.equal, .string): return (.equalString, false)
    case (.notEqual, .string): return (.notEqualString, false)
    case (.equal, .bool): return (.equalBool, false)
    default: return (.call2, false)
    }
  }

  /// False when the pattern is invalid, which is reported at run time.
  private mutating func compileMatch(
    _ text: TypedExpression, pattern: String, into dst: Int, at range: SourceRange
  ) throws(LoadError) -> Bool {
    guard let index = try self.pattern(pattern) else { return false }
    let value = try operand(text)
    emit(.matchConstant, builtin: .matches, dst: dst, a: value, b: UInt32(index), at: range)
    return true
  }

  private mutating func compileOr(
    _ builtin: Builtin, arguments: [TypedExpression], into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    let optional = try operand(arguments[0])
    let jump = emit(.optionalOr, builtin: builtin, dst: dst, a: optional, at: range)
    try compile(arguments[1], into: dst)
    if builtin == .or { emit(.optionalCheck, dst: dst, a: Operand.register(dst), at: range) }
    code[jump].b = here
  }

  // MARK: Definitions and functions

  mutating func compileFunction(
    _ function: FunctionDefinition, arguments: [TypedExpression], into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    var inner: [Int: UInt32] = [:]
    for (index, argument) in arguments.enumerated() {
      let register = try register()
      try compile(argument, into: register)
      inner[function.parameterSlots[index]] = Operand.register(register)
    }
    let outer = (locals, parameters, isTraced)
    (locals, parameters, isTraced) = ([:], inner, false)
    try compile(function.body, into: dst)
    (locals, parameters, isTraced) = outer
  }

  /// A definition is evaluated when it is first needed, by code at the end of the program.
  mutating func compile(_ definition: Definition, into dst: Int, _ range: SourceRange) throws(LoadError) {
    if let value = definition.body.constant {
      emit(.move, dst: dst, a: constant(value), at: range)
      return
    }
    guard let memo = definitions[ObjectIdentifier(definition)] else { throw LoadError("a definition is missing") }
    if memoCode[memo.id] == nil, !pending.contains(where: { $0.memo.id == memo.id }) {
      pending.append(
        PendingValue(memo: memo, body: definition.body, locals: [:], parameters: [:], isTraced: isTraced))
    }
    callLazy(memo, range)
    emit(.move, dst: dst, a: Operand.register(memo.value), at: range)
  }

  mutating func compileLocal(_ typed: TypedExpression, _ index: Int, into dst: Int) throws(LoadError) {
    switch locals[index] {
    case .operand(let operand): emit(.move, dst: dst, a: operand, at: typed.range)
    case .memo(let memo):
      callLazy(memo, typed.range)
      emit(.move, dst: dst, a: Operand.register(memo.value), at: typed.range)
    case nil: throw LoadError("a variable is not bound here")
    }
  }

  /// The values of `cel.bind` and `cel.block`, each evaluated when it is first needed.
  mutating func compileBlock(
    first: Int, values: [TypedExpression], body: TypedExpression, into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    let outer = locals
    let base = try registers(values.count * 2)
    for (index, value) in values.enumerated() {
      let memo = makeMemo(base + 2 * index)
      emit(.unset, dst: memo.value, at: range)
      pending.append(
        PendingValue(memo: memo, body: value, locals: locals, parameters: parameters, isTraced: isTraced))
      locals[first + index] = .memo(memo)
    }
    try compile(body, into: dst)
    locals = outer
  }

  private mutating func callLazy(_ memo: Memo, _ range: SourceRange) {
    let lazy = emit(.lazy, dst: memo.value, a: UInt32(memo.back), at: range)
    if let index = pending.lastIndex(where: { $0.memo.id == memo.id }) {
      pending[index].callers.append(lazy)
    } else {
      code[lazy].b = memoCode[memo.id] ?? 0
    }
  }

  mutating func compile(_ value: PendingValue) throws(LoadError) {
    memoCode[value.memo.id] = here
    for caller in value.callers { code[caller].b = here }
    let outer = (locals, parameters, isTraced)
    (locals, parameters, isTraced) = (value.locals, value.parameters, value.isTraced)
    // Its registers must not be those of its callers.
    nextRegister = highWater
    try compile(value.body, into: value.memo.value)
    emit(.endLazy, a: UInt32(value.memo.back), at: value.body.range)
    (locals, parameters, isTraced) = outer
  }
}
