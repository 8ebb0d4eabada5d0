import CEL
import FlowSource

extension Parser {
  mutating func test(_ start: SourceRange) -> TestNode {
    advance()
    let name = string("the name of the test in quotes")
    let flow = accept("with") ? self.name("the name of a flow") : nil
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
      let roles = accept("by") ? names("the name of a role") : []
      let sender = accept("from") ? name("the name of a flow") : nil
      return .send(event, roles: roles, sender: sender, caller: accept("as") ? expression() : nil)
    case "mock":
      advance()
      return .mock(path("the name of an action"), outcome())
    case "expect":
      advance()
      return expectation()
    case "complete":
      advance()
      return .complete(path("the name of a call or an action"), accept("with") ? expression() : nil)
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
    if accept("fails") { return .fails(failureCode()) }
    if !accept("returns") { reportExpected("expected `returns` and a value, or `fails` and an error code") }
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
    if !accept("times") { reportExpected("expected `times` after the number of calls") }
    return count
  }

  private mutating func expectation() -> TestStatement.Kind? {
    let isNegated = accept("not")
    if accept("called") {
      let action = path("the name of an action")
      let given = at(.leftParen) ? arguments() : []
      return .expectCalled(action, given, count: repetitions(), isNegated: isNegated)
    }
    if accept("emitted") { return .expectEmitted(expression(), isNegated: isNegated) }
    if accept("state") {
      var states = [path("the name of a state")]
      while accept(.comma) { states.append(path("the name of a state")) }
      return .expectState(states, isNegated: isNegated)
    }
    if accept("log") { return .expectLog(expression(), isNegated: isNegated) }
    if accept("ended") { return .expectEnded(isNegated: isNegated) }
    if isNegated {
      reportExpected("expected `state`, `called`, `emitted`, `log` or `ended`")
      return .expectRefused
    }
    if accept("data") { return .expectData(expression()) }
    if accept("ignored") { return .expectIgnored }
    if accept("deferred") { return .expectDeferred }
    if accept("refused") { return .expectRefused }
    if accept("incident") { return .expectIncident }
    return nil
  }
}
