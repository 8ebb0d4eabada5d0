import CEL
import FlowSource

extension Parser {
  mutating func flow(_ start: SourceRange, _ documentation: String) -> FlowNode {
    advance()
    var node = FlowNode(name: name("the name of the flow"), documentation: documentation, range: start)
    if at(.leftParen) { node.parameters = parameters() }
    if accept(.arrow) { node.result = typeReference() }
    if isOutline { node.unparsedStates = UnparsedStates(aliases: aliases) }
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
      key(of: &node)
    case "data":
      advance()
      node.data += fields(in: "the data")
    case "let":
      let documentation = documentation()
      advance()
      node.lets.append(definition(from: start, name: "a name", documentation))
    case "event": node.events.append(event(start, documentation()))
    case "internal" where isBefore("event"):
      diagnostics.append(
        Diagnostic(
          "F101", "an event of a flow is internal without the word", at: start, label: "not needed here",
          fixes: [Fix("remove `internal`", .safe, [.init(SourceRange(start.lower, peek().range.lower), "")])]))
      node.events.append(event(start, documentation()))
    case "read" where isBefore("by") || isBefore("when"): node.readRules.append(readRule(start))
    case "invariant":
      advance()
      node.invariants.append(expression())
    case "never": node.properties.append(never(start))
    case "ongoing":
      advance()
      node.ongoing = start
    case "migrate": node.migrations.append(migration(start))
    case "start": node.starts.append(startReaction(start))
    default: return property(into: &node) || reactionOrState(into: &node)
    }
    return true
  }

  private mutating func reactionOrState(into node: inout FlowNode) -> Bool {
    if let reaction = reaction() {
      node.reactions.append(reaction)
    } else if node.unparsedStates != nil {
      return outlineOfState(into: &node)
    } else if let state = state() {
      node.states.append(state)
    } else {
      return false
    }
    return true
  }

  // MARK: - Starts

  private mutating func startReaction(_ start: SourceRange) -> StartNode {
    advance()
    let trigger = startTrigger()
    var policies: [SchedulePolicyNode] = []
    if case .called = trigger {} else { while let policy = schedulePolicy() { policies.append(policy) } }
    return StartNode(trigger: trigger, policies: policies, rest: reactionRest(), range: range(from: start))
  }

  /// `overlap skip` or `catchup none`
  mutating func schedulePolicy() -> SchedulePolicyNode? {
    let start = token.range
    // A state may have the name: `overlap leads to done`.
    guard let kind = SchedulePolicyNode.Kind(rawValue: word), text(peek()) != "leads" else { return nil }
    advance()
    let value = name(kind == .overlap ? "`skip`, `queue`, `replace` or `allow`" : "`none`, `one` or `all`")
    return SchedulePolicyNode(kind: kind, value: value, range: range(from: start))
  }

  private mutating func startTrigger() -> StartNode.Trigger {
    switch word {
    case "on":
      advance()
      let events = names("the name of an event")
      return .on(events, isAgain: accept("again"))
    case "every":
      advance()
      return .every(delay("a duration"))
    case "cron":
      advance()
      return .cron(cron())
    default:
      if !at(.arrow), !at("when") { reportExpected("expected `on` and an event, `every`, `cron`, or `->` and a state") }
      return .called
    }
  }

  // MARK: - Properties

  private mutating func never(_ start: SourceRange) -> PropertyNode {
    advance()
    var states = [path("the name of a state")]
    while accept("and") { states.append(path("the name of a state")) }
    return PropertyNode(kind: .never(states), range: range(from: start))
  }

  /// `a.b leads to c`. The only member that starts with a user-defined name, so the parser has to inspect it first.
  private mutating func property(into node: inout FlowNode) -> Bool {
    let start = token.range
    guard at(.identifier) else { return false }
    var distance = 1
    while peek(distance).kind == .dot, peek(distance + 1).kind == .identifier { distance += 2 }
    guard peek(distance).kind == .identifier, text(peek(distance)) == "leads" else { return false }
    let from = path("the name of a state")
    advance()
    if !accept("to") { reportExpected("expected `to` and a state") }
    node.properties.append(
      PropertyNode(kind: .leadsTo(from, path("the name of a state")), range: range(from: start)))
    return true
  }

  /// `read by ROLES when CONDITION`
  private mutating func readRule(_ start: SourceRange) -> ReadRuleNode {
    advance()
    let roles = accept("by") ? names("the name of a role") : []
    let condition = accept("when") ? expression() : nil
    return ReadRuleNode(roles: roles, condition: condition, range: range(from: start))
  }

  // MARK: - Migrations

  private mutating func migration(_ start: SourceRange) -> MigrationNode {
    advance()
    if !accept("from") { reportExpected("expected `from` and the number of a version") }
    var node = MigrationNode(from: integer("the number of a version") ?? 0, range: start)
    members(of: "a migration") { parser in
      if parser.accept("state") {
        let from = parser.path("the name of a state of the old version")
        parser.expect(.arrow, "`->` and the name of a state")
        node.states.append((from, parser.path("the name of a state")))
        if parser.at(.leftParen) { parser.refuseArguments(ofMoved: node.states.last?.to) }
      } else if parser.accept("data") {
        let field = parser.path("the name of a data field")
        parser.expect(.assign, "`=`")
        node.data.append((field, parser.expression()))
      } else {
        return false
      }
      return true
    }
    node.range = range(from: start)
    return node
  }

  /// F101: a migration assigns the fields of a state like data fields.
  private mutating func refuseArguments(ofMoved target: PathNode?) {
    let start = token.range
    let arguments = arguments()
    let field = "\(target?.text ?? "state").\(arguments.first?.name.text ?? "field")"
    diagnostics.append(
      Diagnostic(
        "F101", "a migration assigns the fields of a state with `data`", at: range(from: start),
        label: "no arguments here", help: "write `data \(field) = …`"))
  }
}
