import CEL
import FlowSource

extension Parser {
  mutating func flow(_ start: SourceRange, _ documentation: String) -> FlowNode {
    advance()
    var node = FlowNode(name: name("the name of the flow"), documentation: documentation, range: start)
    members(of: "a flow") { parser in parser.flowMember(into: &node) }
    node.range = range(from: start)
    return node
  }

  private mutating func flowMember(into node: inout FlowNode) -> Bool {
    let start = token.range
    switch word {
    case "version":
      advance()
      node.version = integer("the number of the version")
    case "key":
      advance()
      node.key = name("the data field that names an instance")
    case "data":
      advance()
      node.data += fields(in: "the data")
    case "let":
      advance()
      node.lets.append(definition(start, "a name"))
    case "invariant":
      advance()
      node.invariants.append(expression())
    case "start": node.starts.append(startReaction(start))
    default:
      if let reaction = reaction() {
        node.reactions.append(reaction)
      } else if let state = state() {
        node.states.append(state)
      } else {
        return false
      }
    }
    return true
  }

  private mutating func startReaction(_ start: SourceRange) -> StartNode {
    advance()
    var events: [NameNode] = []
    if take("on") {
      events = names("the name of an event")
    } else {
      complain("expected `on` and an event")
    }
    let isAgain = take("again")
    return StartNode(events: events, isAgain: isAgain, rest: reactionRest(), range: range(from: start))
  }
}
