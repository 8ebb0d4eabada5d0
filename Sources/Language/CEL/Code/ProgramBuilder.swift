import FlowSource

/// Turns a typed expression into instructions.
///
/// Registers are allocated like a stack: those of a sub-expression are free after it.
struct ProgramBuilder {
  /// The largest number of instructions in a program.
  static let maximumInstructions = 1 << 20
  static let maximumRegisters = 60_000
  /// The largest sum of the sizes of the constant patterns of a program, in instructions of RE2.
  static let maximumPatternSize = 100_000

  let types: TypeRegistry
  let slotCount: Int
  var code: [Instruction] = []
  /// The source range of each instruction.
  var ranges: [SourceRange] = []
  var patterns: [CompiledPattern] = []
  private var patternIndices: [String: Int] = [:]
  var fieldLists: [[Int]] = []
  var coercions: [ValueType] = []
  var variableNames: [Int: String] = [:]
  private(set) var constants: [Value] = []
  private var constantIndices: [Value: Int] = [:]
  private(set) var highWater = 0
  var nextRegister = 0
  /// The locations of macro variables, by their number.
  var locals: [Int: LocalBinding] = [:]
  /// The operands of the parameters of the function whose body is being compiled.
  var parameters: [Int: UInt32] = [:]
  /// The registers of definitions, which keep them throughout.
  var definitions: [ObjectIdentifier: Memo] = [:]
  /// The code of the values that are evaluated at most once.
  var memoCode: [Int: UInt32] = [:]
  private var memoCount = 0
  /// The values whose code is not yet generated.
  var pending: [PendingValue] = []
  /// True when each node records its value for an explanation.
  var isTraced = false
  var tracer = ExplanationRecorder()

  /// A value that is evaluated when it is first needed.
  struct Memo {
    var id: Int
    var value: Int
    /// The register of the return address.
    var back: Int
  }

  enum LocalBinding {
    case operand(UInt32)
    case memo(Memo)
  }

  struct PendingValue {
    var memo: Memo
    var body: TypedExpression
    var locals: [Int: LocalBinding]
    var parameters: [Int: UInt32]
    /// The `lazy` instructions that wait for the address of the code.
    var callers: [Int] = []
    var isTraced: Bool
  }

  init(types: TypeRegistry, slotCount: Int) {
    self.types = types
    self.slotCount = slotCount
  }

  mutating func build(_ typed: TypedExpression, within bound: SizeBound? = nil) throws(LoadError) -> Code {
    var found: [Definition] = []
    var seen: Set<ObjectIdentifier> = []
    Self.collectDefinitions(typed, into: &found, seen: &seen)
    for definition in found {
      let first = try registers(2)
      definitions[ObjectIdentifier(definition)] = makeMemo(first)
      emit(.unset, dst: first, at: typed.range)
    }
    var result = try operand(typed)
    // No value has more elements than a larger bound.
    if let bound, let maximum = UInt32(exactly: bound.maximum) {
      let checked = try register()
      emit(.bound, dst: checked, a: result, b: maximum, c: constant(.string(bound.name)), at: typed.range)
      result = Operand.register(checked)
    }
    emit(.finish, a: result, at: typed.range)
    while let value = pending.popLast() { try compile(value) }
    guard code.count <= Self.maximumInstructions else { throw LoadError("the expression makes too many instructions") }
    return Code(self, constants: try freezeConstants(), range: typed.range)
  }

  /// A value in the register `first`, with the return address in the next.
  mutating func makeMemo(_ first: Int) -> Memo {
    memoCount += 1
    return Memo(id: memoCount, value: first, back: first + 1)
  }

  private static func collectDefinitions(
    _ typed: TypedExpression, into found: inout [Definition], seen: inout Set<ObjectIdentifier>
  ) {
    switch typed.kind {
    case .named(let definition):
      guard seen.insert(ObjectIdentifier(definition)).inserted else { return }
      found.append(definition)
      collectDefinitions(definition.body, into: &found, seen: &seen)
    case .function(let function, let arguments):
      for argument in arguments { collectDefinitions(argument, into: &found, seen: &seen) }
      if seen.insert(ObjectIdentifier(function)).inserted {
        collectDefinitions(function.body, into: &found, seen: &seen)
      }
    default: typed.forEachChild { collectDefinitions($0, into: &found, seen: &seen) }
    }
  }

  private func freezeConstants() throws(LoadError) -> FrozenSlots {
    let evaluator = Evaluator(types: types)
    let slots = constants.map { evaluator.slot($0) }
    guard !slots.contains(where: \.isAbnormal) else { throw LoadError("a constant does not fit the declared types") }
    do throws(EvaluationError) {
      return try slots.withUnsafeBufferPointer { buffer throws(EvaluationError) in
        guard let base = buffer.baseAddress else { return try FrozenSlots(copying: evaluator.pair, count: 0) }
        return try FrozenSlots(copying: base, count: buffer.count)
      }
    } catch {
      throw LoadError(error.message)
    }
  }

