import CEL
public import FlowSource

/// The states of a flow as text, so that not all trees of a program have to be in memory at the same time.
public struct UnparsedStates: Sendable {
  /// Runs of states, each from the end of the token before it.
  private(set) var ranges: [SourceRange] = []
  /// The names of the `failed` states of a flow with parameters.
  public fileprivate(set) var failures: [String] = []
  /// The names that imports assign to files.
  let aliases: Set<String>

  init(aliases: Set<String>) { self.aliases = aliases }

  fileprivate mutating func append(_ range: SourceRange) {
    if let last = ranges.last, last.upper == range.lower {
      ranges[ranges.count - 1] = last.union(range)
    } else {
      ranges.append(range)
    }
  }
}

/// Parses a `.flow` file without the states of its flows. A file with an error is parsed completely.
/// - Complexity: O(n) in the length of the text.
public func parseOutline(_ source: SourceFile) -> ParsedFile {
  let tokens = tokenize(source.text, base: source.base)
  var parser = Parser(source, TokenStream(tokens))
  parser.isOutline = true
  let declarations = parser.parseFile()
  guard parser.isFreeOfFindings, !tokens.contains(where: { $0.kind == .unknown }), encodingProblem(source).isEmpty
  else { return parse(source) }
  return ParsedFile(
    source: source, tokens: tokens, declarations: declarations, qualified: parser.qualified, diagnostics: [],
    broken: BrokenParts())
}

extension FlowNode {
  /// The flow with its states, and the names in them that are qualified with the alias of an import; nil if their text
  /// contains an error.
  /// - Complexity: O(n) in the length of the text of the states.
  public func parsingStates(in source: SourceFile) -> (node: FlowNode, qualified: [QualifiedName])? {
    guard let unparsedStates else { return (self, []) }
    var node = self
    var qualified: [QualifiedName] = []
    node.unparsedStates = nil
    for range in unparsedStates.ranges {
      var parser = Parser(source, TokenStream(tokenize(source.text, base: source.base, part: range)))
      parser.firstGap = range.lower
      parser.aliases = unparsedStates.aliases
      while let state = parser.state() { node.states.append(state) }
      guard parser.isAtEnd, parser.isFreeOfFindings else { return nil }
      qualified += parser.qualified
    }
    return (node, qualified)
  }
}

extension ParsedFile {
  /// The number of flows with states that are not parsed.
  public var outlineCount: Int {
    declarations.count { if case .flow(let node) = $0 { node.unparsedStates != nil } else { false } }
  }
}

extension Parser {
  /// True if neither an error nor another finding was reported.
  fileprivate var isFreeOfFindings: Bool { !hasSyntaxErrors && diagnostics.isEmpty }

  /// Adds the text of the state at the cursor to an outline. The state is parsed only if its brackets don't show where
  /// it ends, or if it may contain a failure of a flow that is called.
  /// - Returns: False if there is no state.
  mutating func outlineOfState(into node: inout FlowNode) -> Bool {
    let first = position
    if at("initial") { advance() }
    if let end = endOfState(), node.parameters == nil || !mayFail(first..<end) {
      position = end
    } else {
      position = first
      let count = qualified.count
      guard let state = state() else { return false }
      qualified.removeLast(qualified.count - count)
      if node.parameters != nil { node.unparsedStates?.failures += state.failures }
    }
    node.unparsedStates?.append(SourceRange(tokens[first - 1].range.upper, tokens[position - 1].range.upper))
    return true
  }

  /// The position after the state at the cursor; nil if it is uncertain, or no state is there.
  private mutating func endOfState() -> Int? {
    guard let kind = stateKind() else { return nil }
    advance()
    if kind == .parallel { _ = accept("state") }
    guard at(.identifier), !Parser.stopWords.contains(word) else { return nil }
    advance()
    if at(.leftParen), !skipBrackets() { return nil }
    if at(.leftBrace) { return skipBrackets() ? position : nil }
    return (kind == .final || kind == .failed) && !at("returns") ? position : nil
  }

  /// Skips from an opening bracket to the one that closes it.
  /// - Returns: False, and nothing is skipped, if none does.
  private mutating func skipBrackets() -> Bool {
    guard let end = tokens.end(ofBracketAt: position) else { return false }
    position = end
    return true
  }

  /// True if some tokens contain the word `failed` before a name.
  private func mayFail(_ range: Range<Int>) -> Bool {
    range.dropLast().contains {
      tokens[$0].kind == .identifier && tokens[$0].range.count == 6 && tokens[$0 + 1].kind == .identifier
        && text(tokens[$0]) == "failed"
    }
  }
}

extension StateNode {
  /// The names of the `failed` states that it is or contains.
  public var failures: [String] { (kind == .failed ? [name.text] : []) + children.flatMap(\.failures) }
}
