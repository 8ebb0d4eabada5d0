import CEL
import FlowSource

extension Parser {
  mutating func test(_ start: SourceRange) -> TestNode {
    advance()
    let name = string("the name of the test in quotes")
    let flow = take("with") ? self.name("the name of a flow") : nil
    var statements: [TestStatement] = []
    members(of: "a test") { parser in
      guard let statement = parser.testStatement() else { return false }
      statements.append(statement)
      return true
    }
    return TestNode(name: name, flow: flow, statements: statements, range: range(from: start))
  }

  private mutating func testStatement() -> TestStatement? {
    let start = token.range
    guard let kind = testStatementKind() else { return nil }
    return TestStatement(kind: kind, range: range(from: start))
  }

  private mutating func testStatementKind() -> TestStatement.Kind? {
    switch word {
    case "start":
      advance()
      let flow = name("the name of a flow")
      return .start(flow, at(.leftParen) ? arguments() : [])
    case "send":
      advance()
      let event = expression()
      let roles = take("by") ? names("the name of a role") : []
      let sender = take("from") ? name("the name of a flow") : nil
      return .send(event, roles: roles, sender: sender, caller: take("as") ? expression() : nil)
    case "mock":
      advance()
      return .mock(path("the name of an action"), outcome())
    case "expect":
      advance()
      return expectation()
    case "complete":
      advance()
      return .complete(path("the name of a call or an action"), take("with") ? expression() : nil)
    case "fail":
      advance()
      return .fail(path("the name of a call or an action"), code: failureCode())
    case "advance":
      advance()
      return .advance(delay("how long to wait"))
    case "at":
      advance()
      return .at(expression())
    default: return nil
    }
  }

  /// `returns VALUE` or `fails CODE`.
  private mutating func outcome() -> TestStatement.Outcome {
    if take("fails") { return .fails(failureCode()) }
    if !take("returns") { reportExpected("expected `returns` and a value, or `fails` and an error code") }
    return .returns(expression())
  }

  /// A code, in quotes or as a name.
  private mutating func failureCode() -> NameNode {
    let range = token.range
    return at(.string) ? NameNode(text: string("an error code"), range: range) : name("an error code")
  }

  /// `2 times`; nil without a number.
  private mutating func repetitions() -> Int? {
    guard at(.int) else { return nil }
    let count = integer("a number")
    if !take("times") { reportExpected("expected `times` after the number of calls") }
    return count
  }

  private mutating func expectation() -> TestStatement.Kind? {
    let isNegated = take("not")
    if take("called") {
      let action = path("the name of an action")
      let given = at(.leftParen) ? arguments() : []
      return .expectCalled(action, given, count: repetitions(), isNegated: isNegated)
    }
    if take("emitted") { return .expectEmitted(expression(), isNegated: isNegated) }
    if take("state") {
      var states = [path("the name of a state")]
      while take(.comma) { states.append(path("the name of a state")) }
      return .expectState(states, isNegated: isNegated)
    }
    if take("log") { return .expectLog(expression(), isNegated: isNegated) }
    if take("ended") { return .expectEnded(isNegated: isNegated) }
    if isNegated {
      reportExpected("expected `state`, `called`, `emitted`, `log` or `ended`")
      return .expectRefused
    }
    if take("data") { return .expectData(expression()) }
    if take("ignored") { return .expectIgnored }
    if take("deferred") { return .expectDeferred }
    if take("refused") { return .expectRefused }
    if take("incident") { return .expectIncident }
    return nil
  }
}
