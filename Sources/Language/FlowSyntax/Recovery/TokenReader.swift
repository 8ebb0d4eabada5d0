import CEL
import FlowSource

/// Accesses the tokens of a stream by index, with their text and their position on the line.
struct TokenReader {
  let source: SourceFile
  let stream: TokenStream

  init(_ source: SourceFile, _ stream: TokenStream) {
    self.source = source
    self.stream = stream
  }

  var count: Int { stream.tokens.count }

  func kind(_ index: Int) -> TokenKind {
    stream.tokens.indices.contains(index) ? stream.tokens[index].kind : .endOfFile
  }

  func range(_ index: Int) -> SourceRange { stream.tokens[min(max(index, 0), count - 1)].range }

  func range(_ first: Int, _ last: Int) -> SourceRange { range(first).union(range(last)) }

  func text(_ index: Int) -> String {
    guard stream.tokens.indices.contains(index) else { return "" }
    return stream.words[index] ?? source.string(stream.tokens[index].range)
  }

  /// The text of an identifier; empty for any other token.
  func word(_ index: Int) -> String { kind(index) == .identifier ? text(index) : "" }

  func text(_ first: Int, _ last: Int) -> String { first <= last ? source.string(range(first, last)) : "" }

  /// Returns whether two neighbours have nothing between them.
  func touches(_ index: Int) -> Bool { range(index).upper == range(index + 1).lower }

  func isFirstOnLine(_ index: Int) -> Bool {
    guard index > 0 else { return true }
    let gap = SourceRange(range(index - 1).upper, max(range(index).lower, range(index - 1).upper))
    return source.slice(gap).contains(0x0A)
  }

  /// The number of bytes before the line's first token.
  func indentation(_ index: Int) -> Int {
    var start = Int(range(index).lower - source.base)
    while start > 0, source.text[start - 1] != 0x0A { start -= 1 }
    var width = 0
    while start + width < source.text.count, source.text[start + width] == 0x20 || source.text[start + width] == 0x09 {
      width += 1
    }
    return width
  }

  func line(_ index: Int) -> Int { source.position(of: range(index).lower).line }

  /// The index of the first token on the line of a token.
  func lineStart(_ index: Int) -> Int {
    var first = index
    while first > 0, !isFirstOnLine(first) { first -= 1 }
    return first
  }

  /// The index of the last token on the line of a token.
  func lineEnd(_ index: Int) -> Int {
    var last = index
    while last + 1 < count - 1, !isFirstOnLine(last + 1) { last += 1 }
    return last
  }

  /// The last top-level declaration that starts before a token: a declaration keyword at the start of a line.
  func declarationStart(before index: Int) -> Int {
    var found = min(index, count - 1)
    while found > 0 {
      if Parser.declarationWords.contains(word(found)), isFirstOnLine(found), indentation(found) == 0 { return found }
      found -= 1
    }
    return 0
  }

  /// The part of a declaration that decides how the tokens at `index` are parsed: its head, and the members from the
  /// last one that begins a line of its own before `index`.
  func window(before index: Int) -> Window {
    let start = declarationStart(before: index)
    let whole = Window(head: start..<start, start: start)
    guard var open = (start..<min(start + 40, count)).first(where: { kind($0) == .leftBrace }), isFirstOnLine(open + 1)
    else { return whole }
    open += 1
    let depth = indentation(open)
    var position = min(index - 3, count - 1)
    while position > open {
      if kind(position) == .identifier, isFirstOnLine(position), indentation(position) == depth {
        return Window(head: start..<open, start: position)
      }
      position -= 1
    }
    return whole
  }
}
