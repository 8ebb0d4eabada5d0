import CEL
import FlowSource

extension Parser {
  mutating func parseFile() -> [Declaration] {
    var declarations: [Declaration] = []
    while !isAtEnd {
      let before = position
      if let declaration = declaration() {
        declarations.append(declaration)
      } else {
        reportExpected(
          "expected a declaration",
          help: "a file holds `import`, `type`, `enum`, `const`, `fn`, `role`, `event`, `action`, `flow` and `test`")
        skipToDeclaration()
      }
      if position == before { skip() }
    }
    return declarations
  }

  static let declarationWords: Set<String> = [
    "import", "type", "enum", "const", "fn", "role", "internal", "event", "action", "flow", "test",
  ]

  /// True when the token after the cursor is the word.
  func isBefore(_ word: String) -> Bool { peek().kind == .identifier && text(peek()) == word }

  private mutating func skipToDeclaration() {
    skip()
    while !isAtEnd, !Parser.declarationWords.contains(word) { skip() }
  }

  private mutating func declaration() -> Declaration? {
    let documentation = documentation()
    let start = token.range
    switch word {
    case "import": return .importing(importing(start))
    case "type": return .type(type(start, documentation))
    case "enum": return .enumeration(enumeration(start, documentation))
    case "const":
      advance()
      return .constant(definition(from: start, name: "the name of the constant", documentation))
    case "fn": return .function(function(start, documentation))
    case "role":
      advance()
      let name = declaredName("the name of the role")
      return .role(RoleNode(name: name, documentation: documentation, range: range(from: start)))
    case "event": return .event(event(start, documentation))
    case "internal" where isBefore("event"): return .event(event(start, documentation))
    case "action": return .action(action(start, documentation))
    case "flow": return .flow(flow(start, documentation))
    case "test": return .test(test(start))
    default: return nil
    }
  }

  /// The name of a declaration that may end with it. It is missing if the next line begins another declaration.
  private mutating func declaredName(_ what: String) -> NameNode {
    let gap = SourceRange(position > 0 ? tokens[position - 1].range.upper : 0, token.range.lower)
    guard Parser.declarationWords.contains(word), peek().kind == .identifier, source.slice(gap).contains(0x0A) else {
      return name(what)
    }
    reportExpected("expected \(what)")
    return NameNode(text: "", range: SourceRange(token.range.lower, token.range.lower))
  }

  private mutating func importing(_ start: SourceRange) -> ImportNode {
    advance()
    let pathStart = token.range
    let path = string("the path of a file in quotes")
    let alias = accept("as") ? name("a name for the file") : nil
    if let alias { aliases.insert(alias.text) }
    return ImportNode(path: path, pathRange: pathStart, alias: alias, range: range(from: start))
  }

  private mutating func type(_ start: SourceRange, _ documentation: String) -> TypeNode {
    advance()
    let name = name("the name of the type")
    let fields = fields(in: "a type")
    return TypeNode(name: name, fields: fields, documentation: documentation, range: range(from: start))
  }

  private mutating func enumeration(_ start: SourceRange, _ documentation: String) -> EnumNode {
    advance()
    let name = name("the name of the enum")
    var values: [NameNode] = []
    members(of: "an enum") { parser in
      guard parser.at(.identifier) else { return false }
      values.append(parser.name("the name of a value"))
      _ = parser.accept(.comma)
      return true
    }
    return EnumNode(name: name, values: values, documentation: documentation, range: range(from: start))
  }

  /// The rest of `const N = expression` and `let n = expression`.
  mutating func definition(from start: SourceRange, name what: String, _ documentation: String) -> ConstantNode {
    let name = name(what)
    expect(.assign, "`=`")
    return ConstantNode(name: name, value: expression(), documentation: documentation, range: range(from: start))
  }

  private mutating func function(_ start: SourceRange, _ documentation: String) -> FunctionNode {
    advance()
    let name = name("the name of the function")
    let parameters = parameters()
    expect(.arrow, "`->` and the type of the result")
    let result = typeReference()
    if isAtTable {
      let (rows, body) = table()
      return FunctionNode(
        name: name, parameters: parameters, result: result, rows: rows, body: body, documentation: documentation,
        range: range(from: start))
    }
    expect(.assign, "`=` and an expression")
    return FunctionNode(
      name: name, parameters: parameters, result: result, body: expression(), documentation: documentation,
      range: range(from: start))
  }

