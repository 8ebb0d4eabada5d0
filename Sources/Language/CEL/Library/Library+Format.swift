internal import CRE2

/// `"%s has %d".format([name, count])`.
extension Evaluator {
  /// The largest precision, in digits after the point.
  private static let maximumPrecision = 100

  func format(_ arguments: Arguments) -> Slot {
    guard arguments.have(.string, .list) else { return noOverload(arguments) }
    let text = Array(arguments[0].utf8)
    let values = arguments[1].elements
    var out: [UInt8] = []
    var at = 0
    var used = 0
    while at < text.count {
      guard text[at] == UInt8(ascii: "%") else {
        out.append(text[at])
        at += 1
        continue
      }
      at += 1
      if at < text.count, text[at] == UInt8(ascii: "%") {
        out.append(text[at])
        at += 1
        continue
      }
      guard let precision = precision(text, &at), at < text.count else {
        return fail("a `%` in the format lacks its letter")
      }
      guard used < values.count else { return fail("the format wants more than \(counted(values.count, "argument"))") }
      let verb = Unicode.Scalar(text[at])
      guard let part = formatted(values[used], verb: verb, precision: precision) else {
        return fail("`%\(Character(verb))` can't print `\(values[used].tag)`")
      }
      out += part
      used += 1
      at += 1
      charge(1 + part.count / 16)
      guard fuel > 0, out.count <= limits.valueBytes else { return outOfMemory() }
    }
    return makeString(out)
  }

  /// The precision between `%` and the letter; -1 without one.
  private func precision(_ text: [UInt8], _ at: inout Int) -> Int? {
    guard at < text.count, text[at] == UInt8(ascii: ".") else { return -1 }
    at += 1
    var value = 0
    let start = at
    while at < text.count, text[at] >= 0x30, text[at] <= 0x39 {
      value = min(value * 10 + Int(text[at] - 0x30), 10_000)
      at += 1
    }
    return at > start && value <= Self.maximumPrecision ? value : nil
  }

  private func formatted(_ value: Slot, verb: Unicode.Scalar, precision: Int) -> [UInt8]? {
    let text: String?
    switch verb {
    case "s": text = plainText(value, isNested: false)
    case "d": text = decimal(value)
    case "f": text = fixed(value, hasExponent: false, precision)
    case "e": text = fixed(value, hasExponent: true, precision)
    case "b": text = binary(value)
    case "o": text = digits(value, radix: 8)
    case "x": text = hexadecimal(value, isUpper: false)
    case "X": text = hexadecimal(value, isUpper: true)
    default: text = nil
    }
    return text.map { Array($0.utf8) }
  }

  private func decimal(_ value: Slot) -> String? {
    switch value.tag {
    case .int: String(value.asInt)
    case .uint: String(value.asUInt)
    case .double where !value.asDouble.isFinite: doubleText(value.asDouble)
    case .double: doubleText(value.asDouble)
    default: nil
    }
  }

  private func fixed(_ value: Slot, hasExponent: Bool, _ precision: Int) -> String? {
    let number: Double
    switch value.tag {
    case .double: number = value.asDouble
    case .int: number = Double(value.asInt)
    case .uint: number = Double(value.asUInt)
    default: return nil
    }
    guard number.isFinite else { return doubleText(number) }
    var buffer = [CChar](repeating: 0, count: 512)
    let length = cre2_print_double(&buffer, buffer.count, hasExponent, precision < 0 ? 6 : Int32(precision), number)
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func binary(_ value: Slot) -> String? {
    value.tag == .bool ? (value.asBool ? "1" : "0") : digits(value, radix: 2)
  }

  private func digits(_ value: Slot, radix: Int, isUpper: Bool = false) -> String? {
    switch value.tag {
    case .int: String(value.asInt, radix: radix, uppercase: isUpper)
    case .uint: String(value.asUInt, radix: radix, uppercase: isUpper)
    default: nil
    }
  }

  private func hexadecimal(_ value: Slot, isUpper: Bool) -> String? {
    guard value.tag == .string || value.tag == .bytes else { return digits(value, radix: 16, isUpper: isUpper) }
    let alphabet = Array(isUpper ? "0123456789ABCDEF" : "0123456789abcdef")
    return String(value.utf8.flatMap { [alphabet[Int($0 >> 4)], alphabet[Int($0 & 15)]] })
  }

  /// The text that `%s` prints; nil for values that it does not print.
  private func plainText(_ value: Slot, isNested: Bool) -> String? {
    charge(1)
    guard fuel > 0 else { return nil }
    switch value.tag {
    case .null: return "null"
    case .bool: return value.asBool ? "true" : "false"
    case .int: return String(value.asInt)
    case .uint: return String(value.asUInt)
    case .double: return doubleText(value.asDouble)
    case .string, .type: return value.string
    case .bytes: return value.string
    case .timestamp: return value.asTimestamp.description
    case .duration: return value.asDuration.secondsText
    case .enumeration: return enumName(value)
    case .list:
      let parts = value.elements.map { plainText($0, isNested: true) }
      return parts.contains(nil) ? nil : "[" + parts.compactMap { $0 }.joined(separator: ", ") + "]"
    case .map: return mapText(value)
    default: return nil
    }
  }

  private func mapText(_ map: Slot) -> String? {
    let entries = map.elements
    var parts: [(key: String, text: String)] = []
    for index in 0..<Int(map.count) {
      guard let key = plainText(entries[2 * index], isNested: true),
        let text = plainText(entries[2 * index + 1], isNested: true)
      else { return nil }
      parts.append((key, "\(key): \(text)"))
    }
    parts.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    return "{" + parts.map(\.text).joined(separator: ", ") + "}"
  }
}