  // MARK: Emitting

  @discardableResult
  mutating func emit(
    _ opcode: Opcode, builtin: Builtin = .dyn, dst: Int = 0, a: UInt32 = 0, b: UInt32 = 0, c: UInt32 = 0,
    at range: SourceRange
  ) -> Int {
    code.append(Instruction(opcode, builtin, dst: dst, a: a, b: b, c: c))
    ranges.append(range)
    return code.count - 1
  }

  var here: UInt32 { UInt32(code.count) }

  mutating func register() throws(LoadError) -> Int { try registers(1) }

  /// Reserves `count` consecutive registers and returns the first.
  mutating func registers(_ count: Int) throws(LoadError) -> Int {
    let first = nextRegister
    nextRegister += count
    highWater = max(highWater, nextRegister)
    guard nextRegister <= Self.maximumRegisters else { throw LoadError("the expression needs too many registers") }
    return first
  }

  mutating func constant(_ value: Value) -> UInt32 {
    // Zero and minus zero are equal, and so are keys of maps in other orders: only plain ones are shared.
    switch value {
    case .string, .int, .bool, .null:
      if let known = constantIndices[value] { return Operand.constant(known) }
      constantIndices[value] = constants.count
    default: break
    }
    constants.append(value)
    return Operand.constant(constants.count - 1)
  }

  /// The index of a compiled pattern, equal patterns once; nil when it is not valid.
  /// - Throws: `LoadError` when the patterns of the program are too large together.
  mutating func pattern(_ text: String) throws(LoadError) -> Int? {
    if let known = patternIndices[text] { return known }
    var bytes = text
    guard case .success(let pattern) = bytes.withUTF8({ CompiledPattern.compile($0) }) else { return nil }
    guard patterns.reduce(pattern.programSize, { $0 + $1.programSize }) <= Self.maximumPatternSize else {
      throw LoadError("the patterns of the expression are too large together")
    }
    patternIndices[text] = patterns.count
    patterns.append(pattern)
    return patterns.count - 1
  }

  // MARK: Expressions

  /// Emits code for `typed` and returns the operand that holds its value. A leaf needs no code.
  mutating func operand(_ typed: TypedExpression) throws(LoadError) -> UInt32 {
    if let leaf = try leaf(typed) {
      trace(typed, leaf)
      return leaf
    }
    let dst = try register()
    try compile(typed, into: dst)
    return Operand.register(dst)
  }

  private mutating func leaf(_ typed: TypedExpression) throws(LoadError) -> UInt32? {
    switch typed.kind {
    case .constant(let value): return constant(value)
    case .variable(let name, let slot):
      if let parameter = parameters[slot] { return parameter }
      guard slot >= 0, slot < slotCount else { throw LoadError("the variable `\(name)` has no slot in the frame") }
      variableNames[slot] = name
      return Operand.frame(slot)
    case .local(let name, let index):
      guard let binding = locals[index] else { throw LoadError("the variable `\(name)` is not bound here") }
      if case .operand(let operand) = binding { return operand }
      return nil
    case .named(let definition):
      return definition.body.constant.map { constant($0) }
    default: return nil
    }
  }

  /// Emits code that leaves the value of `typed` in register `dst`.
  mutating func compile(_ typed: TypedExpression, into dst: Int) throws(LoadError) {
    let free = nextRegister
    defer { nextRegister = free }
    guard code.count <= Self.maximumInstructions else { throw LoadError("the expression makes too many instructions") }
    let range = typed.range
    switch typed.kind {
    case .constant, .variable:
      if let operand = try leaf(typed) { emit(.move, dst: dst, a: operand, at: range) }
    case .local(_, let index): try compileLocal(typed, index, into: dst)
    case .named(let definition): try compile(definition, into: dst, range)
    case .failure(let message): emit(.fail, dst: dst, a: constant(.string(message)), at: range)
    case .select(let operand, let field, let mode):
      try compileSelect(operand, field: field, mode: mode, into: dst, at: range)
    case .call(let builtin, _, let arguments): try compileCall(builtin, arguments: arguments, typed: typed, into: dst)
    case .and(let terms): try compileChain(terms, opcode: .andStep, into: dst, at: range)
    case .or(let terms): try compileChain(terms, opcode: .orStep, into: dst, at: range)
    case .conditional(let condition, let then, let otherwise):
      try compileConditional(condition, then: then, otherwise: otherwise, into: dst, at: range)
    case .list(let elements): try compileList(elements, into: dst, range)
    case .map(let entries): try compileMap(entries, into: dst, range)
    case .record(let name, let fields): try compileRecord(name, fields: fields, into: dst, at: range)
    case .comprehension(let macro): try compileComprehension(macro, into: dst, range)
    case .bind(_, let local, let value, let body):
      try compileBlock(first: local, values: [value], body: body, into: dst, at: range)
    case .block(let first, let values, let body):
      try compileBlock(first: first, values: values, body: body, into: dst, at: range)
    case .function(let function, let arguments):
      try compileFunction(function, arguments: arguments, into: dst, at: range)
    case .coerce(let inner):
      let value = try operand(inner)
      emit(.coerce, dst: dst, a: value, b: UInt32(coercions.count), at: range)
      coercions.append(typed.type)
    }
    trace(typed, Operand.register(dst))
  }

