// Expressions that need no program: literals, and comparisons of variables with them.
extension Evaluator {
  /// Copies the value of a scalar constant into the arena, or of a record of such constants with all its fields.
  /// - Returns: Nil for any other expression, which has to be evaluated.
  public func literal(_ tree: TypedExpression) -> Slot? {
    if isStopped { isStopped = false }
    fuel = limits.fuel
    let slot = literalSlot(tree)
    fuel = limits.fuel
    return slot
  }

  private func literalSlot(_ tree: TypedExpression) -> Slot? {
    switch tree.kind {
    case .constant(let value): return scalar(value)
    case .record(let name, let given):
      guard let index = recordIndex(name), types.records[index].fields.count == given.count,
        let block = allocateBlock(slots: given.count)
      else { return nil }
      for position in given.indices {
        let field = types.records[index].fields[position]
        guard field.presence == .always, let value = literalSlot(of: field, at: position, among: given) else {
          return nil
        }
        block[position] = value
      }
      let slot = seal(
        Slot(.record, payload: UInt64(UInt(bitPattern: block)), count: UInt32(given.count), extra: UInt16(index)))
      return slot.isAbnormal ? nil : slot
    default: return nil
    }
  }

  private func recordIndex(_ name: String) -> Int? {
    if types.records.indices.contains(literalRecord), types.records[literalRecord].name == name { return literalRecord }
    guard let index = types.recordIndex(name) else { return nil }
    literalRecord = index
    return index
  }

  /// The value of a field of a record, most of which are given in the order of the declaration.
  private func literalSlot(
    of field: FieldDeclaration, at position: Int, among given: [TypedExpression.FieldValue]
  ) -> Slot? {
    if case .optional = field.type { return nil }
    var position = position
    if given[position].field != field.name {
      guard let other = given.firstIndex(where: { $0.field == field.name }) else { return nil }
      position = other
    }
    return given[position].isOptional ? nil : literalSlot(given[position].value)
  }

  private func scalar(_ value: Value) -> Slot? {
    switch value {
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .uint(let value): .uint(value)
    case .double(let value): .double(value)
    case .string:
      switch make(value) {
      case let slot where slot.tag == .string: slot
      default: nil
      }
    default: nil
    }
  }

  // MARK: - Comparisons

  /// Returns true if a condition compares variables with constants, and is true. False does not mean that it is false:
  /// it has to be evaluated.
  /// - Parameters:
  ///   - data: The values of the variables.
  ///   - start: The slot of the first of them.
  public func isPlainlyTrue(_ tree: TypedExpression, over data: FrozenSlots, at start: Int) -> Bool {
    switch tree.kind {
    case .and(let terms): return terms.allSatisfy { isPlainlyTrue($0, over: data, at: start) }
    case .or(let terms): return terms.contains { isPlainlyTrue($0, over: data, at: start) }
    case .call(.not, _, let arguments):
      guard let operand = operand(arguments[0], over: data, at: start) else { return false }
      return operand.tag == .bool && !operand.asBool
    case .call(let builtin, _, let arguments):
      guard arguments.count == 2, let left = operand(arguments[0], over: data, at: start),
        let right = operand(arguments[1], over: data, at: start)
      else { return false }
      return isTrue(builtin, of: left, and: right)
    default:
      guard let operand = operand(tree, over: data, at: start) else { return false }
      return operand.tag == .bool && operand.asBool
    }
  }

  /// A variable, a field of a record in a variable, the size of a list or a map, or a constant.
  private func operand(_ tree: TypedExpression, over data: FrozenSlots, at start: Int) -> Slot? {
    switch tree.kind {
    case .constant(let value): return scalar(value)
    case .variable(_, let slot):
      let index = slot - start
      guard index >= 0, index < data.count, !data[index].isAbnormal else { return nil }
      return data[index]
    case .select(let whole, let field, .plain):
      guard let record = operand(whole, over: data, at: start), record.tag == .record,
        types.records.indices.contains(Int(record.extra)),
        let index = types.records[Int(record.extra)].fields.firstIndex(where: { $0.name == field })
      else { return nil }
      let value = self.field(record, index)
      return value.isAbnormal ? nil : value
    case .call(.size, _, let arguments):
      guard arguments.count == 1, let collection = operand(arguments[0], over: data, at: start) else { return nil }
      return count(collection).map { .int(Int64($0)) }
    default: return nil
    }
  }

  /// Returns true if two values of the same type compare so; false also when this needs an evaluation.
  private func isTrue(_ comparison: Builtin, of left: Slot, and right: Slot) -> Bool {
    guard left.tag == right.tag else { return false }
    switch (comparison, left.tag) {
    case (.equal, .bool), (.equal, .int), (.equal, .uint), (.equal, .duration): return left.payload == right.payload
    case (.notEqual, .bool), (.notEqual, .int), (.notEqual, .uint), (.notEqual, .duration):
      return left.payload != right.payload
    case (.equal, .string): return equalBytes(left, right)
    case (.notEqual, .string): return !equalBytes(left, right)
    case (.equal, .double): return left.asDouble == right.asDouble
    case (.less, _): return plainOrder(left, right).map { $0 < 0 } ?? false
    case (.lessOrEqual, _): return plainOrder(left, right).map { $0 <= 0 } ?? false
    case (.greater, _): return plainOrder(left, right).map { $0 > 0 } ?? false
    case (.greaterOrEqual, _): return plainOrder(left, right).map { $0 >= 0 } ?? false
    default: return false
    }
  }

  /// The order of two numbers or durations; nil for other values.
  private func plainOrder(_ left: Slot, _ right: Slot) -> Int? {
    guard left.tag == .duration else { return compareNumbers(left, right) }
    return left.asInt < right.asInt ? -1 : left.asInt == right.asInt ? 0 : 1
  }
}
