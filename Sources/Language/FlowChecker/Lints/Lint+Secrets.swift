import CEL
import FlowSource
import FlowSyntax

/// F801, F803: secrets are not logged, and requests are encrypted.
func checkSecrets(_ context: LintContext, into problems: inout [Diagnostic]) {
  for action in context.symbols.actions {
    guard let binding = action.binding else { continue }
    if case .log(let message) = binding.kind { checkLogged(message, into: &problems) }
    if case .http(_, let url) = binding.kind { checkScheme(url, into: &problems) }
  }
}

/// F801: a value of `env` may be a secret.
private func checkLogged(_ message: Expression, into problems: inout [Diagnostic]) {
  for called in message.calledNames where called.name == "env" {
    problems.append(
      Diagnostic(
        "F801", "this writes an environment variable to the log", at: called.range, label: "may be a secret",
        help: "log the name of the variable instead"))
  }
}

/// F803: `http://` to another machine can be intercepted.
private func checkScheme(_ url: Expression, into problems: inout [Diagnostic]) {
  guard let (text, range) = firstLiteral(url), text.hasPrefix("http://") else { return }
  let host = text.dropFirst("http://".count).prefix { $0 != "/" && $0 != ":" }
  guard !["localhost", "127.0.0.1", "[", "::1", ""].contains(host), !host.hasPrefix("127.") else { return }
  problems.append(
    Diagnostic(
      "F803", .warning, "this request is sent unencrypted", at: range, label: "`http`, not `https`",
      fixes: [Fix("write `https`", .maybe, [.init(SourceRange(range.lower + 1, range.lower + 5), "https")])]))
}

/// The constant prefix of a string expression.
private func firstLiteral(_ expression: Expression) -> (String, SourceRange)? {
  if case .literal(.string(let text)) = expression.kind { return (text, expression.range) }
  return expression.children.first.flatMap { firstLiteral($0) }
}
