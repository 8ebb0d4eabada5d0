import CEL
import FlowChecker
import FlowSource
import FlowSyntax

extension ProgramView {
  /// The proposals at an offset, best first.
  ///
  /// The names that fit the position come first: the states that a reaction may lead to, the events that the state
  /// does not answer yet, the fields that all events of a reaction have.
  public func completion(at offset: UInt32, in path: String) -> CompletionList? {
    guard let unit = unit(path) else { return nil }
    let context = CursorContext(unit, at: offset)
    guard !isInComment(offset, unit) else { return nil }
    var completer = CompletionSource(view: self, context: context)
    let items = completer.items()
    var seen: Set<String> = []
    let unique = items.filter { seen.insert($0.label).inserted }
    let sorted = unique.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
    return CompletionList(range: context.word, items: sorted.map(\.element))
  }

  /// True in a comment, and in a string except that of an import.
  private func isInComment(_ offset: UInt32, _ unit: SourceUnit) -> Bool {
    let index = unit.tokenIndex(endingAfter: offset > 0 ? offset - 1 : 0)
    let token = unit.parsed.tokens[min(index, unit.parsed.tokens.count - 1)]
    if token.range.lower < offset, offset < token.range.upper, [.string, .bytes].contains(token.kind) { return true }
    let start = unit.source.start(ofLine: unit.source.position(of: offset).line)
    let previous = index > 0 ? unit.parsed.tokens[index - 1].range.upper : 0
    let lower = max(Int(previous), start)
    guard lower < Int(offset), token.range.lower >= offset || token.range.upper <= offset else { return false }
    let gap = unit.source.text[lower..<Int(offset)]
    return zip(gap, gap.dropFirst()).contains { $0 == UInt8(ascii: "/") && $1 == UInt8(ascii: "/") }
  }
}

/// One completion.
struct CompletionSource {
  let view: ProgramView
  let context: CursorContext
  let flow: String?
  let chart: Chart?
  /// The state around the cursor; the flow itself outside of states.
  let state: Int

  init(view: ProgramView, context: CursorContext) {
    self.view = view
    self.context = context
    let flow =
      context.name(of: .flow) ?? context.expectedFlow(among: view.names.flows)
      ?? CompletionSource.testedFlow(view, context)
    self.flow = flow
    chart = flow.flatMap { view.names.charts[$0] }
    state = chart?.state(named: context.states.joined(separator: ".")) ?? 0
  }

  /// The flow of the test around the cursor.
  private static func testedFlow(_ view: ProgramView, _ context: CursorContext) -> String? {
    guard let block = context.blocks.first(where: { $0.kind == .test }) else { return nil }
    let open = context.tokens[block.open].range.lower
    for case .test(let node) in context.unit.parsed.declarations where node.range.contains(open) {
      return ProgramView.flow(of: node, view.names)
    }
    return view.names.flows.first
  }

  var names: ProgramNames { view.names }

  mutating func items() -> [CompletionItem] {
    let last = context.last
    let clause = context.clause?.word ?? ""
    let isList = [nil, .flow, .state, .test].contains(context.block?.kind) || clause == "take"
    let isListed = context.kind(last) == .comma && isList
    let word = isListed ? clause : context.word(last)
    if context.kind(last) == .dot { return members() }
    if context.kind(last) == .arrow { return context.block?.kind == .table ? expressionNames() : afterArrow() }
    switch word {
    case "on": return context.isInStart ? startEvents() : triggers()
    case "by": return callers()
    case "take": return takenFields()
    case "ignore", "defer": return events(rank: 0, isFiltered: true)
    case "emit", "raise", "send", "emitted", "then": return payloads()
    case "to" where context.block?.kind == .test, "of" where context.block?.kind == .test: return instances()
    case "call", "undo", "mock", "called", "complete", "fail": return callees(isCall: word == "call" || word == "undo")
    case "with": return flows()
    case "start" where context.block?.kind == .test, "from" where context.block?.kind == .test: return flows()
    case "from" where context.word(last - 2) == "event": return senders()
    case "key": return dataFields().filter { $0.detail == "string" }
    case "state" where context.block?.kind == .test, "never", "and", "to": return states(from: 0)
    case "only", "fails": return failureCodes()
    case "for" where clause == "key" || clause == "for" && context.word(context.last - 2) == "key":
      return ["30d", "90d", "365d"].map { CompletionItem($0, .constant) }
    case "overlap", "catchup":
      if let values = schedulePolicyValues(word) { return values }
    default: break
    }
    if clause == "key", context.word(context.last - 1) == "key", !isAtLineStart {
      return [keyword("for"), CompletionItem("forever", .keyword, documentation: "the key is never free again")]
    }
    return inBlock(word: word)
  }

  /// The proposals that depend on the innermost block.
  private func inBlock(word: String) -> [CompletionItem] {
    let isStart = [.leftBrace, .comma, .leftParen].contains(context.kind(context.last))
    switch context.block?.kind {
    case .record where isStart: return recordFields()
    case .arguments where context.kind(context.last) == .colon && isDeclaring: return types()
    case .arguments where isStart:
      let parameters = arguments()
      return parameters.isEmpty ? expressionNames() : parameters
    case .event where context.clause?.word == "let" && isInExpression:
      return context.isAfterOperand ? followers() : expressionNames()
    case .data, .type, .event:
      return context.kind(context.last) == .colon || context.kind(context.last) == .less ? types() : afterField()
    case .table where isStart || context.isAfterOperand: return ["when", "always"].map { keyword($0) }
    case .table: return expressionNames()
    case .steps where context.kind(context.last) == .colon: return callees(isCall: true)
    case .statements where !isInExpression: return statements()
    case .settings where isStart, .webhook where isStart, .enumeration: return blockKeywords()
    default: break
    }
    if ["do", "entry", "exit"].contains(word) { return statements() }
    if isInExpression { return context.isAfterOperand ? followers() : expressionNames() }
    return context.isAfterOperand && !isAtLineStart ? followers() + blockKeywords() : blockKeywords()
  }

  /// True if the parentheses around the cursor declare parameters.
  private var isDeclaring: Bool {
    guard let block = context.block else { return false }
    var at = block.open - 1
    while context.kind(at) == .identifier || context.kind(at) == .dot {
      if ["fn", "action", "flow", "state", "parallel", "region", "final", "failed"].contains(context.word(at)) {
        return true
      }
      at -= 1
    }
    return false
  }

  /// True if the last token and the cursor are on different lines.
  var isAtLineStart: Bool {
    guard let token = context.tokens.last else { return true }
    return context.unit.source.slice(SourceRange(token.range.upper, context.word.lower)).contains(0x0A)
  }

  /// True where an operand or an operator may stand.
  private var isInExpression: Bool {
    switch context.block?.kind {
    case .record, .map, .brackets, .settings: return true
    case .arguments: return !isDeclaring
    default: break
    }
    switch context.kind(context.last) {
    case .assign, .plus, .minus, .star, .slash, .percent, .bang, .less, .lessEqual, .greater, .greaterEqual,
      .equalEqual, .bangEqual, .andAnd, .orOr, .question:
      return true
    default: break
    }
    guard !isAtLineStart || !context.isAfterOperand else { return false }
    let expressions: Set<String> = [
      "when", "invariant", "once", "priority", "limit", "in", "returns", "log", "after", "every", "at", "tz", "signed",
      "advance",
      "data", "sql", "redis", "exec", "publish", "secret", "as",
    ]
    let word = context.clause?.word ?? ""
    return expressions.contains(word) || context.word(context.last) == "data" && context.block?.kind == .test
  }
}
