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
      if isInitial { complain("expected `state` or `parallel` after `initial`") }
      return nil
    }
    advance()
    if kind == .parallel { _ = take("state") }
    var node = StateNode(
      kind: kind, isInitial: isInitial, name: name("the name of the state"), documentation: documentation, range: start)
    if at(.leftBrace) {
      body(of: &node)
    } else if kind != .final, kind != .failed {
      complain("expected `{`")
    }
    node.range = range(from: start)
    return node
  }

  private func stateKind() -> StateNode.Kind? {
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
      complain("states nest deeper than \(Parser.maximumDepth) levels")
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
      node.entry += acts()
    case "exit":
      advance()
      node.exit += acts()
    case "call": node.calls.append(call())
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

  private mutating func call() -> CallNode {
    let start = token.range
    advance()
    let action = path("the name of an action")
    var node = CallNode(action: action, arguments: arguments(), name: nil, once: nil, policies: [], range: start)
    if take("as") { node.name = name("a name for the call") }
    while true {
      if take("once") {
        node.once = expression()
      } else if !at(.int), let policy = policy() {
        node.policies.append(policy)
      } else {
        break
      }
    }
    node.range = range(from: start)
    return node
  }
}
