import CEL
import FlowSource

extension Parser {
  mutating func test(_ start: SourceRange) -> TestNode {
    advance()
    let nameRange = token.range
    let name = string("the name of the test in quotes")
    let flows = accept("with") ? names("the name of a flow") : []
    var statements: [TestStatement] = []
    members(of: "a test") { parser in
      guard let statement = parser.testStatement() else { return false }
      statements.append(statement)
      return true
    }
    return TestNode(
      name: name, nameRange: nameRange, flows: flows, statements: statements, range: range(from: start))
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
      let receiver = accept("to") ? instance() : nil
      let roles = accept("by") ? names("the name of a role") : []
      let sender = accept("from") ? name("the name of a flow") : nil
      return .send(
        event, receiver: receiver, roles: roles, sender: sender, caller: accept("as") ? expression() : nil)
    case "mock":
      advance()
      return .mock(path("the name of an action"), outcome())
    case "expect":
      advance()
      return expectation()
    case "complete":
      advance()
      let work = path("the name of a call or an action")
      let owner = accept("of") ? instance() : nil
      return .complete(work, owner: owner, accept("with") ? expression() : nil)
    case "fail":
      advance()
      let work = path("the name of a call or an action")
      let owner = accept("of") ? instance() : nil
      return .fail(work, owner: owner, code: failureCode())
    case "advance":
      advance()
      return .advance(delay("a duration"))
    case "at":
      advance()
      return .at(expression())
    case "migrate":
      advance()
      return .migrate(migratedInstance())
    default: return nil
    }
  }

  /// `Order from 1 in asked, both.b with {"id": "a"}`, with or without the flow and the data.
  private mutating func migratedInstance() -> MigratedInstanceNode {
    let flow = at("from") ? nil : name("the name of a flow, or `from` and a version")
    if !accept("from") { reportExpected("expected `from` and the version of the instance") }
    let range = token.range
    let version = integer("a version") ?? 0
    if !accept("in") { reportExpected("expected `in` and the state of the instance") }
    var states = [path("the name of a state")]
    while accept(.comma) { states.append(path("the name of a state")) }
    return MigratedInstanceNode(
      flow: flow, version: version, versionRange: range, states: states, data: accept("with") ? expression() : nil)
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

  /// `Item["m/a"]`, or `Item` alone.
  private mutating func instance() -> InstanceNode {
    let start = token.range
    let flow = name("the name of a flow")
    guard at(.leftBracket) else { return InstanceNode(flow: flow, key: nil, range: range(from: start)) }
    advance()
    let key = expression()
    expect(.rightBracket, "`]` after the key")
    return InstanceNode(flow: flow, key: key, range: range(from: start))
  }

  /// The words that begin an expectation.
  static let subjects: Set<String> = [
    "called", "data", "deferred", "emitted", "ended", "ignored", "incident", "log", "not", "refused", "state",
  ]

  /// True at an instance in an expectation: the name of a flow, perhaps with a key, before the word of an expectation.
  /// A condition without `data` has no such word: `xs[0] == 1`.
  private var isAtInstance: Bool {
    guard at(.identifier), !Parser.subjects.contains(word) else { return false }
    guard peek().kind == .leftBracket else { return isSubject(position + 1) }
    return isSubject(endOfKey) || isMeantAsInstance
  }

  /// The index after the bracket that closes the key of the instance at the cursor.
  private var endOfKey: Int {
    var (depth, index) = (0, position + 1)
    while index < tokens.count {
      switch tokens[index].kind {
      case .leftBracket: depth += 1
      case .rightBracket: depth -= 1
      default: break
      }
      index += 1
      if depth == 0 { break }
    }
    return index
  }

  /// True if a mistake is in the instance or after it: a word of an expectation, or another word after the key, follows
  /// on the line.
  private var isMeantAsInstance: Bool {
    var index = position + 2
    while index < tokens.count, !isFirstOnLine(index) {
      if tokens[index].kind == .identifier {
        return isSubject(index) || tokens[index - 1].kind == .rightBracket
      }
      index += 1
    }
    return false
  }

  private func isSubject(_ index: Int) -> Bool {
    index < tokens.count && tokens[index].kind == .identifier
      && Parser.subjects.contains(words[index] ?? text(tokens[index]))
  }

  private func isFirstOnLine(_ index: Int) -> Bool {
    let (end, start) = (tokens[index - 1].range.upper, tokens[index].range.lower)
    return end <= start && source.slice(SourceRange(end, start)).contains(0x0A)
  }

  private mutating func expectation() -> TestStatement.Kind? {
    guard isAtInstance else { return plainExpectation() }
    let instance = self.instance()
    if let expectation = plainExpectation() { return .expectOf(instance, expectation) }
    reportExpected("expected `state`, `data`, `called`, `emitted`, `log`, `ended` or `not` after the instance")
    return .expectOf(instance, .expectRefused)
  }

  private mutating func plainExpectation() -> TestStatement.Kind? {
    let isNegated = accept("not")
    if accept("called") {
      let action = path("the name of an action")
      let given = at(.leftParen) ? arguments() : []
      return .expectCalled(action, given, count: repetitions(), isNegated: isNegated)
    }
    if accept("emitted") {
      var events = [expression()]
      while accept("then") { events.append(expression()) }
      return .expectEmitted(events, isNegated: isNegated)
    }
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
