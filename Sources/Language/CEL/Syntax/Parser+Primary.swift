import FlowSource

extension ExpressionParser {
  /// The words that are not allowed as variables and global functions, but as fields and methods.
  private static let reservedWords: Set<String> = [
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "namespace",
    "package", "return", "var", "void", "while",
  ]

  mutating func parseMember() -> Expression {
    guard !hasFailed else { return missing() }
    return parsePostfix(parsePrimary())
  }

  private mutating func parsePrimary() -> Expression {
    switch kind {
    case .int, .uint, .double: return parseNumber(after: nil)
    case .string, .bytes: return parseQuoted()
    case .leftParen: return parseParenthesised()
    case .leftBracket: return parseList()
    case .leftBrace: return parseMap()
    case .identifier: return parseName(isRooted: false, start: token.range)
    case .dot:
      let start = advance().range
      guard kind == .identifier else {
        failUnexpected("expected a name after the dot")
        return missing()
      }
      return parseName(isRooted: true, start: start)
    default:
      failUnexpected("expected an expression")
      return missing()
    }
  }

  private mutating func parseParenthesised() -> Expression {
    let open = advance()
    var inner = parseExpression()
    guard expect(.rightParen, "`)`") else { return missing() }
    inner.range = SourceRange(open.range.lower, lastEnd)
    return inner
  }

  // MARK: Names and calls

  private mutating func parseName(isRooted: Bool, start: SourceRange) -> Expression {
    let token = advance()
    let name = string(token)
    let range = start.union(token.range)
    switch name {
    case "true": return make(range, .literal(.bool(true)))
    case "false": return make(range, .literal(.bool(false)))
    case "null": return make(range, .literal(.null))
    case "in": return failAtWord()
    case _ where stopWords.contains(name): return failAtWord()
    default: break
    }
    if Self.isReserved(name), !leadsToRecord() {
      fail("`\(name)` is a reserved word", at: token.range, help: "give it another name")
      return missing()
    }
    let field = Expression.Field(name, token.range)
    if kind == .leftParen {
      return parseCall(Expression.Call(function: field, target: nil, arguments: [], isRooted: isRooted), start: range)
    }
    if kind == .leftBrace, takesRecords { return parseRecord(field, isRooted: isRooted, start: range) }
    return make(range, .identifier(name, isRooted: isRooted))
  }

  /// Reports that the last word can't begin an expression.
  private mutating func failAtWord() -> Expression {
    position -= 1
    failUnexpected("expected an expression")
    return missing()
  }

  /// Most names differ from all reserved words in their length or first letter, so that no table is searched.
  static func isReserved(_ name: String) -> Bool {
    guard reservedLengths.contains(name.utf8.count), let first = name.utf8.first, reservedInitials.contains(first)
    else { return false }
    return reservedWords.contains(name)
  }

  private static let reservedLengths = 0...(reservedWords.map(\.utf8.count).max() ?? 0)
  private static let reservedInitials = Array(Set(reservedWords.compactMap(\.utf8.first)))

  /// A package may be called by a reserved word when the whole name is that of a record.
  private func leadsToRecord() -> Bool {
    var ahead = 0
    while kind(ahead: ahead) == .dot, kind(ahead: ahead + 1) == .identifier { ahead += 2 }
    return ahead > 0 && kind(ahead: ahead) == .leftBrace
  }

  private mutating func parseCall(_ call: Expression.Call, start: SourceRange) -> Expression {
    var call = call
    guard let arguments = parseArguments() else { return missing() }
    call.arguments = arguments
    return expandMacro(call, SourceRange(start.lower, lastEnd))
  }

  private mutating func parseArguments() -> [Expression]? {
    position += 1
    if accept(.rightParen) { return [] }
    var arguments: [Expression] = []
    repeat { arguments.append(parseExpression()) } while !hasFailed && accept(.comma)
    return expect(.rightParen, "`,` or `)`") ? arguments : nil
  }

  /// The dots, brackets and braces after `operand`.
  mutating func parsePostfix(_ operand: Expression) -> Expression {
    var operand = operand
    while !hasFailed {
      switch kind {
      case .dot: operand = parseSelection(of: operand)
      case .leftBracket: operand = parseIndex(of: operand)
      case .leftBrace:
        guard takesRecords, let name = operand.dottedName, name.count > 1 else { return operand }
        operand = parseRecord(
          Expression.Field(name.joined(separator: "."), operand.range), isRooted: operand.isRootedName,
          start: operand.range)
      default: return operand
      }
    }
    return operand
  }

  private mutating func parseSelection(of operand: Expression) -> Expression {
    position += 1
    let isOptional = accept(.question)
    guard let field = parseFieldName() else { return missing() }
    if kind == .leftParen, !isOptional {
      return parseCall(Expression.Call(function: field, target: operand, arguments: []), start: operand.range)
    }
    return make(operand.range.union(field.range), .select(operand, field, isOptional ? .optional : .plain))
  }

