import CEL
import FlowSource

/// The tokens of a file as the parser reads them: those of the text, or a repaired copy after a syntax error.
///
/// A repaired copy may hold tokens that the text does not have. They carry the range of the text that they replace, so
/// that every range stays in the file.
struct TokenStream {
  private(set) var tokens: [Token]
  /// The texts of tokens that represent another text than that of their range, by index.
  private(set) var words: [Int: String] = [:]

  init(_ tokens: [Token]) { self.tokens = tokens }

  /// A token to put into a stream.
  struct Item {
    var token: Token
    var word: String?

    init(_ kind: TokenKind, _ range: SourceRange, word: String? = nil) {
      token = Token(kind: kind, range: range)
      self.word = word
    }
  }

  func item(_ index: Int) -> Item {
    Item(tokens[index].kind, tokens[index].range, word: words[index])
  }

  /// The stream with the tokens at `range` replaced.
  func replacing(_ range: Range<Int>, with items: [Item]) -> TokenStream {
    var copy = TokenStream(tokens)
    copy.tokens.replaceSubrange(range, with: items.map(\.token))
    let shift = items.count - range.count
    for (index, word) in words where !range.contains(index) {
      copy.words[index < range.lowerBound ? index : index + shift] = word
    }
    for (offset, item) in items.enumerated() { copy.words[range.lowerBound + offset] = item.word }
    return copy
  }

  /// The tokens of a window up to `end`, closed by the end of the file.
  func slice(_ window: Window, to end: Int) -> TokenStream {
    var part = TokenStream(Array(tokens[window.head]) + tokens[window.start..<max(window.start, end)])
    for (index, word) in words {
      if window.head.contains(index) { part.words[index - window.head.lowerBound] = word }
      if index >= window.start, index < end { part.words[index - window.start + window.head.count] = word }
    }
    if part.tokens.last?.kind != .endOfFile {
      let bound = part.tokens.last?.range.upper ?? 0
      part.tokens.append(Token(kind: .endOfFile, range: SourceRange(bound, bound)))
    }
    return part
  }
}

/// The tokens that are parsed to try an edit: the head of a declaration, and its members from one on.
struct Window {
  var head: Range<Int>
  var start: Int

  /// The index in the stream of a token of the slice.
  func index(_ position: Int) -> Int {
    position < head.count ? head.lowerBound + position : start + position - head.count
  }
}
