import FlowJSON
import FlowSource

/// The unit in which the characters of a line are counted.
enum PositionEncoding: String, Sendable {
  case utf8 = "utf-8"
  case utf16 = "utf-16"
  case utf32 = "utf-32"

  /// The number of units of one scalar, from its first byte in UTF-8.
  func width(ofLeadByte byte: UInt8) -> (bytes: Int, units: Int) {
    let bytes = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
    switch self {
    case .utf8: return (bytes, bytes)
    case .utf16: return (bytes, bytes == 4 ? 2 : 1)
    case .utf32: return (bytes, 1)
    }
  }
}

/// Converts between offsets of a file and positions of the protocol.
struct Positions {
  let source: SourceFile
  let encoding: PositionEncoding

  /// The offset of a position; one behind the end of a line is its end.
  func offset(line: Int, character: Int) -> UInt32 {
    guard line >= 0 else { return 0 }
    guard line < source.lineCount else { return source.range.upper }
    var offset = source.start(ofLine: line + 1)
    let end = endOfLine(line, from: offset)
    var remaining = character
    while offset < end, remaining > 0 {
      let width = encoding.width(ofLeadByte: source.text[offset])
      guard width.units <= remaining else { break }
      remaining -= width.units
      offset = min(offset + width.bytes, end)
    }
    return UInt32(offset)
  }

  private func endOfLine(_ line: Int, from start: Int) -> Int {
    var end = line + 1 < source.lineCount ? source.start(ofLine: line + 2) - 1 : source.text.count
    if end > start, source.text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return end
  }

  func offset(_ json: JSON?) -> UInt32? {
    guard let line = json?["line"]?.int, let character = json?["character"]?.int else { return nil }
    return offset(line: line, character: character)
  }

  func range(_ json: JSON?) -> SourceRange? {
    guard let lower = offset(json?["start"]), let upper = offset(json?["end"]) else { return nil }
    return SourceRange(min(lower, upper), max(lower, upper))
  }

  func position(_ offset: UInt32) -> (line: Int, character: Int) {
    let line = source.position(of: offset).line
    var index = source.start(ofLine: line)
    let end = min(Int(offset), source.text.count)
    if encoding == .utf8 { return (line - 1, max(end - index, 0)) }
    var character = 0
    while index < end {
      let width = encoding.width(ofLeadByte: source.text[index])
      character += width.units
      index += width.bytes
    }
    return (line - 1, character)
  }

  func json(_ offset: UInt32) -> JSON {
    let (line, character) = position(offset)
    return ["line": .int(Int64(line)), "character": .int(Int64(character))]
  }

  func json(_ range: SourceRange) -> JSON { ["start": json(range.lower), "end": json(range.upper)] }
}

/// Paths as URIs.
enum FileURI {
  /// The path of a `file:` URI; any other URI stands for itself.
  static func path(_ uri: String) -> String {
    guard uri.hasPrefix("file://") else { return uri }
    let rest = uri.dropFirst("file://".count)
    let path = rest.hasPrefix("/") ? rest : rest.drop { $0 != "/" }
    return decodedPercents(path)
  }

  /// The URI of a path.
  static func uri(_ path: String) -> String {
    guard path.hasPrefix("/") else { return path }
    var text = "file://"
    for byte in path.utf8 {
      let scalar = Unicode.Scalar(byte)
      let isLetter = byte < 0x80 && scalar.properties.isAlphabetic
      let isPlain = isLetter || (0x30...0x39).contains(byte) || "/-._~".unicodeScalars.contains(scalar)
      if isPlain {
        text.unicodeScalars.append(scalar)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return text
  }

  private static func decodedPercents(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
