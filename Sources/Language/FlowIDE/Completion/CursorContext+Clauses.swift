import CEL

// The clause that the cursor is in.
extension CursorContext {
  /// The words that begin a clause of a flow, a state or a test.
  private static let clauses: Set<String> = [
    "on", "after", "every", "at", "cron", "always", "by", "when", "do", "entry", "exit", "call", "as", "once", "undo",
    "priority", "retry", "timeout", "ignore", "defer", "let", "invariant", "key", "version", "start", "returns", "for",
    "in", "limit", "emit", "raise", "log", "tz", "never", "leads", "to", "read", "send", "expect", "mock", "complete",
    "fail",
    "advance", "with", "from", "only", "fails", "const", "fn", "action", "flow", "and", "import", "signed", "sql",
    "take", "overlap", "catchup",
    "redis", "publish", "exec", "http", "of", "then",
    "emitted", "called", "refused", "state", "secret", "backoff", "again",
  ]

  /// The last word before the cursor that begins a clause in the innermost block, with its index; `->` counts as one.
  var clause: (word: String, index: Int)? {
    var at = last
    let open = block?.open ?? -1
    var depth = 0
    while at > open {
      switch kind(at) {
      case .rightParen, .rightBracket, .rightBrace: depth += 1
      case .leftParen, .leftBracket, .leftBrace: depth -= 1
      case .arrow where depth == 0: return ("->", at)
      case .identifier where depth == 0:
        if CursorContext.clauses.contains(text(at)), kind(at - 1) != .dot { return (text(at), at) }
      default: break
      }
      at -= 1
    }
    return nil
  }

  /// The triggers of the reaction around the cursor, as written after `on`; empty outside of one.
  var triggers: [String] {
    let base = blocks.lastIndex { [.state, .flow].contains($0.kind) }
    guard let base else { return [] }
    var at = base + 1 < blocks.count ? blocks[base + 1].open : last
    var depth = 0
    while at > blocks[base].open {
      switch kind(at) {
      case .rightParen, .rightBracket, .rightBrace: depth += 1
      case .leftParen, .leftBracket, .leftBrace: depth = max(depth - 1, 0)
      case .identifier where depth == 0 && kind(at - 1) != .dot:
        switch text(at) {
        case "on": return paths(from: at + 1)
        case "after", "every", "at", "cron", "always", "entry", "exit", "call", "let", "invariant", "state", "ignore",
          "defer", "returns", "data", "steps":
          return []
        default: break
        }
      default: break
      }
      at -= 1
    }
    return []
  }

  /// The flow of the instance that the expectation before the cursor names: `expect Item["a"] state `.
  func expectedFlow(among flows: [String]) -> String? {
    guard block?.kind == .test, var at = (0...last).last(where: { word($0) == "expect" }).map({ $0 + 1 }) else {
      return nil
    }
    let name = word(at)
    guard flows.contains(name) else { return nil }
    at += 1
    if kind(at) == .leftBracket {
      while at <= last, kind(at) != .rightBracket { at += 1 }
      guard at <= last else { return nil }
      at += 1
    }
    return at > last || ["state", "data", "not", "called", "emitted"].contains(word(at)) ? name : nil
  }

  /// True in a `start` of the flow.
  var isInStart: Bool {
    guard let clause, clause.word == "on" else { return false }
    return word(clause.index - 1) == "start"
  }

  /// The names after `on`, separated by commas.
  private func paths(from index: Int) -> [String] {
    var found: [String] = []
    var at = index
    while kind(at) == .identifier {
      var end = at
      while kind(end + 1) == .dot, kind(end + 2) == .identifier { end += 2 }
      found.append(path(endingAt: end))
      guard kind(end + 1) == .comma else { break }
      at = end + 2
    }
    return found
  }

  /// True if an operand is complete before the cursor, so that an operator or a clause follows.
  var isAfterOperand: Bool {
    switch kind(last) {
    case .int, .uint, .double, .string, .bytes, .rightParen, .rightBracket, .rightBrace, .quotedIdentifier: true
    case .identifier:
      !CursorContext.clauses.contains(text(last))
        && !["data", "not", "initial", "internal", "per"].contains(text(last))
    default: false
    }
  }
}
