public import CEL

// Completion at the end of an expression that is outside of a program, such as a line of a session or a filter.
extension ExpressionCompletion {
  /// The last word of an expression, which a proposal replaces: `total` in `paid > total`, `data.pa` as a whole.
  public static func word(of text: String) -> Substring {
    text.suffix(from: text.lastIndex { ends.contains($0) }.map { text.index(after: $0) } ?? text.startIndex)
  }

  /// Characters that end a word.
  private static let ends: Set<Character> = [
    " ", "\t", "\n", "{", "}", "(", ")", "[", "]", ",", "=", "<", ">", "!", "+", "-", "*", "/", "%", "&", "|", "?",
    ":",
  ]

  /// The proposals for the last word of an expression, as whole words: `data.paid` for `data.pa`.
  /// - Returns: Items whose labels begin with the word, fields before functions; none inside of a string.
  public static func proposals(atEndOf text: String, in environment: Environment) -> [CompletionItem] {
    guard !endsInString(text) else { return [] }
    let word = word(of: text)
    guard let dot = word.lastIndex(of: ".") else {
      return names(in: environment).filter { $0.label.hasPrefix(word) }
    }
    let operand = String(word[..<dot])
    guard let type = environment.check(parse(operand).0).expression?.type else { return [] }
    return members(of: type, in: environment).map { item in
      var item = item
      item.label = "\(operand).\(item.label)"
      item.insertion = "\(operand).\(item.insertion)"
      return item
    }
    .filter { $0.label.hasPrefix(word) }
  }

  private static func endsInString(_ text: String) -> Bool {
    var quote: Character?
    var isEscaped = false
    for character in text {
      if isEscaped {
        isEscaped = false
      } else if character == "\\" {
        isEscaped = quote != nil
      } else if quote == character {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
      }
    }
    return quote != nil
  }
}
