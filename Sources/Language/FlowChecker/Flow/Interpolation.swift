import CEL
import FlowSource

/// F217: the strings of an expression in which `${…}` contains an expression of the same scope, as in languages that
/// replace it by its value.
func interpolations(in expression: Expression, _ environment: Environment) -> [Diagnostic] {
  var found: [Diagnostic] = []
  collectInterpolations(in: expression, environment, into: &found)
  return found
}

private func collectInterpolations(
  in expression: Expression, _ environment: Environment, into found: inout [Diagnostic]
) {
  switch expression.kind {
  case .literal(.string(let text)):
    if let problem = interpolation(in: text, at: expression.range, environment) { found.append(problem) }
  case .literal, .identifier: break
  default: expression.forEachChild { collectInterpolations(in: $0, environment, into: &found) }
  }
}

private func interpolation(in text: String, at range: SourceRange, _ environment: Environment) -> Diagnostic? {
  // Few texts have one, and the search for a byte is fast.
  guard text.utf8.contains(UInt8(ascii: "$")) else { return nil }
  var parts: [String] = []
  var first: String?
  var rest = text[...]
  while let open = rest.firstRange(of: "${"), let close = rest[open.upperBound...].firstIndex(of: "}") {
    let inner = String(rest[open.upperBound..<close])
    guard isExpression(inner, environment) else { break }
    if first == nil { first = inner }
    if open.lowerBound > rest.startIndex { parts.append("\"\(rest[..<open.lowerBound])\"") }
    parts.append("string(\(inner))")
    rest = rest[rest.index(after: close)...]
  }
  guard let first else { return nil }
  if !rest.isEmpty { parts.append("\"\(rest)\"") }
  let isPlain = !text.contains { $0 == "\"" || $0 == "\\" || $0.isNewline }
  let form = parts.joined(separator: " + ")
  return Diagnostic(
    "F217", .warning, "`${\(first)}` is not replaced by its value in a string", at: range, label: "remains as written",
    help: isPlain ? "write `\(form)`" : "join the parts with `+`, such as `\"…\" + string(\(first))`",
    fixes: isPlain ? [Fix("join the parts with `+`", .maybe, [Fix.Edit(range, form)])] : [])
}

/// Returns whether a text is an expression that reads a name of the scope.
private func isExpression(_ text: String, _ environment: Environment) -> Bool {
  let (parsed, mistakes) = parse(text)
  return mistakes.isEmpty && !parsed.references.isEmpty && !environment.check(parsed).diagnostics.hasErrors
}
