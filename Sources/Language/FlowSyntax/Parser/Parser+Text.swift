import CEL
import FlowSource
import FlowTime

extension Parser {
  /// The lines of `///` directly above the token at the cursor.
  func documentation() -> String {
    let end = Int(token.range.lower - source.base)
    let start = Int((position > 0 ? tokens[position - 1].range.upper : firstGap) - source.base)
    guard start < end else { return "" }
    let trivia = String(decoding: source.text[start..<end], as: UTF8.self)
    var lines: [Substring] = []
    for line in trivia.split(separator: "\n", omittingEmptySubsequences: false) {
      let trimmed = line.drop { $0 == " " || $0 == "\t" }
      if trimmed.hasPrefix("///") {
        lines.append(trimmed.dropFirst(3).drop { $0 == " " })
      } else if trimmed.isEmpty, line.startIndex != trivia.startIndex, !lines.isEmpty, lines.last != "" {
        continue
      }
    }
    return lines.joined(separator: "\n")
  }

  /// A plain string literal; its value without quotes and escapes.
  mutating func string(_ what: String) -> String {
    if at(.unterminated) {
      diagnostics.append(
        Diagnostic(
          "F102", "this string is not closed", at: token.range, label: "begins here", help: "close it with a quote"))
      advance()
      return ""
    }
    if at(Parser.repairedName) {
      advance()
      return ""
    }
    guard at(.string) else {
      reportExpected("expected \(what)")
      return ""
    }
    let expression = self.expression()
    guard case .literal(.string(let value)) = expression.kind else {
      diagnostics.append(Diagnostic("F101", "expected \(what) and nothing more", at: expression.range))
      return ""
    }
    return value
  }

  mutating func integer(_ what: String) -> Int? {
    guard at(.int), let value = Int(text(token)) else {
      reportExpected("expected \(what)")
      return nil
    }
    advance()
    return value
  }

  /// True if a duration such as `30m` is at the cursor.
  var isAtDuration: Bool {
    repairedDuration != nil
      || (token.kind == .int || token.kind == .double) && peek().kind == .identifier
        && peek().range.lower == token.range.upper
  }

  mutating func duration(_ what: String) -> DurationNode {
    let start = token.range
    guard isAtDuration else {
      reportExpected("expected \(what), such as `30m`")
      return DurationNode(milliseconds: 0, range: SourceRange(start.lower, start.lower))
    }
    if let text = repairedDuration {
      advance()
      return DurationNode(milliseconds: DurationText.milliseconds(text) ?? 0, range: start)
    }
    advance()
    advance()
    let range = range(from: start)
    guard let milliseconds = DurationText.milliseconds(source.string(range)) else {
      if let better = Habit.duration(source.string(range)) {
        diagnostics.append(
          Diagnostic(
            "F208", "a duration is written `\(better)`", at: range, label: "write `\(better)`",
            fixes: [Fix("write `\(better)`", .safe, [.init(range, better)])]))
        return DurationNode(milliseconds: DurationText.milliseconds(better) ?? 0, range: range)
      }
      let text = source.string(range)
      diagnostics.append(
        DurationText.isTooLong(text)
          ? Diagnostic("F208", "`\(text)` is longer than a duration can be", at: range, help: "write 106751d at most")
          : Diagnostic(
            "F208", "`\(text)` is not a duration", at: range,
            help: "write numbers with the units d, h, m, s or ms, such as `1h30m`"))
      return DurationNode(milliseconds: 0, range: range)
    }
    return DurationNode(milliseconds: milliseconds, range: range)
  }

  mutating func delay(_ what: String) -> DelayNode {
    // A text that starts with a digit is a duration in quotes; any other is an expression for the checker.
    if at(.string), text(token).dropFirst().first?.isNumber == true {
      let start = token.range
      reportExpected("expected \(what), such as `30m`")
      advance()
      return .literal(DurationNode(milliseconds: 0, range: start))
    }
    return delayWithoutQuotes(what)
  }

  private mutating func delayWithoutQuotes(_ what: String) -> DelayNode {
    isAtDuration ? .literal(duration(what)) : .expression(expression())
  }
}
