extension Session {
  /// Whether more has to come: a bracket is open, or the line ends where an operand is missing.
  public static func isUnfinished(_ text: String) -> Bool {
    var depth = 0
    var quote: Character?
    var isEscaped = false
    for sign in text {
      if let open = quote {
        if isEscaped {
          isEscaped = false
        } else if sign == "\\" {
          isEscaped = true
        } else if sign == open {
          quote = nil
        }
        if sign.isNewline { quote = nil }
        continue
      }
      switch sign {
      case "\"", "'": quote = sign
      case "{", "(", "[": depth += 1
      case "}", ")", "]": depth -= 1
      default: break
      }
    }
    if depth > 0 { return true }
    let rest = text.trimmed
    return !rest.hasPrefix(":")
      && ["+", "-", "*", "/", "%", "&&", "||", "?", ",", "==", "="].contains { rest.hasSuffix($0) }
  }

  /// The statements of a text, each of one line or of several when brackets stay open.
  public static func statements(of text: String) -> [String] {
    var found: [String] = []
    var open = ""
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      // An empty line gives up on what is open.
      if line.allSatisfy(\.isWhitespace) {
        if !open.isEmpty { found.append(open) }
        open = ""
        continue
      }
      open += open.isEmpty ? String(line) : "\n" + line
      if isUnfinished(open) { continue }
      found.append(open)
      open = ""
    }
    return open.isEmpty ? found : found + [open]
  }
}
