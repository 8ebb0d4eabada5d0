extension Evaluator {
  func conversion(_ arguments: Arguments) -> Slot {
    let a = arguments[0]
    if arguments.builtin == .toEnum { return toEnum(a, arguments[1]) }
    guard arguments.count == 1 else { return noOverload(arguments) }
    if a.tag == .string || a.tag == .bytes { charge(Int(a.count) / 16) }
    let result: Slot?
    switch arguments.builtin {
    case .dyn: result = a
    case .type: result = makeString(typeName(a), .type)
    case .bool: result = toBool(a)
    case .bytes: result = a.tag == .bytes ? a : a.tag == .string ? retagged(a, .bytes) : nil
    case .double: result = toDouble(a)
    case .duration: result = toDuration(a)
    case .int: result = toInt(a)
    case .string: result = toString(a)
    case .timestamp: result = toTimestamp(a)
    default: result = toUInt(a)
    }
    return result ?? noOverload(arguments)
  }

  private func retagged(_ slot: Slot, _ tag: Slot.Tag) -> Slot {
    Slot(tag, payload: slot.payload, count: slot.count)
  }

  /// The name of a value's type, as returned by `type()`.
  func typeName(_ slot: Slot) -> String {
    switch slot.tag {
    case .null: "null_type"
    case .timestamp: "google.protobuf.Timestamp"
    case .duration: "google.protobuf.Duration"
    case .record: types.records.indices.contains(Int(slot.extra)) ? types.records[Int(slot.extra)].name : "record"
    case .enumeration: types.enums.indices.contains(Int(slot.extra)) ? types.enums[Int(slot.extra)].name : "int"
    case .optional: "optional_type"
    case .ip: "net.IP"
    case .cidr: "net.CIDR"
    default: "\(slot.tag)"
    }
  }

  private func toBool(_ a: Slot) -> Slot? {
    guard a.tag == .string else { return a.tag == .bool ? a : nil }
    switch a.string {
    case "1", "t", "T", "true", "TRUE", "True": return .bool(true)
    case "0", "f", "F", "false", "FALSE", "False": return .bool(false)
    default: return fail("\(a.literal) is neither true nor false")
    }
  }

  private func toDouble(_ a: Slot) -> Slot? {
    switch a.tag {
    case .double: return a
    case .int: return .double(Double(a.asInt))
    case .uint: return .double(Double(a.asUInt))
    case .string: return parseDouble(a.string).map { .double($0) } ?? fail("\(a.literal) is not a number")
    default: return nil
    }
  }

  private func parseDouble(_ text: String) -> Double? {
    switch text {
    case "NaN": return .nan
    case "Infinity", "+Infinity", "Inf", "+Inf", "inf": return .infinity
    case "-Infinity", "-Inf", "-inf": return -.infinity
    default:
      let isDecimal = text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) }
      return isDecimal ? Double(text) : nil
    }
  }

  private func toInt(_ a: Slot) -> Slot? {
    switch a.tag {
    case .int: return a
    case .uint: return Int64(exactly: a.asUInt).map { .int($0) } ?? fail(.overflow(.int))
    case .double:
      let value = a.asDouble.rounded(.towardZero)
      // Both ends are out: their neighbours as doubles are already past the range.
      guard value > -0x1p63, value < 0x1p63 else { return fail(.overflow(.int)) }
      return .int(Int64(value))
    case .string: return parseInt(a.string).map { .int($0) } ?? fail("\(a.literal) is not an int")
    case .timestamp: return .int(a.asTimestamp.seconds)
    case .duration: return .int(a.asDuration.nanoseconds)
    case .enumeration: return .int(a.asInt)
    default: return nil
    }
  }

  private func parseInt(_ text: String) -> Int64? { text.hasPrefix("+") ? nil : Int64(text) }

  private func toUInt(_ a: Slot) -> Slot? {
    switch a.tag {
    case .uint: return a
    case .int: return a.asInt < 0 ? fail(.overflow(.uint)) : .uint(UInt64(a.asInt))
    case .double:
      let value = a.asDouble.rounded(.towardZero)
      guard value >= 0, value < 0x1p64 else { return fail(.overflow(.uint)) }
      return .uint(UInt64(value))
    case .string:
      let text = a.string
      return (text.hasPrefix("+") ? nil : UInt64(text)).map { .uint($0) } ?? fail("\(a.literal) is not a uint")
    default: return nil
    }
  }

  private func toString(_ a: Slot) -> Slot? {
    switch a.tag {
    case .string: return a
    case .bool: return makeString(a.asBool ? "true" : "false")
    case .int: return makeString(String(a.asInt))
    case .uint: return makeString(String(a.asUInt))
    case .double: return makeString(doubleText(a.asDouble))
    case .bytes:
      guard String(validating: a.utf8, as: UTF8.self) != nil else { return fail("these bytes are not valid UTF-8") }
      return a.address.map { string($0, count: a.utf8.count) } ?? makeString("")
    case .timestamp: return makeString(a.asTimestamp.description)
    case .duration: return makeString(a.asDuration.secondsText)
    case .ip: return makeString(IPAddress(octets: Array(a.utf8)).description)
    case .cidr: return makeString("\(IPAddress(octets: Array(a.utf8)))/\(a.extra)")
    case .enumeration: return makeString(enumName(a))
    default: return nil
    }
  }

  /// The name of an enum's value, or its number when it has none.
  func enumName(_ slot: Slot) -> String {
    guard types.enums.indices.contains(Int(slot.extra)) else { return String(slot.asInt) }
    return types.enums[Int(slot.extra)].name(of: slot.asInt) ?? String(slot.asInt)
  }

  private func toTimestamp(_ a: Slot) -> Slot? {
    switch a.tag {
    case .timestamp: return a
    case .int: return Timestamp(checkingSeconds: a.asInt).map { .timestamp($0) } ?? fail(.overflow(.timestamp))
    case .string:
      return Timestamp(Array(a.utf8)).map { .timestamp($0) }
        ?? fail(.badTime("\(a.literal) is not a time from year 1 to 9999, as in \"2026-01-31T12:00:00Z\""))
    default: return nil
    }
  }

  private func toDuration(_ a: Slot) -> Slot? {
    switch a.tag {
    case .duration: return a
    case .string:
      if let duration = Duration(Array(a.utf8)) { return .duration(duration) }
      let days = Array(a.utf8).last == UInt8(ascii: "d") ? "; a number of days is `days(n)`" : ""
      return fail(.badTime("\(a.literal) is not a duration, as in \"1h30m\"\(days)"))
    default: return nil
    }
  }

  private func toEnum(_ type: Slot, _ a: Slot) -> Slot {
    guard type.tag == .string, let index = types.enumIndex(type.string) else { return fail("there is no such enum") }
    switch a.tag {
    case .enumeration where a.extra == index: return a
    case .int:
      guard Int32(exactly: a.asInt) != nil else { return fail(.overflow(.toEnum)) }
      return Slot(.enumeration, payload: a.payload, extra: UInt16(index))
    case .string:
      charge(Int(a.count) / 16 + types.enums[index].values.count)
      guard let number = types.enums[index].number(of: a.string) else {
        return fail("`\(types.enums[index].name)` has no value \(a.literal)")
      }
      return Slot(.enumeration, payload: UInt64(bitPattern: number), extra: UInt16(index))
    default: return fail(.noOverload(.toEnum, [a.tag]))
    }
  }
}

/// The shortest text that reads back as the same number, without `.0`; an exponent only for the very large and small.
func doubleText(_ value: Double) -> String {
  if value.isNaN { return "NaN" }
  if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
  let text = value.description
  guard let mark = text.firstIndex(of: "e") else { return text.hasSuffix(".0") ? String(text.dropLast(2)) : text }
  var digits = String(text[..<mark])
  let exponent = Int(text[text.index(after: mark)...]) ?? 0
  if digits.hasSuffix(".0") { digits.removeLast(2) }
  guard exponent >= 0, exponent < 21 else {
    return digits + (exponent < 0 ? "e-" : "e+") + padded(abs(exponent), 2)
  }
  let isNegative = digits.hasPrefix("-")
  let all = digits.filter { $0 != "." && $0 != "-" }
  return (isNegative ? "-" : "") + all + String(repeating: "0", count: max(0, exponent + 1 - all.utf8.count))
}
