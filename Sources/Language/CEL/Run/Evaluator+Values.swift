import FlowSource

extension Evaluator {
  /// Copies a value into the arena; an error slot when it passes the limits.
  public func slot(_ value: Value, as type: ValueType = .dyn) -> Slot {
    if isStopped {
      isStopped = false
      fuel = limits.fuel
    }
    let slot = make(value)
    fuel = limits.fuel
    if case .optional = type, slot.tag != .optional {
      return slot.tag == .null ? .none : makeOptional(slot)
    }
    return slot
  }

  /// The value of a slot. Unset and errors read as null.
  public func value(_ slot: Slot, as type: ValueType = .dyn) -> Value { slot.value(in: types) }

  /// The number of elements of a list or entries of a map; nil for anything else.
  public func count(_ slot: Slot) -> Int? { slot.tag == .list || slot.tag == .map ? Int(slot.count) : nil }

  /// An element of a list, or a key of a map, by index.
  public func element(_ slot: Slot, _ index: Int) -> Slot {
    guard let count = count(slot), index >= 0, index < count else { return .unset }
    return slot.elements[slot.tag == .map ? index * 2 : index]
  }

  /// The field of a record by index; unset when it is not set or out of range.
  public func field(_ slot: Slot, _ index: Int) -> Slot {
    guard slot.tag == .record, index >= 0, index < slot.elements.count else { return .unset }
    return slot.elements[index]
  }

  /// A copy of a record with one field replaced.
  ///
  /// - Throws: `EvaluationError` when the slot is not a record with this field, the value is larger than its bound, or
  ///   memory is exhausted.
  public func replacing(_ slot: Slot, field index: Int, with value: Slot) throws(EvaluationError) -> Slot {
    guard slot.tag == .record, index >= 0, index < slot.elements.count else {
      throw EvaluationError("there is no such field", at: SourceRange(0, 0))
    }
    if types.records.indices.contains(Int(slot.extra)), types.records[Int(slot.extra)].fields.indices.contains(index) {
      let field = types.records[Int(slot.extra)].fields[index]
      if let maximum = field.maximum { try require(value, within: SizeBound(name: field.name, maximum: maximum)) }
    }
    var elements = Array(slot.elements)
    elements[index] = value
    guard let block = allocateBlock(slots: elements.count) else { throw tooLarge() }
    for (index, element) in elements.enumerated() { block[index] = element }
    var copy = slot
    copy.payload = UInt64(UInt(bitPattern: block))
    return try accepted(seal(copy))
  }

  /// A copy of a list or map with the element at a key replaced; a map may get a new key.
  ///
  /// - Throws: `EvaluationError` when a list has no such element, or memory is exhausted.
  public func replacing(_ slot: Slot, key: Slot, with value: Slot) throws(EvaluationError) -> Slot {
    var elements = Array(slot.elements)
    if slot.tag == .map {
      if let index = (0..<Int(slot.count)).first(where: { MapIndex.order(elements[2 * $0], key) == 0 }) {
        elements[2 * index + 1] = value
      } else {
        elements += [key, value]
      }
      return try accepted(elements.withUnsafeBufferPointer { makeMap($0) })
    }
    guard slot.tag == .list, key.tag == .int, key.asInt >= 0, key.asInt < elements.count else {
      throw EvaluationError("there is no element \(key.literal)", at: SourceRange(0, 0))
    }
    elements[Int(key.asInt)] = value
    return try accepted(makeList(elements))
  }

  /// A copy of a map with the entry of a key set to the value of an optional, or without it when the optional is empty.
  ///
  /// - Throws: `EvaluationError` when the value is no map, or memory is exhausted.
  /// - Complexity: O(entries).
  public func setting(_ slot: Slot, key: Slot, to optional: Slot) throws(EvaluationError) -> Slot {
    guard slot.tag == .map else { throw EvaluationError("the value has no entries", at: SourceRange(0, 0)) }
    if let value = optional.content { return try replacing(slot, key: key, with: value) }
    guard MapIndex.find(key, in: slot) != nil else { return slot }
    let entries = Array(slot.elements)
    let kept = (0..<Int(slot.count)).filter { MapIndex.order(entries[2 * $0], key) != 0 }
    let rest = kept.flatMap { entries[2 * $0...2 * $0 + 1] }
    return try accepted(rest.withUnsafeBufferPointer { makeMap($0) })
  }

  /// The element of a list at an index, or of a map at a key.
  ///
  /// - Throws: `EvaluationError` when there is no such element.
  public func element(of slot: Slot, at key: Slot) throws(EvaluationError) -> Slot {
    if slot.tag == .map, let found = MapIndex.find(key, in: slot) { return found }
    guard slot.tag == .list, key.tag == .int, key.asInt >= 0, key.asInt < Int64(slot.count) else {
      throw EvaluationError("there is no element \(key.literal)", at: SourceRange(0, 0))
    }
    return slot.elements[Int(key.asInt)]
  }

