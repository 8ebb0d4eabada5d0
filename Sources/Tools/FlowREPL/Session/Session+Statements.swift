extension Session {
  /// Returns true if a text continues on the next line: a bracket or a triple-quoted text is open, or an operand is
  /// missing at the end.
  public static func isUnfinished(_ text: String) -> Bool {
    var scanner = StatementScanner(text)
    scanner.scan()
    if scanner.depth > 0 || scanner.isInText { return true }
    let rest = scanner.code.trimmed
    return !rest.hasPrefix(":")
      && ["+", "-", "*", "/", "%", "&&", "||", "?", ",", "==", "="].contains { rest.hasSuffix($0) }
  }

  /// The statements of a text, each of one line, or of several while it is unfinished. Empty lines within a statement
  /// belong to it.
  public static func statements(of text: String) -> [String] {
    var found: [String] = []
    var open = ""
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      if open.isEmpty, line.allSatisfy(\.isWhitespace) { continue }
      open += open.isEmpty ? String(line) : "\n" + line
      if isUnfinished(open) { continue }
      found.append(open)
      open = ""
    }
    return open.isEmpty ? found : found + [open.trimmed]
  }
}

/// Finds open brackets in CEL and in the statements of a session, outside of texts and comments.
private struct StatementScanner {
  private let signs: [Character]
  private var index = 0
  /// The number of open brackets.
  private(set) var depth = 0
  /// True while a triple-quoted text is open at the end.
  private(set) var isInText = false
  /// The text without comments.
  private(set) var code = ""

  init(_ text: String) { signs = Array(text) }

  mutating func scan() {
    while index < signs.count {
      let sign = signs[index]
      switch sign {
      case "\"", "'": skipText(sign)
      case "/" where starts(with: "//"): skipComment()
      default:
        if "{([".contains(sign) { depth += 1 }
        if "})]".contains(sign) { depth -= 1 }
        code.append(sign)
        index += 1
      }
    }
  }

  private func starts(with word: String) -> Bool { signs[index...].starts(with: word) }

  private mutating func skipComment() {
    while index < signs.count, !signs[index].isNewline { index += 1 }
  }

  /// A single-quoted text ends at the end of its line; a triple-quoted one may have several lines.
  private mutating func skipText(_ quote: Character) {
    let isRaw = index > 0 && "rR".contains(signs[index - 1])
    let isLong = starts(with: String(repeating: quote, count: 3))
    let end = String(repeating: quote, count: isLong ? 3 : 1)
    code.append(quote)
    index += end.count
    while index < signs.count {
      if starts(with: end) {
        index += end.count
        code.append(quote)
        return
      }
      if !isLong, signs[index].isNewline { return }
      index += !isRaw && signs[index] == "\\" ? 2 : 1
    }
    isInText = isLong
  }
}
