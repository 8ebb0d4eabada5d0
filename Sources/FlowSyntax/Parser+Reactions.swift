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
      return .after(delay("a length of time"))
    case "every":
      advance()
      return .every(delay("a length of time"))
    case "at":
      advance()
      return .at(expression())
    default: return nil
    }
  }

  /// `[by ROLES] [when GUARD] [-> TARGET [reenter]] [do ACTS]`
  mutating func reactionRest() -> ReactionRest {
    var rest = ReactionRest()
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
  mutating func acts() -> [ActNode] {
    guard at(.leftBrace) else { return act().map { [$0] } ?? [] }
    var acts: [ActNode] = []
    members(of: "a list of actions") { parser in
      guard parser.at(.identifier), let act = parser.act() else { return false }
      acts.append(act)
      return true
    }
    return acts
  }

  private mutating func act() -> ActNode? {
    let start = token.range
    guard at(.identifier) else {
      complain("expected an assignment, an action, `emit`, `raise` or `log`")
      return nil
    }
    let kind = actKind()
    let loop: LoopNode? = take("for") ? self.loop() : nil
    let condition = take("when") ? expression() : nil
    return ActNode(kind: kind, loop: loop, condition: condition, range: range(from: start))
  }

  private mutating func actKind() -> ActNode.Kind {
    if take("emit") { return .emit(expression()) }
    if take("raise") { return .raise(expression()) }
    if take("log") { return .log(expression()) }
    let path = path("a data field or an action")
    if at(.leftParen) { return .perform(path, arguments()) }
    var indices: [Expression] = []
    while take(.leftBracket) {
      indices.append(expression())
      expect(.rightBracket, "`]`")
    }
    expect(.assign, "`=` to assign, or `(` to call an action")
    return .assign(path, indices: indices, expression())
  }

  private mutating func loop() -> LoopNode {
    let variable = name("a name for each item")
    if !take("in"), at(.identifier) == false { complain("expected `in`") }
    return LoopNode(variable: variable, list: expression())
  }
}
