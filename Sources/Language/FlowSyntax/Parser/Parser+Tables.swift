import CEL
import FlowSource

// Decision tables: `{ when CONDITION -> VALUE … always -> VALUE }` as the body of a function.
extension Parser {
  /// The maximum number of rows, which are nested when they are evaluated.
  static let maximumRows = 128

  private static let fallbackWords: Set<String> = ["else", "default", "otherwise", "_"]

  /// True at the brace of a table, or of one with the word of another language.
  var isAtTable: Bool {
    guard at(.leftBrace) else { return false }
    guard peek().kind == .identifier else { return peek().kind == .rightBrace }
    let first = text(peek())
    return first == "when" || first == "always" || first == "case" || first == "if"
      || Parser.fallbackWords.contains(first) && peek(2).kind == .arrow
  }

  /// - Returns: No rows for a table with too many of them.
  mutating func table() -> (rows: [TableRowNode], body: Expression) {
    let start = token.range
    var rows: [TableRowNode] = []
    members(of: "a decision table") { parser in
      guard let row = parser.tableRow() else { return false }
      rows.append(row)
      return true
    }
    if rows.isEmpty {
      diagnostics.append(
        Diagnostic(
          "F101", "a decision table has at least one row", at: range(from: start), label: "no rows",
          help: "write `{ when CONDITION -> VALUE  always -> VALUE }`, or `= EXPRESSION` instead of the braces"))
    }
    if rows.count > Parser.maximumRows {
      diagnostics.append(
        Diagnostic(
          "F101", "a decision table has at most \(Parser.maximumRows) rows", at: rows[Parser.maximumRows].range,
          label: "one row too many", help: "keep the cases in a map, or split the function"))
      return ([], nested(Array(rows.prefix(Parser.maximumRows))))
    }
    return (rows, nested(rows))
  }

  /// The rows as nested conditionals. The last row is asked as well, although an exhaustive table needs no answer, so
  /// that a condition that fails to evaluate is never taken for one that holds.
  private mutating func nested(_ rows: [TableRowNode]) -> Expression {
    guard let last = rows.last else { return expressions.makeMissing() }
    var body = last.value
    if let condition = last.condition {
      body = expressions.makeConditional(condition, then: last.value, otherwise: last.value)
    }
    for row in rows.dropLast().reversed() {
      guard let condition = row.condition else {
        body = row.value
        continue
      }
      body = expressions.makeConditional(condition, then: row.value, otherwise: body)
    }
    return body
  }

  private mutating func tableRow() -> TableRowNode? {
    let start = token.range
    var condition: Expression?
    if at(.identifier), Parser.fallbackWords.contains(word), peek().kind == .arrow {
      reportRow("the last row begins with `always`", at: start, writing: "always", instead: start)
      advance()
    } else if !accept("always") {
      if at("case") || at("if") {
        reportRow("a row begins with `when`", at: start, writing: "when", instead: start)
        advance()
      } else if !accept("when") {
        guard at(.identifier) || at(.leftParen) || at(.bang) else { return nil }
        let place = SourceRange(start.lower, start.lower)
        reportRow("a row begins with `when` or `always`", at: start, writing: "when ", instead: place)
      }
      condition = expression()
    }
    acceptArrow()
    let value = expression()
    if at(.comma) {
      let comma = token.range
      reportRow("nothing separates the rows of a table but white space", at: comma, writing: "", instead: comma)
      advance()
    }
    return TableRowNode(condition: condition, value: value, range: range(from: start))
  }

  private mutating func acceptArrow() {
    guard !accept(.arrow) else { return }
    let start = token.range
    let isFatArrow = at(.assign) && peek().kind == .greater && peek().range.lower == start.upper
    guard isFatArrow || at(.colon) else {
      reportExpected("expected `->` and the value of the row")
      return
    }
    let range = isFatArrow ? SourceRange(start.lower, peek().range.upper) : start
    reportRow("the value of a row follows `->`", at: range, writing: isFatArrow ? "->" : " ->", instead: range)
    advance()
    if isFatArrow { advance() }
  }

  private mutating func reportRow(
    _ message: String, at range: SourceRange, writing text: String, instead place: SourceRange
  ) {
    let plain = text.trimmingPrefix(" ").split(separator: " ").first.map { String($0) } ?? ""
    let title = plain.isEmpty ? "remove it" : "write `\(plain)`"
    diagnostics.append(
      Diagnostic("F101", message, at: range, label: title, fixes: [Fix(title, .safe, [.init(place, text)])]))
  }
}
