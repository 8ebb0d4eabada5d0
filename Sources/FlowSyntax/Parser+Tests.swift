import CEL
import FlowSource

extension Parser {
  mutating func test(_ start: SourceRange) -> TestNode {
    advance()
    let name = string("the name of the test in quotes")
    var statements: [TestStatement] = []
    members(of: "a test") { parser in
      guard let statement = parser.testStatement() else { return false }
      statements.append(statement)
      return true
    }
    return TestNode(name: name, statements: statements, range: range(from: start))
  }

  private mutating func testStatement() -> TestStatement? {
    let start = token.range
    let kind: TestStatement.Kind
    switch word {
    case "send":
      advance()
      let event = expression()
      kind = .send(event, roles: take("by") ? names("the name of a role") : [])
    case "expect":
      advance()
      guard let expectation = expectation() else { return nil }
      kind = expectation
    case "complete":
      advance()
      kind = .complete(path("the name of an action"), take("with") ? expression() : nil)
    case "fail":
      advance()
      kind = .fail(path("the name of an action"), code: string("an error code in quotes"))
    case "advance":
      advance()
      kind = .advance(duration("how long to wait"))
    default: return nil
    }
    return TestStatement(kind: kind, range: range(from: start))
  }

  private mutating func expectation() -> TestStatement.Kind? {
    if take("state") { return .expectState(path("the name of a state")) }
    if take("data") { return .expectData(expression()) }
    if take("emitted") { return .expectEmitted(expression()) }
    if take("refused") { return .expectRefused }
    if take("called") {
      let action = path("the name of an action")
      return .expectCalled(action, at(.leftParen) ? arguments() : [])
    }
    return nil
  }
}
