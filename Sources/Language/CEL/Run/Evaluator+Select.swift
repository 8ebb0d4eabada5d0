/// Fields of records, keys of maps.
extension Evaluator {
  func select(_ operand: Slot, name: Slot, mode: Expression.SelectMode) -> Slot {
    switch operand.tag {
    case .unset, .error, .unknown: return operand
    case .map:
      charge(2)
      if let value = MapIndex.find(name, in: operand) {
        return mode == .plain ? value : mode == .test ? .bool(true) : makeOptional(value)
      }
      return mode == .plain ? fail(.noSuchKey(name)) : mode == .test ? .bool(false) : .none
    case .record: return selectField(operand, name: name.string, mode: mode)
    case .optional:
      guard let content = operand.content else { return mode == .test ? .bool(false) : .none }
      // A missing part after an optional makes the whole chain absent.
      return select(content, name: name, mode: mode == .test ? .test : .optional)
    default: return fail(.noFields(operand.tag))
    }
  }

  private func selectField(_ record: Slot, name: String, mode: Expression.SelectMode) -> Slot {
    guard types.records.indices.contains(Int(record.extra)) else { return fail(.noFields(.record)) }
    let declaration = types.records[Int(record.extra)]
    guard let index = declaration.index(of: name), index < record.elements.count else {
      return fail(.noSuchField(name, type: declaration.name))
    }
    let field = declaration.fields[index]
    let value = record.elements[index]
    let isSet = !value.isUnset && (value.tag != .optional || value.content != nil)
    switch mode {
    case .test: return .bool(isSet)
    case .plain: return value.isUnset ? unsetField(field) : value
    case .optional:
      if value.tag == .optional { return value }
      return isSet ? makeOptional(value) : .none
    }
  }

  /// The value read from a field that was not set.
  func unsetField(_ field: FieldDeclaration) -> Slot {
    if let value = field.defaultValue { return make(value) }
    if field.presence == .always { return fail(.unset(field.name)) }
    return make(types.zero(of: field.type))
  }

  /// A record of values in registers for the fields that `fields` lists, the others by default.
  func makeRecord(_ type: Int, fields: Int, _ values: UnsafeMutablePointer<Slot>) -> Slot {
    guard types.records.indices.contains(type) else { return fail("this type does not exist") }
    let declaration = types.records[type]
    let indices = fieldList(fields)
    for (position, _) in indices.enumerated() where values[position].isAbnormal && !values[position].isUnset {
      return values[position]
    }
    if let special = makeWellKnown(declaration, fields: indices, values: values) { return special }
    let count = declaration.fields.count
    guard let block = allocateBlock(slots: count) else { return outOfMemory() }
    for index in 0..<count { block[index] = .unset }
    for (position, index) in indices.enumerated() where index < count {
      let value = values[position].isUnset ? .unset : store(values[position], declaration.fields[index])
      if value.tag == .error || value.tag == .unknown { return value }
      block[index] = value
    }
    for index in 0..<count where block[index].isUnset && declaration.fields[index].presence == .always {
      block[index] = absentField(declaration.fields[index])
      if block[index].tag == .error { return block[index] }
    }
    return seal(Slot(.record, payload: UInt64(UInt(bitPattern: block)), count: UInt32(count), extra: UInt16(type)))
  }

  /// The value of a field that a literal omits.
  private func absentField(_ field: FieldDeclaration) -> Slot {
    if let value = field.defaultValue { return make(value) }
    if case .optional = field.type { return .none }
    return .unset
  }
}