  mutating func trace(_ typed: TypedExpression, _ operand: UInt32) {
    guard isTraced else { return }
    emit(.trace, a: operand, b: UInt32(tracer.number(of: typed)), at: typed.range)
  }

  private mutating func compileChain(
    _ terms: [TypedExpression], opcode: Opcode, into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    guard !terms.isEmpty else { throw LoadError("`&&` and `||` have terms") }
    let isFirstFused = !isTraced && Self.comparison(terms[0]) != nil
    if !isFirstFused { emit(.move, dst: dst, a: constant(.bool(opcode == .andStep)), at: range) }
    var steps: [Int] = []
    for (index, term) in terms.enumerated() {
      let free = nextRegister
      if !isTraced, let comparison = Self.comparison(term) {
        let a = try operand(comparison.left)
        let b = try operand(comparison.right)
        let flags = (opcode == .orStep ? Instruction.orFlag : 0) | (index == 0 ? Instruction.firstFlag : 0)
        steps.append(
          emit(comparison.opcode, builtin: comparison.builtin, dst: dst, a: a, b: b, c: flags, at: term.range))
      } else {
        let value = try operand(term)
        steps.append(emit(opcode, dst: dst, a: value, at: term.range))
        code[code.count - 1].c = here
      }
      nextRegister = free
    }
    for step in steps {
      if code[step].opcode.isComparisonStep { code[step].c |= here } else { code[step].b = here }
    }
  }

  private mutating func compileConditional(
    _ condition: TypedExpression, then: TypedExpression, otherwise: TypedExpression, into dst: Int,
    at range: SourceRange
  ) throws(LoadError) {
    let test = try operand(condition)
    let branch = emit(.branch, dst: dst, a: test, at: condition.range)
    try compile(then, into: dst)
    let jump = emit(.jump, dst: 0, at: range)
    code[branch].b = here
    try compile(otherwise, into: dst)
    code[jump].b = here
    code[branch].c = here
  }

  private mutating func compileSelect(
    _ operand: TypedExpression, field: String, mode: Expression.SelectMode, into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    let value = try self.operand(operand)
    let name = constant(.string(field))
    if mode == .plain, case .record(let type) = operand.type, let index = types.recordIndex(type), index < 1 << 16,
      let fieldIndex = types.records[index].index(of: field), fieldIndex < 1 << 16
    {
      emit(.field, dst: dst, a: value, b: UInt32(index) << 16 | UInt32(fieldIndex), c: name, at: range)
    } else {
      emit(.select, dst: dst, a: value, b: mode.code, c: name, at: range)
    }
  }

  // MARK: Aggregates

  private mutating func compileList(
    _ elements: [TypedExpression.Element], into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    let first = try registers(elements.count)
    for (index, element) in elements.enumerated() {
      try compile(element.value, into: first + index)
      if element.isOptional {
        emit(.unwrapElement, dst: first + index, a: Operand.register(first + index), at: element.value.range)
      }
    }
    emit(.makeList, dst: dst, a: UInt32(first), b: UInt32(elements.count), at: range)
  }

  private mutating func compileMap(
    _ entries: [TypedExpression.Entry], into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    let first = try registers(entries.count * 2)
    for (index, entry) in entries.enumerated() {
      let value = first + 2 * index + 1
      try compile(entry.key, into: value - 1)
      try compile(entry.value, into: value)
      if entry.isOptional { emit(.unwrapElement, dst: value, a: Operand.register(value), at: entry.value.range) }
    }
    emit(.makeMap, dst: dst, a: UInt32(first), b: UInt32(entries.count * 2), at: range)
  }

  private mutating func compileRecord(
    _ name: String, fields: [TypedExpression.FieldValue], into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    guard let type = types.recordIndex(name) else { throw LoadError("there is no type named `\(name)`") }
    let first = try registers(fields.count)
    var indices: [Int] = []
    for (index, field) in fields.enumerated() {
      guard let fieldIndex = types.records[type].index(of: field.field) else {
        throw LoadError("`\(name)` has no field `\(field.field)`")
      }
      indices.append(fieldIndex)
      try compile(field.value, into: first + index)
      let keepsOptional = if case .optional = types.records[type].fields[fieldIndex].type { true } else { false }
      if field.isOptional, !keepsOptional {
        emit(.unwrapElement, dst: first + index, a: Operand.register(first + index), at: field.value.range)
      }
    }
    emit(.makeRecord, dst: dst, a: UInt32(first), b: UInt32(type), c: UInt32(fieldLists.count), at: range)
    fieldLists.append(indices)
  }
}
