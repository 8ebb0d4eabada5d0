import CEL
import FlowIR
import FlowJSON
import FlowSource
import FlowSyntax

// The bindings that consist of named settings only, and the signatures of requests.
extension Declarations {
  /// The settings of each binding with their types; nil is any JSON.
  private static let settings: [String: [(name: String, type: ValueType?, isRequired: Bool)]] = [
    "email": [
      ("to", .string, true), ("subject", .string, true), ("text", .string, false), ("html", .string, false),
      ("from", .string, false), ("url", .string, false),
    ],
    "publish": [("url", .string, false), ("headers", .map(.string, .string), false), ("body", nil, false)],
    "redis": [("url", .string, false), ("args", .list(.string), false)],
    "sql": [("url", .string, false), ("args", .list(.dyn), false)],
    "exec": [("args", .list(.string), false), ("input", nil, false)],
  ]

  func other(
    _ kind: String, heads: [(name: String, value: Expression)], of node: ActionNode, scope: inout BindingScope,
    into problems: inout [Diagnostic]
  ) -> CheckedAction.Binding {
    var checked: [(name: String, value: CheckedExpression)] = []
    for head in heads {
      if let value = scope.check(head.value, expecting: .string, into: &problems) { checked.append((head.name, value)) }
    }
    let known = Declarations.settings[kind] ?? []
    let given = node.binding?.settings ?? []
    checkSettings(given, known: known.map(\.name), into: &problems)
    for setting in known {
      guard let argument = given.first(where: { $0.name.text == setting.name }) else {
        if setting.isRequired { problems.append(missing(setting.name, kind: kind, of: node)) }
        continue
      }
      if let value = scope.check(argument.value, expecting: setting.type, into: &problems) {
        checked.append((setting.name, value))
      }
    }
    return .other(kind: kind, settings: checked)
  }

  /// F215: a setting is known to its binding.
  func checkSettings(_ given: [ArgumentNode], known: [String], into problems: inout [Diagnostic]) {
    var seen: Set<String> = []
    for setting in given where !setting.name.isMissing {
      if !known.contains(setting.name.text) {
        problems.append(
          unknown("setting", named: setting.name.text, code: "F215", at: setting.name.range, candidates: known))
      } else if !seen.insert(setting.name.text).inserted {
        problems.append(Diagnostic("F103", "`\(setting.name.text)` is given twice", at: setting.name.range))
      }
    }
  }

  private func missing(_ setting: String, kind: String, of node: ActionNode) -> Diagnostic {
    Diagnostic(
      "F215", "`\(kind)` needs `\(setting)`", at: node.binding?.range ?? node.range, label: "not given here",
      help: "write `\(kind) { \(setting): … }`")
  }

  /// `signed env("SECRET")`
  func signature(
    _ node: ActionNode, _ scope: inout BindingScope, into problems: inout [Diagnostic]
  ) -> CheckedExpression? {
    for policy in node.policies {
      if case .signed(let secret) = policy.kind { return scope.check(secret, expecting: .string, into: &problems) }
    }
    return nil
  }

  // MARK: - Webhooks

  /// F215: a webhook has a secret and the header of its signature.
  func webhook(_ event: EventNode, into problems: inout [Diagnostic]) -> CheckedWebhook? {
    guard let node = event.webhook else { return nil }
    if event.isInternal { problems.append(sent(event, from: "a webhook", at: node.range)) }
    var scope = BindingScope(environment: environment)
    guard let expression = node.secret, let header = node.header, !header.isEmpty else {
      problems.append(
        Diagnostic(
          "F215", "a webhook needs a secret and a header", at: node.range, label: "one of them is missing",
          help: "write `from webhook { secret env(\"SECRET\") header \"X-Signature\" hmac sha256 }`"))
      return nil
    }
    if let algorithm = node.algorithm, !algorithm.isMissing, algorithm.text != "sha256" {
      problems.append(
        unknown("hash", named: algorithm.text, code: "F107", at: algorithm.range, candidates: ["sha256"]))
    }
    guard let secret = scope.check(expression, expecting: .string, into: &problems) else { return nil }
    return CheckedWebhook(secret: secret, environment: scope.variables, header: header, algorithm: "sha256")
  }

  /// F320: flows emit an internal event, and nothing else.
  private func sent(_ event: EventNode, from sender: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      "F320", "`\(event.name.text)` is internal and can't come from \(sender)", at: range,
      label: "delivers from outside", labels: [.init(event.name.range, "declared internal")],
      help: "remove `internal`, or receive another event and emit this one")
  }

  // MARK: - Queues

  /// F215: a queue has a name. F103: each queue has one event, so that its messages are of one kind.
  func queue(_ event: EventNode, into problems: inout [Diagnostic]) -> BrokerQueue? {
    guard let node = event.queue, let broker = BrokerQueue.Broker(rawValue: node.broker.text) else { return nil }
    let kind = broker == .redis ? "stream" : "queue"
    if event.isInternal { problems.append(sent(event, from: "a \(kind)", at: node.range)) }
    guard BrokerQueue.isName(node.name) else {
      problems.append(
        Diagnostic(
          "F215", "the name of a \(kind) has 1 to \(BrokerQueue.longestName) bytes", at: node.nameRange,
          label: node.name.isEmpty ? "is empty" : "is not a name", help: "write `from \(broker.rawValue) \"orders\"`"))
      return nil
    }
    let first = symbols.events.first { other in
      other.queue.map { $0.broker.text == node.broker.text && $0.name == node.name } ?? false
    }
    if let first, first.name.range != event.name.range {
      problems.append(
        Diagnostic(
          "F103", "two events come from the \(kind) `\(node.name)`", at: node.range, label: "already read",
          labels: [.init(first.name.range, "its messages are this event")],
          help: "use a \(kind) for each event, or one event that the flows tell apart with `when`"))
    }
    return BrokerQueue(broker: broker, name: node.name)
  }
}
