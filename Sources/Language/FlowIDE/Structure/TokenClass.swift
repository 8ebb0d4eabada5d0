import CEL
public import FlowSource
import FlowSyntax

/// The class of a token by its spelling and its neighbors: what a grammar without the compiler can color.
public enum TokenClass: String, Hashable, Sendable, CaseIterable {
  case comment, documentation, keyword, type, constant, string, number, duration, name
  case `operator`, punctuation, invalid

  var semanticKind: SemanticToken.Kind? {
    switch self {
    case .comment, .documentation: .comment
    case .keyword: .keyword
    case .type: .type
    case .constant: .keyword
    case .string: .string
    case .number, .duration: .number
    case .operator: .operator
    case .name, .punctuation, .invalid: nil
    }
  }

  var modifiers: SemanticToken.Modifiers { self == .documentation ? .documentation : self == .type ? .predefined : [] }
}

/// A token or a comment with its class.
public struct ClassifiedToken: Hashable, Sendable {
  public var range: SourceRange
  public var `class`: TokenClass
}

extension SourceUnit {
  /// All tokens and comments of the file with their classes, in the order of the text.
  public var classifiedTokens: [ClassifiedToken] {
    var found: [ClassifiedToken] = []
    var end: UInt32 = 0
    var index = 0
    let all = parsed.tokens
    while index < all.count {
      let token = all[index]
      appendComments(from: end, to: token.range.lower, &found)
      end = token.range.upper
      index += 1
      if token.kind == .endOfFile { break }
      let kind = tokenClass(at: index - 1)
      // `30m` is a number and a name without a space between them, and so is `1h30m`.
      if kind == .number, isUnit(at: index), all[index].range.lower == end {
        end = all[index].range.upper
        index += 1
        found.append(ClassifiedToken(range: SourceRange(token.range.lower, end), class: .duration))
        continue
      }
      found.append(ClassifiedToken(range: token.range, class: kind))
    }
    return found
  }

  /// True for the units of a duration, with further numbers between them.
  private func isUnit(at index: Int) -> Bool {
    guard parsed.tokens[index].kind == .identifier else { return false }
    let text = self.text(parsed.tokens[index].range)
    return text.first.map { "dhms".contains($0) } ?? false && text.allSatisfy { "dhms0123456789".contains($0) }
  }

  private func tokenClass(at index: Int) -> TokenClass {
    let token = parsed.tokens[index]
    switch token.kind {
    case .identifier: return wordClass(at: index)
    case .quotedIdentifier: return .name
    case .int, .uint, .double: return .number
    case .string, .bytes: return .string
    case .unterminated, .unknown: return .invalid
    case .leftParen, .rightParen, .leftBracket, .rightBracket, .leftBrace, .rightBrace, .dot, .comma, .colon:
      return .punctuation
    default: return .operator
    }
  }

  /// A word is a keyword wherever it stands, except behind a dot and before a colon, where it is the name of a field.
  private func wordClass(at index: Int) -> TokenClass {
    let word = text(parsed.tokens[index].range)
    let isField =
      index > 0 && parsed.tokens[index - 1].kind == .dot
      || index + 1 < parsed.tokens.count && parsed.tokens[index + 1].kind == .colon
    if isField { return .name }
    if Vocabulary.constants.contains(word) { return .constant }
    if Vocabulary.typeNames.contains(word) { return .type }
    return Vocabulary.words.contains(word) ? .keyword : .name
  }

  private func appendComments(from start: UInt32, to end: UInt32, _ found: inout [ClassifiedToken]) {
    guard end > start + 1 else { return }
    let text = source.text
    var index = Int(start)
    while index < Int(end) {
      guard text[index] == UInt8(ascii: "/") else {
        index += 1
        continue
      }
      var upper = index
      while upper < Int(end), text[upper] != UInt8(ascii: "\n"), text[upper] != UInt8(ascii: "\r") { upper += 1 }
      let isDocumentation = upper - index >= 3 && text[index + 2] == UInt8(ascii: "/")
      found.append(
        ClassifiedToken(
          range: SourceRange(UInt32(index), UInt32(upper)), class: isDocumentation ? .documentation : .comment))
      index = upper
    }
  }
}
