import CEL
import FlowSource

extension Parser {
  mutating func action(_ start: SourceRange, _ documentation: String) -> ActionNode {
    advance()
    let name = path("the name of the action")
    var node = ActionNode(
      name: name, parameters: parameters(), result: nil, failures: [], binding: nil, policies: [],
      documentation: documentation, range: start)
    if accept(.arrow) { node.result = typeReference() }
    if accept("fails") { node.failures = names("an error code") }
    if at(.leftBrace) {
      members(of: "an action") { parser in parser.actionMember(into: &node) }
    }
    node.range = range(from: start)
    return node
  }

  mutating func parameters() -> [FieldNode] {
    var parameters: [FieldNode] = []
    guard expect(.leftParen, "`(` and the parameters") else { return [] }
    while at(.identifier) {
      parameters.append(field())
      if !accept(.comma) { break }
    }
    expect(.rightParen, "`)`")
    return parameters
  }

  private mutating func actionMember(into node: inout ActionNode) -> Bool {
    if let policy = policy() {
      node.policies.append(policy)
      return true
    }
    guard let binding = binding() else { return false }
    if node.binding != nil {
      diagnostics.append(Diagnostic("F103", "an action has one binding", at: binding.range, label: "a second one"))
    }
    node.binding = binding
    return true
  }

  static let bindingWords = ["http", "email", "publish", "redis", "sql", "worker", "exec", "log"]

  private mutating func binding() -> BindingNode? {
    let start = token.range
    let word = word
    guard Parser.bindingWords.contains(word) else { return nil }
    advance()
    let kind = bindingKind(word)
    return BindingNode(kind: kind, settings: settings(), range: range(from: start))
  }

  private mutating func bindingKind(_ word: String) -> BindingNode.Kind {
    switch word {
    case "http": return .http(method: name("an HTTP method"), url: header())
    case "email": return .email
    case "publish":
      let exchange = header()
      return .publish(exchange: exchange, routingKey: header())
    case "redis": return .redis(command: header())
    case "sql": return .sql(statement: header())
    case "worker": return .worker(queue: string("the name of a queue in quotes"))
    case "exec": return .exec(program: header())
    default: return .log(message: expression())
    }
  }

  /// An expression that a block may follow, the only such position: `http POST base + path { body: … }`.
  private mutating func header() -> Expression {
    expressions.takesRecords = false
    defer { expressions.takesRecords = true }
    return expression()
  }

  /// `{ headers: … body: … }`
  private mutating func settings() -> [ArgumentNode] {
    guard at(.leftBrace) else { return [] }
    var settings: [ArgumentNode] = []
    members(of: "a binding") { parser in
      guard parser.at(.identifier) else { return false }
      settings.append(parser.argument())
      _ = parser.accept(.comma)
      return true
    }
    return settings
  }

  mutating func argument() -> ArgumentNode {
    let name = memberName("the name of an argument")
    expect(.colon, "`:`")
    return ArgumentNode(name: name, value: expression())
  }

  /// `(name: value, …)`
  mutating func arguments() -> [ArgumentNode] {
    var arguments: [ArgumentNode] = []
    guard expect(.leftParen, "`(` and the arguments") else { return [] }
    while at(.identifier) {
      arguments.append(argument())
      if !accept(.comma) { break }
    }
    expect(.rightParen, "`)` after the arguments")
    return arguments
  }

  // MARK: - Policies

  /// `retry`, `timeout`, `limit`, `signed`, or the mapping of a status; nil when none is at the cursor.
  mutating func policy() -> PolicyNode? {
    let start = token.range
    if accept("retry") { return PolicyNode(kind: retry(), range: range(from: start)) }
    if accept("timeout") {
      return PolicyNode(kind: .timeout(duration("a duration")), range: range(from: start))
    }
    if accept("limit") { return PolicyNode(kind: limit(), range: range(from: start)) }
    if accept("signed") { return PolicyNode(kind: .signed(expression()), range: range(from: start)) }
    if at(.int) { return status(start) }
    return nil
  }

  mutating func retry() -> PolicyNode.Kind {
    let count = accept("forever") ? nil : integer("a number of times, or `forever`") ?? 0
    let only = accept("only") ? names("an error code") : []
    guard accept("backoff") else { return .retry(count: count, only: only, backoff: nil) }
    let first = duration("the first wait")
    let longest = accept(.dotDot) ? duration("the longest wait") : nil
    return .retry(count: count, only: only, backoff: BackoffNode(first: first, longest: longest))
  }

  /// `10 per 1s`, `4 at once`, each optionally `per tenant`
  private mutating func limit() -> PolicyNode.Kind {
    let count = integer("a number") ?? 1
    let help = "write `limit \(count) at once`, or `limit \(count) per 1s`"
    if accept("at") {
      guard accept("once") else {
        reportExpected("expected `once`", help: help)
        skipToMember()
        return .concurrency(count, per: nil)
      }
      return .concurrency(count, per: accept("per") ? expression() : nil)
    }
    if !accept("per") { reportExpected("expected `per` and a duration, or `at once`", help: help) }
    let period = duration("a duration")
    return .limit(count, per: period, key: accept("per") ? expression() : nil)
  }

  private mutating func status(_ start: SourceRange) -> PolicyNode? {
    guard var number = Int(text(token)) else { return nil }
    advance()
    let isWhole = !(at("xx") && token.range.lower == start.upper && number < 10)
    if !isWhole {
      advance()
      number *= 100
    }
    expect(.arrow, "`->` and an error code")
    return PolicyNode(
      kind: .status(class: number, isWhole: isWhole, code: name("an error code")), range: range(from: start))
  }
}
