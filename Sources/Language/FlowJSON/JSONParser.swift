/// A text that is not JSON, with the byte offset of the mistake.
public struct JSONError: Error, Hashable, Sendable {
  public var message: String
  /// From 0.
  public var offset: Int

  public init(message: String, offset: Int) {
    self.message = message
    self.offset = offset
  }
}

extension JSON {
  /// The deepest nesting of arrays and objects.
  public static let maximumDepth = 128

  /// Reads one document, without trailing text.
  ///
  /// Strict RFC 8259: no comments, no trailing comma, valid UTF-8, no member named twice.
  /// - Throws: `JSONError` with the byte offset of the first mistake.
  public init(parsing text: [UInt8]) throws(JSONError) {
    var parser = JSONParser(text: text)
    self = try parser.document()
  }

  /// Reads one document from a string, like ``init(parsing:)`` for bytes.
  /// - Throws: `JSONError` with the byte offset of the first error, in UTF-8.
  public init(parsing text: String) throws(JSONError) { try self.init(parsing: Array(text.utf8)) }
}

private struct JSONParser {
  let text: [UInt8]
  var at = 0
  var depth = 0

  init(text: [UInt8]) { self.text = text }

  mutating func document() throws(JSONError) -> JSON {
    let value = try value()
    skipSpace()
    guard at == text.count else { throw error("there is something behind the end of the document") }
    return value
  }

  private var byte: UInt8? { at < text.count ? text[at] : nil }

  private func error(_ message: String) -> JSONError { JSONError(message: message, offset: at) }

  private mutating func skipSpace() {
    while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
  }

  private mutating func value() throws(JSONError) -> JSON {
    skipSpace()
    switch byte {
    case nil: throw error("the document ends where a value should be")
    case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func nested(_ body: (inout JSONParser) throws(JSONError) -> JSON) throws(JSONError) -> JSON {
    guard depth < JSON.maximumDepth else { throw error("nested deeper than \(JSON.maximumDepth) levels") }
    depth += 1
    at += 1
    let result = try body(&self)
    depth -= 1
    return result
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let expected = Array(word.description.utf8)
    guard text[at...].starts(with: expected) else { throw error("this is not a JSON value") }
    at += expected.count
    return value
  }

  /// Consumes `byte` after white space, when it is next.
  private mutating func accept(_ wanted: Unicode.Scalar) -> Bool {
    skipSpace()
    guard byte == UInt8(ascii: wanted) else { return false }
    at += 1
    return true
  }

  private mutating func array() throws(JSONError) -> JSON {
    if accept("]") { return .array([]) }
    var values: [JSON] = []
    repeat { values.append(try value()) } while accept(",")
    guard accept("]") else { throw error("expected `,` or `]`") }
    return .array(values)
  }

  private mutating func object() throws(JSONError) -> JSON {
    if accept("}") { return .object([]) }
    var members: [JSON.Member] = []
    var names = MemberNames()
    repeat {
      skipSpace()
      guard byte == UInt8(ascii: "\"") else { throw error("expected a member name in double quotes") }
      let start = at
      let name = try string()
      guard names.insert(name, after: members) else {
        throw JSONError(message: "the member \"\(name)\" stands here twice", offset: start)
      }
      guard accept(":") else { throw error("expected `:`") }
      members.append(JSON.Member(name, try value()))
    } while accept(",")
    guard accept("}") else { throw error("expected `,` or `}`") }
    return .object(members)
  }
}

/// The names of the members of an object, to find one that stands there twice.
private struct MemberNames {
  /// Up to this number of members they are compared one by one, which takes less time than to hash them.
  private static let fewCount = 8
  private var names: Set<String> = []

  /// - Parameter members: The members before.
  /// - Returns: False for a name that one of them has.
  mutating func insert(_ name: String, after members: [JSON.Member]) -> Bool {
    if members.count < MemberNames.fewCount { return !members.contains { $0.name == name } }
    if members.count == MemberNames.fewCount { names = Set(members.map(\.name)) }
    return names.insert(name).inserted
  }
}

// MARK: - Numbers

extension JSONParser {
  private mutating func number() throws(JSONError) -> JSON {
    let start = at
    if byte == UInt8(ascii: "-") { at += 1 }
    let whole = at
    skipDigits()
    guard at > whole else {
      at = start
      throw error("this is not a JSON value")
    }
    if text[whole] == UInt8(ascii: "0"), at > whole + 1 { throw error("a number may not start with 0") }
    var isWhole = true
    if byte == UInt8(ascii: ".") {
      isWhole = false
      at += 1
      try digits()
    }
    if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
      isWhole = false
      at += 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    if isWhole, at - whole <= JSONParser.shortDigits {
      let magnitude = text[whole..<at].reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
      return .int(whole > start ? -magnitude : magnitude)
    }
    return try number(String(decoding: text[start..<at], as: UTF8.self), isWhole: isWhole)
  }

  /// Any number with as many digits fits in 64 bits.
  private static let shortDigits = 18

  private func number(_ lexeme: String, isWhole: Bool) throws(JSONError) -> JSON {
    if isWhole {
      if let value = Int64(lexeme) { return .int(value) }
      if let value = UInt64(lexeme) { return .uint(value) }
    }
    guard let value = Double(lexeme), value.isFinite else { throw error("this number is out of range") }
    return .double(value)
  }

  private mutating func skipDigits() {
    while let byte, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { at += 1 }
  }

  private mutating func digits() throws(JSONError) {
    let start = at
    skipDigits()
    if at == start { throw error("expected a digit") }
  }
}

// MARK: - Strings

extension JSONParser {
  private mutating func string() throws(JSONError) -> String {
    let start = at
    at += 1
    var run = at
    var buffer: [UInt8] = []
    while let byte {
      switch byte {
      case UInt8(ascii: "\""):
        let last = text[run..<at]
        at += 1
        let string =
          buffer.isEmpty ? String(validating: last, as: UTF8.self) : String(validating: buffer + last, as: UTF8.self)
        guard let string else { throw JSONError(message: "this string is not valid UTF-8", offset: start) }
        return string
      case UInt8(ascii: "\\"):
        buffer += text[run..<at]
        try escape(into: &buffer)
        run = at
      case 0..<0x20: throw error("a control character has to be written as \\u00XX here")
      default: at += 1
      }
    }
    throw JSONError(message: "this string has no end", offset: start)
  }

  private mutating func escape(into buffer: inout [UInt8]) throws(JSONError) {
    at += 1
    guard let kind = byte else { throw error("this string has no end") }
    at += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(kind)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"): buffer += String(Character(try unicodeEscape())).utf8
    default: throw error("JSON has no escape like this")
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
    let first = try fourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, byte == UInt8(ascii: "\\") else { throw error("half of a surrogate pair is missing") }
    at += 1
    guard byte == UInt8(ascii: "u") else { throw error("half of a surrogate pair is missing") }
    at += 1
    let second = try fourHexDigits()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    else { throw error("half of a surrogate pair is missing") }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    guard at + 4 <= text.count, let value = UInt32(String(decoding: text[at..<at + 4], as: UTF8.self), radix: 16),
      text[at] != UInt8(ascii: "+")
    else { throw error("expected four hexadecimal digits") }
    at += 4
    return value
  }
}
