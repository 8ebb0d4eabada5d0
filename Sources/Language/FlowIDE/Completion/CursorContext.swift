import CEL
import FlowSource
import FlowSyntax

/// The blocks around the cursor and the words before it, from the tokens alone: it holds for text that can't be parsed.
struct CursorContext {
  enum BlockKind: Hashable {
    case table
    case flow, state, data, type, enumeration, event, action, test, statements, steps, settings, webhook, migration
    case record, map, arguments, brackets
  }

  struct Block {
    var kind: BlockKind
    /// The name of what the block declares, builds or calls; empty for others.
    var name: String
    /// The index of the opening token.
    var open: Int
  }

  let unit: SourceUnit
  /// The part of a word before the cursor, and the rest of it.
  let word: SourceRange
  /// The tokens before the word.
  let tokens: ArraySlice<Token>
  /// The open blocks, outermost first.
  private(set) var blocks: [Block] = []

  init(_ unit: SourceUnit, at offset: UInt32) {
    self.unit = unit
    let token = unit.word(at: offset)
    word = token?.range ?? SourceRange(offset, offset)
    let end = unit.tokens.prefix { $0.range.upper <= (token?.range.lower ?? offset) }.count
    tokens = unit.parsed.tokens[..<end]
    for index in tokens.indices { read(index) }
  }

  func text(_ index: Int) -> String { tokens.indices.contains(index) ? unit.text(tokens[index].range) : "" }

  func kind(_ index: Int) -> TokenKind? { tokens.indices.contains(index) ? tokens[index].kind : nil }

  /// The word at an index; empty for any other token.
  func word(_ index: Int) -> String { kind(index) == .identifier ? text(index) : "" }

  var last: Int { tokens.count - 1 }

  var block: Block? { blocks.last }

  /// The name of the innermost block of a kind.
  func name(of kind: BlockKind) -> String? { blocks.last { $0.kind == kind }?.name }

  /// The names of the states around the cursor, outermost first.
  var states: [String] { blocks.filter { $0.kind == .state }.map(\.name) }

  private mutating func read(_ index: Int) {
    switch tokens[index].kind {
    case .leftBrace: blocks.append(braces(index))
    case .leftParen: blocks.append(Block(kind: .arguments, name: path(endingAt: index - 1), open: index))
    case .leftBracket: blocks.append(Block(kind: .brackets, name: "", open: index))
    case .rightBrace: close([.arguments, .brackets], isBrace: true)
    case .rightParen: if block?.kind == .arguments { blocks.removeLast() }
    case .rightBracket: if block?.kind == .brackets { blocks.removeLast() }
    case .identifier: if beginsDeclaration(index) { blocks = [] }
    default: break
    }
  }

  private mutating func close(_ inner: Set<BlockKind>, isBrace: Bool) {
    while let kind = block?.kind, inner.contains(kind) { blocks.removeLast() }
    _ = blocks.popLast()
  }

  /// A declaration at the beginning of a line closes what was left open before it.
  private func beginsDeclaration(_ index: Int) -> Bool {
    guard !blocks.isEmpty, ["flow", "event", "type", "enum", "action", "test", "role"].contains(text(index)) else {
      return false
    }
    let lower = Int(tokens[index].range.lower)
    return lower == 0 || unit.source.text[lower - 1] == UInt8(ascii: "\n")
  }

  /// Names joined by dots, up to an index.
  func path(endingAt index: Int) -> String {
    guard kind(index) == .identifier else { return "" }
    var first = index
    while kind(first - 1) == .dot, kind(first - 2) == .identifier { first -= 2 }
    return stride(from: first, through: index, by: 2).map { text($0) }.joined(separator: ".")
  }

  /// True for the parentheses of `-> state(…)`.
  func isTarget(_ block: Block) -> Bool {
    guard block.kind == .arguments, !block.name.isEmpty else { return false }
    var at = block.open - 1
    while kind(at) == .identifier || kind(at) == .dot { at -= 1 }
    return kind(at) == .arrow
  }

  // MARK: - Blocks in braces

  private static let heads: [String: BlockKind] = [
    "flow": .flow, "state": .state, "region": .state, "parallel": .state, "final": .state, "failed": .state,
    "type": .type, "enum": .enumeration, "event": .event, "action": .action, "test": .test, "data": .data,
    "do": .statements, "entry": .statements, "exit": .statements, "steps": .steps, "webhook": .webhook,
    "http": .settings, "email": .settings, "publish": .settings, "redis": .settings, "sql": .settings,
    "exec": .settings, "worker": .settings, "log": .settings, "migrate": .migration,
  ]

  private func braces(_ index: Int) -> Block {
    let before = word(index - 1)
    if let name = tableName(index) { return Block(kind: .table, name: name, open: index) }
    if let kind = CursorContext.heads[before] { return Block(kind: kind, name: "", open: index) }
    if !before.isEmpty, let kind = CursorContext.heads[word(index - 2)], kind != .settings, kind != .statements {
      return Block(kind: kind, name: before, open: index)
    }
    if kind(index - 1) == .rightBrace, word(index - 2) != "" || block == nil, let head = head(of: index) { return head }
    let isInExpression = block.map { ![.action].contains($0.kind) } ?? false
    if !before.isEmpty, isInExpression || ["const", "fn"].contains(declaration(before: index)) {
      return Block(kind: .record, name: path(endingAt: index - 1), open: index)
    }
    return head(of: index) ?? Block(kind: .map, name: "", open: index)
  }

  /// The name of the function whose head ends before a brace; nil for other braces.
  private func tableName(_ index: Int) -> String? {
    guard blocks.isEmpty, declaration(before: index) == "fn" else { return nil }
    var at = index - 1
    var depth = 0
    while at >= 0, word(at) != "fn" || depth > 0 {
      switch kind(at) {
      case .rightParen: depth += 1
      case .leftParen: depth -= 1
      case .assign where depth == 0: return nil
      default: break
      }
      at -= 1
    }
    return word(at + 1)
  }

  /// The word that begins the declaration at the level of the file.
  private func declaration(before index: Int) -> String {
    guard blocks.isEmpty else { return "" }
    var at = index - 1
    while at >= 0, kind(at) != .rightBrace {
      if ["const", "fn", "flow", "action", "event", "test", "type", "enum"].contains(word(at)) { return word(at) }
      at -= 1
    }
    return ""
  }

  /// The block of the nearest word that may begin one, within the current block.
  private func head(of index: Int) -> Block? {
    var at = index - 1
    var depth = 0
    while at >= 0 {
      switch kind(at) {
      case .rightParen, .rightBracket, .rightBrace: depth += 1
      case .leftParen, .leftBracket, .leftBrace:
        depth -= 1
        if depth < 0 { return nil }
      case .identifier where depth == 0:
        if let kind = CursorContext.heads[word(at)], ![.data, .statements].contains(kind) {
          return Block(kind: kind, name: path(startingAt: at + 1), open: index)
        }
      case .colon, .assign, .comma: if depth == 0, block?.kind != nil, block?.kind != .action { return nil }
      default: break
      }
      at -= 1
    }
    return nil
  }

  private func path(startingAt index: Int) -> String {
    guard kind(index) == .identifier else { return "" }
    var end = index
    while kind(end + 1) == .dot, kind(end + 2) == .identifier { end += 2 }
    return path(endingAt: end)
  }
}
