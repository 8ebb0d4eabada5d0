import CEL
import FlowSource

extension Parser {
  /// `TRIGGER rest`; nil when no trigger is at the cursor.
  mutating func reaction() -> ReactionNode? {
    let start = token.range
    guard let kind = trigger() else { return nil }
    let trigger = TriggerNode(kind: kind, range: range(from: start))
    while let policy = schedulePolicy() { refuse(policy) }
    let rest = reactionRest()
    return ReactionNode(trigger: trigger, rest: rest, range: range(from: start))
  }

  /// F101: a reaction is a step of one instance, so its runs never overlap.
  private mutating func refuse(_ policy: SchedulePolicyNode) {
    diagnostics.append(
      Diagnostic(
        "F101", "`\(policy.kind.rawValue)` belongs to a scheduled `start`", at: policy.range,
        label: "not in a reaction", help: "the reactions of an instance run one after another; remove it",
        fixes: [Fix("remove it", .safe, [.init(policy.range, "")])]))
  }

  private mutating func trigger() -> TriggerNode.Kind? {
    switch word {
    case "on":
      advance()
      var events = [path("the name of an event")]
      while accept(.comma) { events.append(path("the name of an event")) }
      return .on(events)
    case "always":
      advance()
      return .always
    case "after":
      advance()
      return .after(delay("a duration"))
    case "every":
      advance()
      return .every(delay("a duration"))
    case "at":
      advance()
      return .at(expression())
    case "cron":
      advance()
      return .cron(cron())
    default: return nil
    }
  }

  /// The rest of `cron "0 9 * * MON" tz zone`.
  mutating func cron() -> CronNode {
    guard !at(.arrow), !at(.rightBrace), !at("do"), !at("when"), !isAtEnd else {
      reportExpected("expected a schedule in quotes, such as \"0 9 * * MON\"")
      return CronNode()
    }
    return CronNode(spec: expression(), zone: accept("tz") ? expression() : nil)
  }

  /// `[by ROLES] [when GUARD] [-> TARGET[(ARGUMENTS)] [reenter]] [do ACTS]`
  mutating func reactionRest() -> TransitionTailNode {
    var rest = TransitionTailNode()
    if accept("by") { rest.roles = names("the name of a role") }
    if accept("when") { rest.guardExpression = expression() }
    if accept(.arrow) {
      rest.target = path("the state to go to")
      if at(.leftParen) { rest.arguments = arguments() }
      rest.isReenter = accept("reenter")
    }
    if accept("do") { rest.statements = statements() }
    return rest
  }

  // MARK: - Action statements

  /// One action statement, or several in braces.
  mutating func statements() -> [ActionStatementNode] {
    guard at(.leftBrace) else { return actionStatement().map { [$0] } ?? [] }
    var statements: [ActionStatementNode] = []
    members(of: "a list of actions") { parser in
      guard parser.at(.identifier), let actionStatement = parser.actionStatement() else { return false }
      statements.append(actionStatement)
      return true
    }
    return statements
  }

  private mutating func actionStatement() -> ActionStatementNode? {
    let start = token.range
    guard at(.identifier) else {
      reportExpected("expected an assignment, an action, `emit`, `raise` or `log`")
      return nil
    }
    let kind = actKind()
    let loop: LoopNode? = accept("for") ? self.loop() : nil
    let condition = accept("when") ? expression() : nil
    return ActionStatementNode(kind: kind, loop: loop, condition: condition, range: range(from: start))
  }

  private mutating func actKind() -> ActionStatementNode.Kind {
    if accept("emit") { return .emit(expression(), to: accept("to") ? receivers() : nil) }
    if accept("raise") { return .raise(expression()) }
    if accept("log") { return .log(expression()) }
    // A field or an action may have the name `take`.
    if at("take"), peek().kind == .identifier {
      advance()
      return .take(takenFields())
    }
    let path = path("a data field or an action")
    if at(.leftParen) { return .perform(path, arguments()) }
    let location = location(path)
    expect(.assign, "`=` to assign, or `(` to call an action")
    return .assign(location, expression())
  }

  /// The flow after `to`. F101: the key of one instance after it.
  private mutating func receivers() -> NameNode {
    let flow = name("the name of a flow")
    guard at(.leftBracket) else { return flow }
    let start = token.range
    advance()
    _ = expression()
    _ = accept(.rightBracket)
    diagnostics.append(
      Diagnostic(
        "F101", "`to` names a flow, not one instance", at: range(from: start), label: "no key here",
        help: "an event with a member of the key's name reaches the instance with that key: emit it without `to`"))
    return flow
  }

  /// The names after `take`. F101: `event.` before one of them.
  private mutating func takenFields() -> [NameNode] {
    var found: [NameNode] = []
    repeat {
      let start = token.range
      if at("event"), peek().kind == .dot {
        diagnostics.append(
          Diagnostic(
            "F101", "`take` names data fields, without `event.`", at: start, label: "not needed",
            fixes: [Fix("remove `event.`", .safe, [.init(SourceRange(start.lower, peek().range.upper), "")])]))
        advance()
        advance()
      }
      found.append(name("the name of a data field"))
    } while accept(.comma)
    return found
  }

  /// A field with the selections of a part of it: `items[0].qty`.
  private mutating func location(_ path: PathNode) -> TargetNode {
    var steps = path.names.dropFirst().map { TargetNode.Step.field($0) }
    while true {
      if accept(.leftBracket) {
        steps.append(accept(.question) ? .entry(expression()) : .index(expression()))
        expect(.rightBracket, "`]`")
      } else if at(.dot) {
        advance()
        steps.append(.field(nameAfterDot("the name of a field")))
      } else {
        break
      }
    }
    return TargetNode(field: path.names[0], steps: steps, range: range(from: path.range))
  }

  /// The rest of `for x in list`.
  mutating func loop() -> LoopNode {
    let variable = name("a name for each item")
    if !accept("in") { reportExpected("expected `in` and a list") }
    return LoopNode(variable: variable, list: expression())
  }
}