  private func tooLarge() -> EvaluationError {
    EvaluationError("the value is larger than the limits allow", at: SourceRange(0, 0), isLimit: true)
  }

  private func accepted(_ slot: Slot) throws(EvaluationError) -> Slot {
    guard slot.isAbnormal else { return slot }
    let index = Int(truncatingIfNeeded: slot.payload)
    guard slot.tag == .error, faults.indices.contains(index) else { throw tooLarge() }
    throw EvaluationError(faults[index].fault.message, at: SourceRange(0, 0), isLimit: isStopped)
  }

  // MARK: Making slots

  func make(_ value: Value) -> Slot {
    switch value {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .uint(let value): .uint(value)
    case .double(let value): .double(value)
    case .string(let value): makeString(value)
    case .bytes(let value): makeString(value, .bytes)
    case .timestamp(let value): .timestamp(value)
    case .duration(let value): .duration(value)
    case .list(let values): makeList(values.map { make($0) })
    case .map(let map): map.entries.flatMap { [make($0.key), make($0.value)] }.withUnsafeBufferPointer { makeMap($0) }
    case .record(let record): makeRecord(record)
    case .enumeration(let type, let number):
      types.enumIndex(type).map { Slot(.enumeration, payload: UInt64(bitPattern: number), extra: UInt16($0)) }
        ?? .int(number)
    case .optional(let value): value.map { makeOptional(make($0)) } ?? .none
    case .type(let name): makeString(name, .type)
    case .ip(let address): makeString(address.octets, .ip)
    case .cidr(let address, let length): makeNetwork(address, length)
    }
  }

  func makeNetwork(_ address: IPAddress, _ length: Int) -> Slot {
    var slot = makeString(address.octets, .cidr)
    if slot.tag == .cidr { slot.extra = UInt16(length) }
    return slot
  }

  private func makeRecord(_ record: RecordValue) -> Slot {
    guard let index = types.recordIndex(record.typeName) else {
      return fail("there is no type named `\(record.typeName)`")
    }
    let fields = types.records[index].fields
    guard let block = allocateBlock(slots: fields.count) else { return outOfMemory() }
    var given: [String: Value] = [:]
    for field in record.fields { given[field.name] = field.value }
    for (index, field) in fields.enumerated() {
      if let value = given[field.name] {
        block[index] = make(value)
        if field.presence != .always, !block[index].isAbnormal { block[index] = store(block[index], field) }
        if case .optional = field.type, block[index].tag != .optional, !block[index].isAbnormal {
          block[index] = block[index].tag == .null ? .none : makeOptional(block[index])
        }
      } else if field.presence == .always {
        if case .optional = field.type, field.defaultValue == nil {
          block[index] = .none
        } else {
          block[index] = field.defaultValue.map { make($0) } ?? .unset
        }
      } else {
        block[index] = .unset
      }
      if block[index].tag == .error { return block[index] }
    }
    return seal(
      Slot(.record, payload: UInt64(UInt(bitPattern: block)), count: UInt32(fields.count), extra: UInt16(index)))
  }
}

extension Slot {
  /// The value for use outside of an evaluation. Unset slots, unknowns and errors read as null.
  func value(in types: TypeRegistry) -> Value {
    switch tag {
    case .unset, .error, .unknown, .null: return .null
    case .bool: return .bool(asBool)
    case .int: return .int(asInt)
    case .uint: return .uint(asUInt)
    case .double: return .double(asDouble)
    case .string: return .string(string)
    case .bytes: return .bytes(Array(utf8))
    case .timestamp: return .timestamp(asTimestamp)
    case .duration: return .duration(asDuration)
    case .list: return .list(elements.map { $0.value(in: types) })
    case .map:
      let entries = elements
      return .map(
        MapValue(
          (0..<Int(count)).map { .init(entries[2 * $0].value(in: types), entries[2 * $0 + 1].value(in: types)) }))
    case .record:
      guard types.records.indices.contains(Int(extra)) else { return .null }
      let declaration = types.records[Int(extra)]
      var fields: [RecordValue.Field] = []
      for (index, field) in zip(elements, declaration.fields) where !index.isAbnormal {
        fields.append(.init(field.name, index.value(in: types)))
      }
      return .record(RecordValue(typeName: declaration.name, fields: fields))
    case .enumeration:
      guard types.enums.indices.contains(Int(extra)) else { return .int(asInt) }
      return .enumeration(type: types.enums[Int(extra)].name, number: asInt)
    case .optional: return .optional(content.map { $0.value(in: types) })
    case .type: return .type(string)
    case .ip: return .ip(IPAddress(octets: Array(utf8)))
    case .cidr: return .cidr(IPAddress(octets: Array(utf8)), prefixLength: Int(extra))
    }
  }
}
