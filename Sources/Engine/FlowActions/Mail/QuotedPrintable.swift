/// Encodes arbitrary text as lines of ASCII that no mail server changes.
enum QuotedPrintable {
  /// The maximum length of a line, including the soft line break.
  static let longestLine = 76

  static func lines(of text: String) -> [String] {
    split(text).flatMap { encode($0) }
  }

  /// The lines of the text, for all kinds of line breaks.
  private static func split(_ text: String) -> [[UInt8]] {
    var lines: [[UInt8]] = [[]]
    var last: UInt8 = 0
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\n") where last == UInt8(ascii: "\r"): break
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): lines.append([])
      default: lines[lines.count - 1].append(byte)
      }
      last = byte
    }
    return lines
  }

  private static func encode(_ line: [UInt8]) -> [String] {
    var out: [String] = []
    var current = ""
    for (index, byte) in line.enumerated() {
      let isLast = index == line.count - 1
      let piece = encode(byte, isLast: isLast)
      // The last piece needs no room for a soft line break.
      if current.utf8.count + piece.utf8.count > longestLine - (isLast ? 0 : 1) {
        out.append(current + "=")
        current = ""
      }
      current += piece
    }
    return out + [current]
  }

  private static func encode(_ byte: UInt8, isLast: Bool) -> String {
    let isSpace = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    if (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "=") || isSpace && !isLast {
      return String(Unicode.Scalar(byte))
    }
    return "=" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }
}
