import FlowSource

extension ProgramBuilder {
  mutating func compileComprehension(
    _ macro: TypedExpression.Comprehension, into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    guard !macro.variables.isEmpty else { throw LoadError("a macro without a variable") }
    let outer = locals
    defer { locals = outer }
    switch macro.macro {
    case .optMap, .optFlatMap: try compileOptional(macro, into: dst, range)
    case .all: try compileQuantifier(macro, opcode: .andStep, into: dst, at: range)
    case .exists: try compileQuantifier(macro, opcode: .orStep, into: dst, at: range)
    case .existsOne: try compileExistsOne(macro, into: dst, range)
    case .map, .transformList, .filter: try compileListBuilder(macro, into: dst, range)
    case .transformMap: try compileMapBuilder(macro, into: dst, range)
    case .transformMapEntry:
      try compileListBuilder(macro, into: dst, range)
      emit(.mergeMaps, dst: dst, a: Operand.register(dst), at: range)
    case .sortBy: try compileSort(macro, into: dst, range)
    }
  }

  /// A loop around the code of `body`, which receives the first instruction of the next iteration.
  ///
  /// - Returns: The instructions that leave the loop by their `b`.
  private mutating func compileLoop(
    _ macro: TypedExpression.Comprehension, failing dst: Int, _ range: SourceRange,
    start: (inout ProgramBuilder, _ state: Int) -> Void = { _, _ in },
    body: (inout ProgramBuilder, _ next: UInt32) throws(LoadError) -> Void
  ) throws(LoadError) -> [Int] {
    let collection = try operand(macro.range)
    let state = try registers(2)
    let variables = try registers(macro.variables.count)
    let begin = emit(.loopStart, dst: state, a: collection, c: UInt32(dst), at: macro.range.range)
    start(&self, state)
    for index in macro.variables.indices { locals[macro.first + index] = .operand(Operand.register(variables + index)) }
    let next = emit(macro.variables.count == 2 ? .nextPair : .next, dst: variables, a: UInt32(state), at: range)
    try body(&self, UInt32(next))
    // One iteration costs as much as it has instructions.
    code[next].c = UInt32(code.count - next)
    return [begin, next]
  }

  private mutating func compileQuantifier(
    _ macro: TypedExpression.Comprehension, opcode: Opcode, into dst: Int, at range: SourceRange
  ) throws(LoadError) {
    emit(.move, dst: dst, a: constant(.bool(opcode == .andStep)), at: range)
    var exits: [Int] = []
    exits += try compileLoop(macro, failing: dst, range) { builder, next throws(LoadError) in
      let value = try builder.operand(macro.body)
      exits.append(builder.emit(opcode, dst: dst, a: value, c: next, at: macro.body.range))
    }
    for exit in exits { code[exit].b = here }
  }

  private mutating func compileExistsOne(
    _ macro: TypedExpression.Comprehension, into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    emit(.move, dst: dst, a: constant(.int(0)), at: range)
    var exits: [Int] = []
    exits += try compileLoop(macro, failing: dst, range) { builder, next throws(LoadError) in
      let value = try builder.operand(macro.body)
      exits.append(builder.emit(.countStep, dst: dst, a: value, c: next, at: macro.body.range))
    }
    for exit in exits { code[exit].b = here }
    emit(.isOne, dst: dst, at: range)
  }

  /// `map`, `filter`, `transformList`: elements are appended to a list with room for all.
  private mutating func compileListBuilder(
    _ macro: TypedExpression.Comprehension, into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    let condition = macro.macro == .filter ? macro.body : macro.filter
    var exits: [Int] = []
    var branches: [Int] = []
    exits += try compileLoop(
      macro, failing: dst, range, start: { $0.emit(.listStart, dst: dst, a: UInt32($1), at: range) }
    ) { builder, next throws(LoadError) in
      try builder.compileFilter(condition, into: dst, next: next, branches: &branches)
      let element: UInt32
      if macro.macro == .filter {
        guard case .operand(let operand) = builder.locals[macro.first] else {
          throw LoadError("a loop without a variable")
        }
        element = operand
      } else {
        element = try builder.operand(macro.body)
      }
      exits.append(builder.emit(.append, dst: dst, a: element, at: macro.body.range))
      builder.emit(.jump, b: next, at: range)
    }
    for exit in exits { code[exit].b = here }
    for branch in branches { code[branch].c = here }
    emit(.listEnd, dst: dst, at: range)
  }

  /// Skips the iteration when the condition is false; leaves the loop when it has no value.
  private mutating func compileFilter(
    _ condition: TypedExpression?, into dst: Int, next: UInt32, branches: inout [Int]
  ) throws(LoadError) {
    guard let condition else { return }
    let test = try operand(condition)
    branches.append(emit(.branch, dst: dst, a: test, b: next, at: condition.range))
  }

  private mutating func compileMapBuilder(
    _ macro: TypedExpression.Comprehension, into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    var branches: [Int] = []
    let exits = try compileLoop(
      macro, failing: dst, range, start: { $0.emit(.mapStart, dst: dst, a: UInt32($1), at: range) }
    ) { builder, next throws(LoadError) in
      try builder.compileFilter(macro.filter, into: dst, next: next, branches: &branches)
      guard case .operand(let key) = builder.locals[macro.first] else { throw LoadError("a loop without a variable") }
      let value = try builder.operand(macro.body)
      branches.append(builder.emit(.appendPair, dst: dst, a: key, b: value, at: macro.body.range))
      builder.emit(.jump, b: next, at: range)
    }
    for exit in exits { code[exit].b = here }
    for branch in branches { code[branch].c = here }
    emit(.mapEnd, dst: dst, at: range)
  }

  /// The keys are created as a list first; then the elements are sorted by them.
  private mutating func compileSort(
    _ macro: TypedExpression.Comprehension, into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    let list = try register()
    try compile(macro.range, into: list)
    var keys = macro
    keys.macro = .map
    locals[macro.first] = .operand(Operand.register(list))
    keys.range = TypedExpression(macro.range.range, macro.range.type, .local("@list", index: macro.first))
    let wasTraced = isTraced
    try compileListBuilder(keys, into: dst, range)
    isTraced = wasTraced
    emit(.call2, builtin: .sortByKeys, dst: dst, a: Operand.register(list), b: Operand.register(dst), at: range)
  }

  private mutating func compileOptional(
    _ macro: TypedExpression.Comprehension, into dst: Int, _ range: SourceRange
  ) throws(LoadError) {
    let optional = try operand(macro.range)
    let variable = try register()
    let start = emit(.optionalStart, dst: variable, a: optional, c: UInt32(dst), at: macro.range.range)
    locals[macro.first] = .operand(Operand.register(variable))
    let value = try operand(macro.body)
    emit(macro.macro == .optMap ? .optionalWrap : .optionalCheck, dst: dst, a: value, at: range)
    code[start].b = here
  }
}