  private mutating func parseIndex(of operand: Expression) -> Expression {
    position += 1
    let isOptional = accept(.question)
    let index = parseExpression()
    guard expect(.rightBracket, "`]`") else { return missing() }
    return make(SourceRange(operand.range.lower, lastEnd), .index(operand, index, isOptional: isOptional))
  }

  /// A name after a dot or before a colon: any word but a keyword, or one in backticks.
  private mutating func parseFieldName() -> Expression.Field? {
    let token = token
    switch kind {
    case .identifier:
      let name = string(token)
      guard !["true", "false", "null", "in"].contains(name) else { break }
      position += 1
      return Expression.Field(name, token.range)
    case .quotedIdentifier:
      position += 1
      let name = String(string(token).dropFirst().dropLast())
      let isValid = !name.isEmpty && name.utf8.allSatisfy(isQuotedNameByte)
      if !isValid {
        fail("a quoted name holds letters, digits, `_`, `.`, `-`, `/` and spaces only", at: token.range)
        return nil
      }
      return Expression.Field(name, token.range)
    default: break
    }
    failUnexpected("expected a field name")
    return nil
  }

  // MARK: Aggregates

  private mutating func parseList() -> Expression {
    let open = advance()
    var elements: [Expression.Element] = []
    while !hasFailed, kind != .rightBracket {
      let isOptional = accept(.question)
      elements.append(Expression.Element(value: parseExpression(), isOptional: isOptional))
      if !accept(.comma) { break }
    }
    guard expect(.rightBracket, "`,` or `]`") else { return missing() }
    return make(SourceRange(open.range.lower, lastEnd), .list(elements))
  }

  private mutating func parseMap() -> Expression {
    let open = advance()
    var entries: [Expression.Entry] = []
    while !hasFailed, kind != .rightBrace {
      let isOptional = accept(.question)
      let key = parseExpression()
      guard expect(.colon, "`:` and the value of the key") else { return missing() }
      entries.append(Expression.Entry(key: key, value: parseExpression(), isOptional: isOptional))
      if !accept(.comma) { break }
    }
    guard expect(.rightBrace, "`,` or `}`") else { return missing() }
    return make(SourceRange(open.range.lower, lastEnd), .map(entries))
  }

  private mutating func parseRecord(_ name: Expression.Field, isRooted: Bool, start: SourceRange) -> Expression {
    position += 1
    var fields: [Expression.FieldValue] = []
    while !hasFailed, kind != .rightBrace {
      let isOptional = accept(.question)
      guard let field = parseFieldName() else { return missing() }
      guard expect(.colon, "`:` and the value of `\(field.name)`") else { return missing() }
      fields.append(Expression.FieldValue(field: field, value: parseExpression(), isOptional: isOptional))
      if !accept(.comma) { break }
    }
    guard expect(.rightBrace, "`,` or `}`") else { return missing() }
    let literal = Expression.RecordLiteral(typeName: name, isRooted: isRooted, fields: fields)
    return make(SourceRange(start.lower, lastEnd), .record(literal))
  }

  // MARK: Literals

  mutating func parseNumber(after minus: Token?) -> Expression {
    let token = advance()
    let range = minus?.range.union(token.range) ?? token.range
    if token.kind != .uint, isUnit(after: token) { return failDuration(token) }
    let literal: Literal?
    switch token.kind {
    case .int: literal = Literal.int(bytes(token), isNegative: minus != nil)
    case .uint: literal = Literal.uint(bytes(token))
    default: literal = Double((minus == nil ? "" : "-") + string(token)).map(Literal.double)
    }
    guard let literal else {
      fail("this number does not fit into 64 bits", at: range)
      return missing()
    }
    return make(range, .literal(literal))
  }

  private func isUnit(after number: Token) -> Bool {
    kind == .identifier && token.range.lower == number.range.upper
  }

  private mutating func failDuration(_ number: Token) -> Expression {
    // The unit is consumed as well, or it would be the next error.
    let unit = advance()
    let range = number.range.union(unit.range)
    let text = string(number) + string(unit)
    guard let duration = Duration(text, allowsDays: true) else {
      fail("`\(text)` is neither a number nor a name", at: range)
      return missing()
    }
    let call = "duration(\"\(text.hasSuffix("d") ? duration.description : text)\")"
    fail(
      "a duration inside an expression is written as a call", at: range, help: "write `\(call)`",
      fixes: [Fix("write `\(call)`", .safe, [Fix.Edit(range, call)])])
    return missing()
  }

  private mutating func parseQuoted() -> Expression {
    let token = advance()
    do throws(LiteralError) {
      let literal = try Literal.quoted(Array(bytes(token)), isBytes: token.kind == .bytes)
      return make(token.range, .literal(literal))
    } catch {
      let start = token.range.lower + UInt32(error.offset)
      fail(error.message, at: SourceRange(start, start + UInt32(error.length)))
      return missing()
    }
  }
}

extension Expression {
  /// True when a dotted name starts with a dot.
  var isRootedName: Bool {
    switch kind {
    case .identifier(_, let isRooted): isRooted
    case .select(let operand, _, _): operand.isRootedName
    default: false
    }
  }
}

private func isQuotedNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/"),
    UInt8(ascii: " "):
    true
  default: false
  }
}
