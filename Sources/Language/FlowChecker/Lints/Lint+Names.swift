import FlowSource
import FlowSyntax

/// F901, F902, F903, F905: names of states and data start in lower case, names of events in upper case; flows are
/// documented.
func checkNames(of flow: CheckedFlow, _ context: LintContext, into problems: inout [Diagnostic]) {
  for state in flow.states.dropFirst() where !isLower(state.name.text) {
    problems.append(misnamed(state.name, kind: "state", code: "F901", better: lowered(state.name.text)))
  }
  let fields = flow.fields.compactMap(\.node)
  for field in fields where !isLower(field.name.text) {
    problems.append(misnamed(field.name, kind: "data field", code: "F903", better: lowered(field.name.text)))
  }
  for event in flow.node.events where !isUpper(event.name.text) {
    problems.append(misnamed(event.name, kind: "event", code: "F902", better: uppered(event.name.text)))
  }
  check("state", flow.states.dropFirst().map(\.name), into: &problems)
  check("data field", fields.map(\.name), into: &problems)
  let isIntroduced = context.introduced.contains { $0.contains(flow.node.range.lower) }
  guard flow.node.documentation.isEmpty, !isIntroduced else { return }
  problems.append(
    Diagnostic(
      "F905", .info, "the flow `\(flow.node.name.text)` has no documentation", at: flow.node.name.range,
      label: "no `///` above it", help: "write a `///` line that states its purpose"))
}

/// F902: names of events, types and flows start with an upper-case letter.
func checkNames(_ context: LintContext, into problems: inout [Diagnostic]) {
  for declaration in context.files.flatMap(\.declarations) {
    switch declaration {
    case .event(let node) where !isUpper(node.name.text):
      problems.append(misnamed(node.name, kind: "event", code: "F902", better: uppered(node.name.text)))
    case .type(let node) where !isUpper(node.name.text):
      problems.append(misnamed(node.name, kind: "type", code: "F902", better: uppered(node.name.text)))
    case .flow(let node) where !isUpper(node.name.text):
      problems.append(misnamed(node.name, kind: "flow", code: "F902", better: uppered(node.name.text)))
    default: break
    }
  }
}

private func misnamed(_ name: NameNode, kind: String, code: String, better: String) -> Diagnostic {
  Diagnostic(
    code, .info, "the name of the \(kind) `\(name.text)` violates the naming convention", at: name.range,
    label: "violates the naming convention", help: "rename it to `\(better)`")
}

private func isLower(_ name: String) -> Bool { name.isEmpty || name.utf8.allSatisfy { !(0x41...0x5A ~= $0) } }

private func isUpper(_ name: String) -> Bool {
  name.isEmpty || (name.utf8.first.map { 0x41...0x5A ~= $0 } ?? false) && !name.utf8.contains(UInt8(ascii: "_"))
}

/// `WaitForIt` as `wait_for_it`.
private func lowered(_ name: String) -> String {
  var text = ""
  for character in name {
    if character.isUppercase, !text.isEmpty, text.last != "_" { text += "_" }
    text += character.lowercased()
  }
  return text
}

/// `wait_for_it` as `WaitForIt`.
private func uppered(_ name: String) -> String {
  name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
}

/// F904: names of one kind that are easily confused, because they differ in case or underscores only.
func checkConfusingNames(_ context: LintContext, into problems: inout [Diagnostic]) {
  check("event", context.symbols.events.map(\.name), into: &problems)
  check("action", context.symbols.actions.map { NameNode(text: $0.name.text, range: $0.name.range) }, into: &problems)
}

private func check(_ kind: String, _ names: [NameNode], into problems: inout [Diagnostic]) {
  var seen: [String: NameNode] = [:]
  for name in names {
    let plain = name.text.lowercased().filter { $0 != "_" }
    if let first = seen[plain], first.text != name.text {
      problems.append(
        Diagnostic(
          "F904", .warning, "the \(kind)s `\(first.text)` and `\(name.text)` differ only in case or underscores",
          at: name.range,
          label: "easily confused", labels: [.init(first.range, "the other")], help: "rename one of them"))
    }
    seen[plain] = seen[plain] ?? name
  }
}