  mutating func event(_ start: SourceRange, _ documentation: String) -> EventNode {
    let isInternal = accept("internal")
    advance()
    let name = declaredName("the name of the event")
    var node = EventNode(
      name: name, isInternal: isInternal, fields: [], documentation: documentation, range: start)
    if accept("from") { sender(of: &node, from: start) }
    if at(.leftBrace) { payload(of: &node) }
    node.range = range(from: start)
    return node
  }

  /// `{ field: type = default  let name = expression … }`
  private mutating func payload(of node: inout EventNode) {
    members(of: "an event") { parser in
      guard parser.at(.identifier) else { return false }
      if parser.at("let"), parser.peek().kind != .colon {
        let start = parser.token.range
        let documentation = parser.documentation()
        parser.advance()
        node.lets.append(parser.definition(from: start, name: "the name of a computed member", documentation))
      } else {
        node.fields.append(parser.field())
      }
      _ = parser.accept(.comma)
      return true
    }
  }

  /// The words that may follow `from`.
  private static let senders = ["webhook", "amqp", "redis"]

  /// `webhook { … }`, `amqp "queue"`, `redis "stream"`
  private mutating func sender(of node: inout EventNode, from start: SourceRange) {
    switch word {
    case "webhook": node.webhook = webhook(start)
    case "amqp", "redis": node.queue = queue()
    default:
      let guess = at(.identifier) ? Suggestion.closest(to: word, among: Parser.senders).first : nil
      reportExpected("expected `webhook`, `amqp` or `redis`", help: guess.map { "did you mean `\($0)`?" })
      // What follows an unknown sender belongs to it.
      if at(.identifier), peek().kind == .string {
        advance()
        advance()
      }
    }
  }

  /// `amqp "queue"`, `redis "stream"`
  private mutating func queue() -> QueueNode {
    let broker = NameNode(text: word, range: token.range)
    advance()
    let start = token.range
    let what = broker.text == "redis" ? "the name of a stream in quotes" : "the name of a queue in quotes"
    let name = string(what)
    return QueueNode(broker: broker, name: name, nameRange: start, range: range(from: broker.range))
  }

  /// `webhook { secret … header "…" hmac sha256 }`
  private mutating func webhook(_ start: SourceRange) -> WebhookNode {
    var node = WebhookNode(range: token.range)
    advance()
    members(of: "a webhook") { parser in
      switch parser.word {
      case "secret":
        parser.advance()
        node.secret = parser.expression()
      case "header":
        parser.advance()
        node.header = parser.string("the name of a header in quotes")
      case "hmac":
        parser.advance()
        node.algorithm = parser.name("`sha256`")
      default: return false
      }
      return true
    }
    node.range = SourceRange(node.range.lower, range(from: start).upper)
    return node
  }

  // MARK: - Fields and types

  /// `{ field: type = default … }`
  mutating func fields(in what: String) -> [FieldNode] {
    var fields: [FieldNode] = []
    members(of: what) { parser in
      guard parser.at(.identifier) else { return false }
      fields.append(parser.field())
      _ = parser.accept(.comma)
      return true
    }
    return fields
  }

  mutating func field() -> FieldNode {
    let start = token.range
    let name = memberName("the name of a field")
    expect(.colon, "`:` and a type")
    let type = typeReference()
    let defaultValue = accept(.assign) ? expression() : nil
    return FieldNode(name: name, type: type, defaultValue: defaultValue, range: range(from: start))
  }

  mutating func typeReference() -> TypeReferenceNode {
    let start = token.range
    let name = path("a type")
    var arguments: [TypeReferenceNode] = []
    if !name.isMissing, depth < Parser.maximumDepth, accept(.less) {
      depth += 1
      repeat { arguments.append(typeReference()) } while accept(.comma)
      depth -= 1
      expect(.greater, "`>`")
    }
    let isOptional = accept(.question)
    let maximum = accept("max") ? integer("the largest size") : nil
    return TypeReferenceNode(
      name: name, arguments: arguments, isOptional: isOptional, maximum: maximum, range: range(from: start))
  }
}
