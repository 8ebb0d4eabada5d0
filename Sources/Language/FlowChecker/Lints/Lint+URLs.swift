import CEL
import FlowSource

/// F805: data that is added to the path or the query of a URL without encoding can leave the path or add a query.
func checkURLs(of action: CheckedAction, into problems: inout [Diagnostic]) {
  guard case .http(_, let url, _, _) = action.binding, case .call(.add, _, let terms) = url.tree.kind else { return }
  for term in terms.dropFirst() where !isSafe(term) {
    let range = term.range
    problems.append(
      Diagnostic(
        "F805", .warning, "this joins data to a URL without encoding", at: range, label: "may contain `/`, `?` or `..`",
        help: "write `url.encode(…)` around it",
        fixes: [
          Fix(
            "encode it", .maybe,
            [
              .init(SourceRange(range.lower, range.lower), "url.encode("),
              .init(SourceRange(range.upper, range.upper), ")"),
            ])
        ]))
  }
}

/// Returns whether a part of a URL is constant, or has no character with a meaning in URLs.
private func isSafe(_ tree: TypedExpression) -> Bool {
  switch tree.kind {
  case .constant: true
  case .variable(let name, _): name.hasPrefix("env(")
  case .named(let definition): isSafe(definition.body)
  case .conditional(_, let then, let otherwise): isSafe(then) && isSafe(otherwise)
  case .call(.add, _, let terms): terms.allSatisfy(isSafe)
  case .call(let builtin, _, let arguments):
    builtin.rawValue == "url.encode" || builtin.rawValue == "base64.encode"
      || arguments.count == 1 && builtin.rawValue == "string" && isPlain(arguments[0].type)
  default: false
  }
}

private func isPlain(_ type: ValueType) -> Bool {
  switch type {
  case .bool, .int, .uint, .double, .enumeration, .timestamp, .duration: true
  default: false
  }
}
