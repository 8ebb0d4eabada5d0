/// A constant in source form.
public enum Literal: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case uint(UInt64)
  case double(Double)
  case string(String)
  case bytes([UInt8])
}

/// An invalid literal, with the byte offset in its text.
struct LiteralError: Error {
  var message: String
  var offset: Int
  var length: Int
}

extension Literal {
  /// The value of an int token; `isNegative` when a minus directly precedes it.
  static func int(_ text: some Collection<UInt8>, isNegative: Bool) -> Literal? {
    let (digits, radix) = digits(of: text)
    return Int64((isNegative ? "-" : "") + digits, radix: radix).map(Literal.int)
  }

  static func uint(_ text: some Collection<UInt8>) -> Literal? {
    let (digits, radix) = digits(of: text.dropLast())
    return UInt64(digits, radix: radix).map(Literal.uint)
  }

  private static func digits(of text: some Collection<UInt8>) -> (String, Int) {
    let string = String(decoding: text, as: UTF8.self)
    return string.hasPrefix("0x") ? (String(string.dropFirst(2)), 16) : (string, 10)
  }

  /// Removes prefix, quotes and escapes from a string or bytes token.
  static func quoted(_ text: [UInt8], isBytes: Bool) throws(LiteralError) -> Literal {
    var reader = QuotedReader(text: text, isBytes: isBytes)
    try reader.read()
    if isBytes { return .bytes(reader.out) }
    guard let string = String(validating: reader.out, as: UTF8.self) else {
      throw LiteralError(message: "this string is not valid UTF-8", offset: 0, length: text.count)
    }
    return .string(string)
  }
}

private struct QuotedReader {
  let text: [UInt8]
  let isBytes: Bool
  var out: [UInt8] = []
  private var at = 0
  private var isRaw = false

  init(text: [UInt8], isBytes: Bool) {
    self.text = text
    self.isBytes = isBytes
  }

  mutating func read() throws(LiteralError) {
    while text[at] != UInt8(ascii: "'"), text[at] != UInt8(ascii: "\"") {
      if text[at] | 0x20 == UInt8(ascii: "r") { isRaw = true }
      at += 1
    }
    let isTriple = text.count >= at + 6 && text[at + 1] == text[at] && text[at + 2] == text[at]
    let quotes = isTriple ? 3 : 1
    let end = text.count - quotes
    at += quotes
    while at < end { try readOne(end) }
  }

  private mutating func readOne(_ end: Int) throws(LiteralError) {
    let byte = text[at]
    if byte == UInt8(ascii: "\\"), !isRaw { return try readEscape(end) }
    at += 1
    guard byte == 0x0D else {
      out.append(byte)
      return
    }
    // Line ends inside literals are line feeds, for every line ending of the file.
    if at < end, text[at] == 0x0A { at += 1 }
    out.append(0x0A)
  }

  private mutating func readEscape(_ end: Int) throws(LiteralError) {
    let start = at
    guard at + 1 < end else { throw error("an escape needs a character after `\\`", start) }
    let kind = text[at + 1]
    at += 2
    switch kind {
    case UInt8(ascii: "a"): out.append(0x07)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "v"): out.append(0x0B)
    case UInt8(ascii: "\\"), UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
      out.append(kind)
    case UInt8(ascii: "x"), UInt8(ascii: "X"):
      try append(number(2, radix: 16, end: end, start: start), isOctet: true, start)
    case UInt8(ascii: "u"): try append(number(4, radix: 16, end: end, start: start), isOctet: false, start)
    case UInt8(ascii: "U"): try append(number(8, radix: 16, end: end, start: start), isOctet: false, start)
    case UInt8(ascii: "0")...UInt8(ascii: "3"):
      at -= 1
      try append(number(3, radix: 8, end: end, start: start), isOctet: true, start)
    default: throw error("there is no such escape", start)
    }
  }

  /// Reads exactly `count` digits.
  private mutating func number(_ count: Int, radix: UInt32, end: Int, start: Int) throws(LiteralError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      let character = at < end ? Character(Unicode.Scalar(text[at])) : " "
      guard let digit = character.hexDigitValue, character.isASCII, digit < Int(radix) else {
        throw error("this escape needs \(count) \(radix == 8 ? "octal" : "hexadecimal") digits", start)
      }
      value = value &* radix &+ UInt32(digit)
      at += 1
    }
    return value
  }

  private mutating func append(_ value: UInt32, isOctet: Bool, _ start: Int) throws(LiteralError) {
    if isBytes {
      guard isOctet else { throw error("`\\u` and `\\U` have no meaning in bytes", start) }
      out.append(UInt8(truncatingIfNeeded: value))
    } else {
      guard let scalar = Unicode.Scalar(value) else { throw error("this is not a Unicode code point", start) }
      out += Array(String(Character(scalar)).utf8)
    }
  }

  private func error(_ message: String, _ start: Int) -> LiteralError {
    LiteralError(message: message, offset: start, length: max(1, min(at, text.count) - start))
  }
}
