import CEL
import FlowSource

extension Parser {
  /// `TRIGGER rest`; nil when no trigger is at the cursor.
  mutating func reaction() -> ReactionNode? {
    let start = token.range
    guard let kind = trigger() else { return nil }
    let trigger = TriggerNode(kind: kind, range: range(from: start))
    let rest = reactionRest()
    return ReactionNode(trigger: trigger, rest: rest, range: range(from: start))
  }

  private mutating func trigger() -> TriggerNode.Kind? {
    switch word {
    case "on":
      advance()
      var events = [path("the name of an event")]
      while take(.comma) { events.append(path("the name of an event")) }
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
    let range = token.range
    let schedule = string("a schedule in quotes, such as \"0 9 * * MON\"")
    return CronNode(schedule: schedule, scheduleRange: range, zone: take("tz") ? expression() : nil)
  }

  /// `[by ROLES] [when GUARD] [-> TARGET [reenter]] [do ACTS]`
  mutating func reactionRest() -> TransitionTailNode {
    var rest = TransitionTailNode()
    if take("by") { rest.roles = names("the name of a role") }
    if take("when") { rest.guardExpression = expression() }
    if take(.arrow) {
      rest.target = path("the state to go to")
      rest.isReenter = take("reenter")
    }
    if take("do") { rest.acts = acts() }
    return rest
  }

  // MARK: - Acts

  /// One act, or several in braces.
  mutating func acts() -> [ActionStatementNode] {
    guard at(.leftBrace) else { return act().map { [$0] } ?? [] }
    var acts: [ActionStatementNode] = []
    members(of: "a list of actions") { parser in
      guard parser.at(.identifier), let act = parser.act() else { return false }
      acts.append(act)
      return true
    }
    return acts
  }

  private mutating func act() -> ActionStatementNode? {
    let start = token.range
    guard at(.identifier) else {
      reportExpected("expected an assignment, an action, `emit`, `raise` or `log`")
      return nil
    }
    let kind = actKind()
    let loop: LoopNode? = take("for") ? self.loop() : nil
    let condition = take("when") ? expression() : nil
    return ActionStatementNode(kind: kind, loop: loop, condition: condition, range: range(from: start))
  }

  private mutating func actKind() -> ActionStatementNode.Kind {
    if take("emit") { return .emit(expression()) }
    if take("raise") { return .raise(expression()) }
    if take("log") { return .log(expression()) }
    let path = path("a data field or an action")
    if at(.leftParen) { return .perform(path, arguments()) }
    let place = place(path)
    expect(.assign, "`=` to assign, or `(` to call an action")
    return .assign(place, expression())
  }

  /// A field with the selections of a part of it: `items[0].qty`.
  private mutating func place(_ path: PathNode) -> TargetNode {
    var steps = path.names.dropFirst().map { TargetNode.Step.field($0) }
    while true {
      if take(.leftBracket) {
        steps.append(.index(expression()))
        expect(.rightBracket, "`]`")
      } else if at(.dot) {
        advance()
        steps.append(.field(name("the name of a field")))
      } else {
        break
      }
    }
    return TargetNode(field: path.names[0], steps: steps, range: range(from: path.range))
  }

  /// The rest of `for x in list`.
  mutating func loop() -> LoopNode {
    let variable = name("a name for each item")
    if !take("in") { reportExpected("expected `in` and a list") }
    return LoopNode(variable: variable, list: expression())
  }
}
