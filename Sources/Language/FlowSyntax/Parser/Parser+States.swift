import CEL
import FlowSource

extension Parser {
  /// A state of any kind; nil when none is at the cursor.
  mutating func state() -> StateNode? {
    let documentation = documentation()
    let start = token.range
    let isInitial = at("initial")
    if isInitial { advance() }
    guard let kind = stateKind() else {
      if isInitial { reportExpected("expected `state` or `parallel` after `initial`") }
      return nil
    }
    advance()
    if kind == .parallel { _ = accept("state") }
    var node = StateNode(
      kind: kind, isInitial: isInitial, name: name("the name of the state"), documentation: documentation, range: start)
    if at(.leftParen) { node.fields = parameters() }
    if accept("returns") {
      node.result = expression()
    } else if at(.leftBrace) {
      body(of: &node)
    } else if kind != .final, kind != .failed {
      reportExpected("expected `{`")
    }
    node.range = range(from: start)
    return node
  }

  func stateKind() -> StateNode.Kind? {
    switch word {
    case "state": .plain
    case "parallel": .parallel
    case "region": .region
    case "final": .final
    case "failed": .failed
    default: nil
    }
  }

  private mutating func body(of node: inout StateNode) {
    guard depth < Parser.maximumDepth else {
      reportExpected("states nest deeper than \(Parser.maximumDepth) levels")
      skipToMember()
      return
    }
    depth += 1
    members(of: "a state") { parser in parser.stateMember(into: &node) }
    depth -= 1
  }

  private mutating func stateMember(into node: inout StateNode) -> Bool {
    switch word {
    case "entry":
      advance()
      node.entry += statements()
    case "exit":
      advance()
      node.exit += statements()
    case "call": node.calls.append(call())
    case "steps": node.steps.append(steps())
    case "rollback":
      node.rollback = token.range
      advance()
    case "ongoing":
      node.ongoing = token.range
      advance()
    case "returns":
      advance()
      node.result = expression()
    case "ignore":
      advance()
      node.ignored += names("the name of an event")
    case "defer":
      advance()
      node.deferred += names("the name of an event")
    default:
      if let reaction = reaction() {
        node.reactions.append(reaction)
      } else if let child = state() {
        node.children.append(child)
      } else {
        return false
      }
    }
    return true
  }

  // MARK: - Calls

  private mutating func call() -> CallNode {
    let start = token.range
    advance()
    let action = path("the name of an action or a flow")
    var node = CallNode(action: action, arguments: arguments(), range: start)
    if accept("as") { node.name = name("a name for the call") }
    if accept("for") { node.loop = loop() }
    if accept("limit") { node.limit = expression() }
    rejectActionLimit(of: node)
    modifiers(of: &node, isStep: false)
    node.range = range(from: start)
    return node
  }

  /// F101: `limit 4 at once` and `limit 4 per 1s` limit an action.
  private mutating func rejectActionLimit(of node: CallNode) {
    guard node.limit != nil, at("at") && text(peek()) == "once" || at("per") else { return }
    let range = token.range
    let isPeriod = at("per")
    advance()
    advance()
    diagnostics.append(
      Diagnostic(
        "F101", "a limit \(isPeriod ? "per period" : "`at once`") belongs to the action", at: range,
        label: "not part of a call",
        help: "write it in `action \(node.action.text)(…) { … }`; `limit` of a call bounds the items of its `for`"))
  }

  /// `retry`, `timeout`, `once`, `priority` and `undo`, in any order.
  private mutating func modifiers(of node: inout CallNode, isStep: Bool) {
    while true {
      let start = token.range
      if accept("once") {
        node.once = expression()
      } else if at("priority"), !isStep || peek().kind != .colon {
        // The next step may have this name.
        advance()
        node.priority = expression()
      } else if accept("undo") {
        let action = path("the name of an action")
        node.undo = UndoNode(action: action, arguments: arguments(), range: range(from: start))
      } else if at("retry") || at("timeout"), let policy = policy() {
        node.policies.append(policy)
      } else {
        break
      }
    }
  }

  /// `{ name: action(args) after … for … when … }`
  private mutating func steps() -> StepsNode {
    let start = token.range
    advance()
    var steps: [CallNode] = []
    members(of: "steps") { parser in
      guard parser.at(.identifier) else { return false }
      steps.append(parser.step())
      return true
    }
    return StepsNode(steps: steps, range: range(from: start))
  }

  private mutating func step() -> CallNode {
    let start = token.range
    let name = name("the name of a step")
    expect(.colon, "`:` and an action")
    let action = path("the name of an action or a flow")
    var node = CallNode(action: action, arguments: arguments(), name: name, range: start)
    if accept("after") { node.after = names("the name of a step") }
    if accept("for") { node.loop = loop() }
    if accept("limit") { node.limit = expression() }
    if accept("when") { node.condition = expression() }
    modifiers(of: &node, isStep: true)
    node.range = range(from: start)
    return node
  }
}
