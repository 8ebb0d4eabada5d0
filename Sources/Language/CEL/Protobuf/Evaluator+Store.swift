/// Conversion of values that are assigned to fields of records.
extension Evaluator {
  /// The value in the representation of the field: unset if that is how the field represents its default.
  func store(_ value: Slot, _ field: FieldDeclaration) -> Slot {
    guard field.presence != .always else { return storeInRecord(value, field) }
    let kept: Slot
    switch field.type {
    case .list(let element) where field.storage != .jsonList:
      guard value.tag == .list else { return unsupported(value, field) }
      kept = storeList(value, element: element, field: field)
    case .map(let key, let element) where field.storage != .jsonStruct:
      guard value.tag == .map else { return unsupported(value, field) }
      kept = storeMap(value, key: key, element: element, field: field)
    default:
      if value.tag == .null, isClearedByNull(field) { return .unset }
      kept = storeOne(value, as: field.type, field: field)
    }
    return field.presence == .implicit && isZeroValue(kept) ? .unset : kept
  }

  private func storeInRecord(_ value: Slot, _ field: FieldDeclaration) -> Slot {
    if let maximum = field.maximum {
      let checked = bounded(value, to: maximum, name: field.name)
      if checked.isAbnormal { return checked }
    }
    if case .optional(let inner) = field.type, value.tag != .optional, conforms(value, inner) {
      return makeOptional(value)
    }
    return value
  }

  private func unsupported(_ value: Slot, _ field: FieldDeclaration) -> Slot {
    fail("the field `\(field.name)` does not take `\(value.tag)`")
  }

  private func isClearedByNull(_ field: FieldDeclaration) -> Bool {
    switch (field.type, field.storage) {
    case (_, .any), (_, .jsonValue), (_, .jsonStruct), (_, .jsonList): false
    case (.record, _), (.timestamp, _), (.duration, _), (.wrapper, _): true
    default: false
    }
  }

  private func isZeroValue(_ slot: Slot) -> Bool {
    switch slot.tag {
    case .null: true
    case .bool, .int, .uint, .enumeration: slot.payload == 0
    case .double: slot.asDouble == 0 && slot.asDouble.sign == .plus
    case .string, .bytes, .list, .map: slot.count == 0
    default: false
    }
  }

  /// Null elements are dropped, unless null is a value of the element type.
  private func storeList(_ list: Slot, element: ValueType, field: FieldDeclaration) -> Slot {
    var kept: [Slot] = []
    for value in list.elements where value.tag != .null || !isNullDropped(element, field) {
      let stored = storeOne(value, as: element, field: field)
      if stored.isAbnormal { return stored }
      kept.append(stored)
    }
    return makeList(kept)
  }

  private func storeMap(_ map: Slot, key: ValueType, element: ValueType, field: FieldDeclaration) -> Slot {
    var kept: [Slot] = []
    let entries = map.elements
    for index in 0..<Int(map.count) {
      let (name, value) = (entries[2 * index], entries[2 * index + 1])
      guard conforms(name, key) else { return unsupported(name, field) }
      if value.tag == .null, isNullDropped(element, field) { continue }
      let stored = storeOne(value, as: element, field: field)
      if stored.isAbnormal { return stored }
      kept += [name, stored]
    }
    return kept.withUnsafeBufferPointer { makeMap($0) }
  }

  private func isNullDropped(_ element: ValueType, _ field: FieldDeclaration) -> Bool {
    switch element {
    case .record, .timestamp, .duration, .wrapper: true
    default: false
    }
  }

  private func storeOne(_ value: Slot, as type: ValueType, field: FieldDeclaration) -> Slot {
    switch field.storage {
    case .any: return value
    case .jsonValue: return conforms(value, type) ? toJSON(value) : unsupported(value, field)
    case .jsonStruct: return value.tag == .map ? toJSON(value) : unsupported(value, field)
    case .jsonList: return value.tag == .list ? toJSON(value) : unsupported(value, field)
    case .int32, .enum32:
      if value.tag == .int, Int32(exactly: value.asInt) == nil {
        return fail("\(value.asInt) does not fit into 32 bits")
      }
    case .uint32:
      if value.tag == .uint, UInt32(exactly: value.asUInt) == nil {
        return fail("\(value.asUInt) does not fit into 32 bits")
      }
    case .float:
      if value.tag == .double { return .double(Double(Float(value.asDouble))) }
    case .plain: break
    }
    return conforms(value, type) ? value : unsupported(value, field)
  }

  // MARK: JSON values

  /// The value as `google.protobuf.Value`: numbers are doubles, all others are text, lists and maps.
  private func toJSON(_ value: Slot) -> Slot {
    switch value.tag {
    case .null, .bool, .double, .string: return value
    case .int:
      return value.asInt.magnitude < 1 << 53 ? .double(Double(value.asInt)) : makeString(String(value.asInt))
    case .uint: return value.asUInt < 1 << 53 ? .double(Double(value.asUInt)) : makeString(String(value.asUInt))
    case .enumeration: return .double(Double(value.asInt))
    case .bytes: return makeString(Base64.encode(value.utf8))
    case .timestamp: return makeString(grouped(value.asTimestamp.description))
    case .duration: return makeString(grouped(value.asDuration.secondsText))
    case .list: return makeList(value.elements.map { toJSON($0) })
    case .map: return toJSONMap(value)
    case .record: return toJSONRecord(value)
    default: return fail("`\(value.tag)` is no JSON")
    }
  }

  /// Protobuf writes fractions of seconds with three, six or nine digits.
  private func grouped(_ text: String) -> String {
    guard let point = text.firstIndex(of: "."), let unit = text.last else { return text }
    let digits = text[text.index(after: point)...].dropLast()
    return text[...point] + digits + String(repeating: "0", count: (3 - digits.utf8.count % 3) % 3) + String(unit)
  }

  private func toJSONMap(_ map: Slot) -> Slot {
    let entries = map.elements
    var kept: [Slot] = []
    for index in 0..<Int(map.count) {
      let key = entries[2 * index]
      guard key.tag == .string else { return fail("a key of a `google.protobuf.Struct` is a string, not `\(key.tag)`") }
      kept += [key, toJSON(entries[2 * index + 1])]
    }
    return kept.withUnsafeBufferPointer { makeMap($0) }
  }

  private func toJSONRecord(_ record: Slot) -> Slot {
    guard types.records.indices.contains(Int(record.extra)) else { return fail("this is no JSON") }
    let declaration = types.records[Int(record.extra)]
    if declaration.name == "google.protobuf.FieldMask" {
      let paths = record.elements.first.map { Array($0.elements).map(\.string) } ?? []
      return makeString(paths.map(camelCased).joined(separator: ","))
    }
    var kept: [Slot] = []
    for (field, value) in zip(declaration.fields, record.elements) where !value.isUnset {
      kept += [makeString(field.name), toJSON(value)]
    }
    return kept.withUnsafeBufferPointer { makeMap($0) }
  }

  private func camelCased(_ path: String) -> String {
    var out = ""
    var isUpper = false
    for character in path {
      if character == "_" {
        isUpper = true
      } else {
        out += isUpper ? character.uppercased() : String(character)
        isUpper = false
      }
    }
    return out
  }
}
