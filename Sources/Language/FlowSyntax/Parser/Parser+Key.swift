import CEL
import FlowSource
import FlowTime

// `key FIELD`, `key FIELD for DURATION`, `key FIELD forever`
extension Parser {
  mutating func key(of node: inout FlowNode) {
    if at("for"), isDuration(peek(), peek(2)) {
      reportKeyWithoutField()
    } else {
      node.key = name("the data field that names an instance")
    }
    node.keyLifetime = keyLifetime()
  }

  private mutating func keyLifetime() -> KeyLifetimeNode? {
    let start = token.range
    if isAtDuration {
      let place = SourceRange(start.lower, start.lower)
      diagnostics.append(
        Diagnostic(
          "F101", "the lifetime of a key follows `for`", at: range(of: token, peek()), label: "write `for` before it",
          fixes: [Fix("write `for`", .safe, [.init(place, "for ")])]))
      return lifetime(from: start)
    }
    if isAtForever {
      advance()
      return KeyLifetimeNode(duration: nil, range: range(from: start))
    }
    guard accept("for") else { return nil }
    guard at("forever") else { return lifetime(from: start) }
    diagnostics.append(
      Diagnostic(
        "F101", "`forever` takes no `for`", at: start, label: "not needed here",
        fixes: [Fix("remove `for`", .safe, [.init(SourceRange(start.lower, token.range.lower), "")])]))
    advance()
    return KeyLifetimeNode(duration: nil, range: range(from: start))
  }

  /// True at the word, unless it is the name of a state in `forever leads to …`.
  private var isAtForever: Bool { at("forever") && !isBefore("leads") && peek().kind != .dot }

  private mutating func lifetime(from start: SourceRange) -> KeyLifetimeNode {
    let isNegative = accept(.minus)
    let duration = calendarUnits() ?? duration("how long the key stays taken")
    let node = KeyLifetimeNode(duration: duration, range: range(from: start))
    let isMissing = duration.range.lower == duration.range.upper
    if !isMissing, !hasDiagnostic(in: duration.range), isNegative || duration.milliseconds == 0 {
      diagnostics.append(
        Diagnostic(
          "F602", "the lifetime of a key must be longer than zero", at: duration.range,
          label: isNegative ? "negative" : "zero",
          help: "it begins when the instance ends; without a lifetime, write the key alone"))
    }
    return node
  }

  /// F208: years and months, which have no fixed length; nil when there are none at the cursor.
  private mutating func calendarUnits() -> DurationNode? {
    guard at(.int), peek().kind == .identifier, let number = Int(text(token)),
      let days = Parser.calendarDays[text(peek()).lowercased()], number > 0, number < 100_000 / days
    else { return nil }
    let range = range(of: token, peek())
    let better = "\(number * days)d"
    diagnostics.append(
      Diagnostic(
        "F208", "`\(text(peek()))` has no fixed length", at: range, label: "write it in days",
        help: "write `\(better)`", fixes: [Fix("write `\(better)`", .maybe, [.init(range, better)])]))
    advance()
    advance()
    return DurationNode(milliseconds: DurationText.milliseconds(better) ?? 0, range: range)
  }

  private static let calendarDays = [
    "y": 365, "yr": 365, "yrs": 365, "year": 365, "years": 365, "mo": 30, "mon": 30, "month": 30, "months": 30,
    "quarter": 91, "quarters": 91,
  ]

  private mutating func reportKeyWithoutField() {
    let place = SourceRange(token.range.lower, token.range.lower)
    diagnostics.append(
      Diagnostic(
        "F101", "the lifetime belongs to a key", at: range(of: token, peek(2)), label: "no data field is named",
        help: "write `key FIELD for …`, with the data field that names an instance",
        fixes: [Fix("write `id`", .maybe, [.init(place, "id ")])]))
  }

  private func isDuration(_ number: Token, _ unit: Token) -> Bool {
    (number.kind == .int || number.kind == .double) && unit.kind == .identifier
  }

  private func hasDiagnostic(in range: SourceRange) -> Bool { diagnostics.contains { $0.range == range } }

  private func range(of first: Token, _ last: Token) -> SourceRange {
    SourceRange(first.range.lower, last.range.upper)
  }
}
