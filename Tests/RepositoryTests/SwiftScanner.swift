/// Separates the code of a Swift file from its comments and literals, so that rules can be checked by text.
///
/// It handles strings with interpolations, raw and multi-line strings, nested comments and regular expressions, but is
/// not a
/// parser.
struct SwiftScanner {
  /// The file with the contents of comments and literals replaced by spaces; line breaks are kept.
  private(set) var code: [UInt8] = []
  /// The contents of the string literals, without interpolations, each with its line.
  private(set) var literals: [(line: Int, text: String)] = []

  private let bytes: [UInt8]
  private var index = 0
  private var line = 1

  init(_ text: String) {
    bytes = Array(text.utf8)
    while index < bytes.count { scan() }
  }

  private func starts(with word: [UInt8]) -> Bool {
    guard bytes[index] == word[0], index + word.count <= bytes.count else { return false }
    return bytes[index..<(index + word.count)].elementsEqual(word)
  }

  private static let beforeRegex = Array("(,=:".utf8)
  private static let lineComment = Array("//".utf8)
  private static let commentStart = Array("/*".utf8)
  private static let commentEnd = Array("*/".utf8)
  private static let threeQuotes = Array(repeating: UInt8(ascii: "\""), count: 3)

  private mutating func advance(_ count: Int = 1, keeps: Bool) {
    for _ in 0..<count where index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\n") { line += 1 }
      code.append(keeps || byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: " "))
      index += 1
    }
  }

  private mutating func scan() {
    if starts(with: SwiftScanner.lineComment) {
      while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { advance(keeps: false) }
    } else if starts(with: SwiftScanner.commentStart) {
      scanComment()
    } else if let hashes = hashesBeforeQuote() {
      scanString(hashes: hashes)
    } else if isRegex {
      advance(keeps: false)
      while index < bytes.count, bytes[index] != UInt8(ascii: "/"), bytes[index] != UInt8(ascii: "\n") {
        advance(bytes[index] == UInt8(ascii: "\\") ? 2 : 1, keeps: false)
      }
      advance(keeps: false)
    } else {
      advance(keeps: true)
    }
  }

  private mutating func scanComment() {
    var depth = 0
    repeat {
      if starts(with: SwiftScanner.commentStart) {
        depth += 1
      } else if starts(with: SwiftScanner.commentEnd) {
        depth -= 1
      }
      advance(depth == 0 ? 2 : 1, keeps: false)
    } while depth > 0 && index < bytes.count
  }

  /// The number of `#` before a quotation mark at the current position; nil when no string starts here.
  private func hashesBeforeQuote() -> Int? {
    guard bytes[index] == UInt8(ascii: "#") || bytes[index] == UInt8(ascii: "\"") else { return nil }
    var end = index
    while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
    return end < bytes.count && bytes[end] == UInt8(ascii: "\"") ? end - index : nil
  }

  /// A slash starts a regular expression after an opening bracket, comma, equals sign or colon.
  private var isRegex: Bool {
    guard bytes[index] == UInt8(ascii: "/"), index + 1 < bytes.count, bytes[index + 1] != UInt8(ascii: " "),
      let before = code.last(where: { $0 != UInt8(ascii: " ") })
    else { return false }
    guard SwiftScanner.beforeRegex.contains(before) else { return false }
    return bytes[(index + 1)...].prefix { $0 != UInt8(ascii: "\n") }.contains(UInt8(ascii: "/"))
  }

  private mutating func scanString(hashes: Int) {
    let start = line
    advance(hashes, keeps: false)
    let isMultiline = index < bytes.count && starts(with: SwiftScanner.threeQuotes)
    let quotes = isMultiline ? 3 : 1
    advance(quotes, keeps: false)
    var text: [UInt8] = []
    while index < bytes.count {
      if ends(quotes: quotes, hashes: hashes) {
        advance(quotes + hashes, keeps: false)
        break
      }
      if bytes[index] == UInt8(ascii: "\\"), isEscape(hashes: hashes) {
        advance(1 + hashes, keeps: false)
        if index < bytes.count, bytes[index] == UInt8(ascii: "(") {
          scanInterpolation()
          text.append(UInt8(ascii: "_"))
        } else {
          advance(keeps: false)
        }
        continue
      }
      if !isMultiline, bytes[index] == UInt8(ascii: "\n") { break }
      text.append(bytes[index])
      advance(keeps: false)
    }
    literals.append((start, String(decoding: text, as: UTF8.self)))
  }

  private func ends(quotes: Int, hashes: Int) -> Bool {
    guard bytes[index] == UInt8(ascii: "\"") else { return false }
    let wanted =
      Array(repeating: UInt8(ascii: "\""), count: quotes) + Array(repeating: UInt8(ascii: "#"), count: hashes)
    return index + wanted.count <= bytes.count && bytes[index..<(index + wanted.count)].elementsEqual(wanted)
  }

  private func isEscape(hashes: Int) -> Bool {
    index + hashes < bytes.count && bytes[(index + 1)..<(index + 1 + hashes)].allSatisfy { $0 == UInt8(ascii: "#") }
  }

  private mutating func scanInterpolation() {
    var depth = 0
    repeat {
      if bytes[index] == UInt8(ascii: "(") { depth += 1 }
      if bytes[index] == UInt8(ascii: ")") { depth -= 1 }
      if depth > 0, hashesBeforeQuote() != nil {
        scan()
      } else {
        advance(keeps: false)
      }
    } while depth > 0 && index < bytes.count
  }
}
