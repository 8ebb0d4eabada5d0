import CEL
import FlowSource
import FlowSyntax

// Callers: the roles and flows of `by`, and read rules.
extension FlowChecker {
  /// The roles and the flows of `by`. A name that is both is ambiguous (F103).
  mutating func callers(_ names: [NameNode]) -> (roles: [Int], senders: [Int]) {
    var found: (roles: [Int], senders: [Int]) = ([], [])
    for name in names where !name.isMissing {
      switch (symbols.roleIndices[name.text], symbols.flowIndices[name.text]) {
      case (let role?, nil): found.roles.append(role)
      case (nil, let flow?): found.senders.append(flow)
      case (let role?, let flow?):
        problems.append(
          Diagnostic(
            "F103", "`\(name.text)` is a role and a flow", at: name.range, label: "which of them?",
            labels: [
              .init(symbols.roles[role].name.range, "the role"), .init(symbols.flows[flow].name.range, "the flow"),
            ], help: "give one of them another name"))
      case (nil, nil):
        problems.append(
          unknown(
            "role or flow", named: name.text, code: "F106", at: name.range,
            candidates: symbols.roles.map(\.name.text) + symbols.flows.map(\.name.text),
            others: [("an event", symbols.events.map(\.name.text))]))
      }
    }
    return found
  }

  /// A read rule: roles, and a condition over data, `let`s and `caller`.
  mutating func readRule(_ node: ReadRuleNode) -> CheckedReadRule {
    if let flow = node.roles.first(where: { symbols.roleIndices[$0.text] == nil && symbols.flowIndices[$0.text] != nil }
    ) {
      problems.append(
        Diagnostic(
          "F106", "`\(flow.text)` is a flow, and flows don't read instances", at: flow.range, label: "not a role",
          help: "name a role, or write `read when` and a condition"))
      return CheckedReadRule(roles: [])
    }
    return CheckedReadRule(
      roles: node.roles.compactMap { role($0) },
      condition: node.condition.flatMap { condition($0, environment, what: "a read rule") })
  }

  /// F320: the events of a flow are raised only.
  mutating func checkEmitted(_ event: Int, by statement: ActionStatementNode) {
    let name = symbols.events[event].name.text
    guard name.contains(".") else { return }
    let word = SourceRange(statement.range.lower, statement.range.lower + UInt32("emit".utf8.count))
    problems.append(
      Diagnostic(
        "F320", "`\(name)` is an event of a flow and can't be emitted", at: statement.range,
        label: "no flow receives it",
        help: "raise it, or declare it as an `internal event` outside of the flow",
        fixes: [Fix("raise it", .maybe, [.init(word, "raise")])]))
  }

  /// F320: a test names the sender of an internal event; events declared in a flow have no external sender.
  mutating func checkSent(_ event: Int, from sender: NameNode?, at range: SourceRange) {
    let node = symbols.events[event]
    guard node.isInternal else { return }
    if node.name.text.contains(".") {
      problems.append(
        Diagnostic(
          "F320", "`\(node.name.text)` is an event of a flow and can't be sent", at: range, label: "raised only",
          help: "send the event that leads to it"))
    } else if sender == nil {
      problems.append(
        Diagnostic(
          "F320", "`\(node.name.text)` is internal: only flows emit it", at: range, label: "sent from outside",
          labels: [.init(node.name.range, "declared internal")], help: "write `send … from Flow`"))
    }
  }

  /// The flow after `from` in a test.
  mutating func sender(_ name: NameNode?) -> Int? {
    guard let name, !name.isMissing else { return nil }
    if let flow = symbols.flowIndices[name.text] { return flow }
    problems.append(
      unknown(
        "flow", named: name.text, code: "F106", at: name.range, candidates: symbols.flows.map(\.name.text),
        others: [("a role", symbols.roles.map(\.name.text))]))
    return nil
  }
}

/// F320: a flow after `by` emits the event.
func checkSenders(_ flows: [FlowSummary], _ symbols: Symbols, into problems: inout [Diagnostic]) {
  let emitted = Dictionary(flows.map { ($0.name.text, Set($0.emits.map(\.event))) }) { first, _ in first }
  for admission in flows.flatMap(\.admissions) {
    for sender in admission.senders {
      let name = symbols.flows[sender].name.text
      guard let events = emitted[name], !events.contains(admission.event) else { continue }
      problems.append(
        Diagnostic(
          "F320", "`\(name)` never emits `\(symbols.events[admission.event].name.text)`", at: admission.range,
          label: "never comes from there", help: "remove `\(name)` after `by`, or emit the event in it"))
    }
  }
}

extension FlowChecker {
  /// The flow after `emit … to`. F107: no flow has the name.
  mutating func receivers(_ name: NameNode) -> Int? {
    guard !name.isMissing else { return nil }
    if let flow = symbols.flowIndices[name.text] { return flow }
    var diagnostic = unknown(
      "flow", named: name.text, code: "F107", at: name.range, candidates: symbols.flowIndices.keys)
    if diagnostic.fixes.isEmpty {
      diagnostic.help =
        "`to` names a flow, all of whose running instances receive the event; without it, the instance with the key"
        + " that the event has receives it"
    }
    problems.append(diagnostic)
    return nil
  }
}

/// An `emit … to Flow`.
struct CheckedBroadcast {
  let event: Int
  let flow: Int
  /// The range of the name of the flow.
  let range: SourceRange
  /// From the end of the event to the end of the name.
  let clause: SourceRange
}

/// F715: a broadcast to a flow that has no reaction to the event, or of an event that has the key of one instance.
func checkBroadcasts(_ flows: [FlowSummary], _ symbols: Symbols, into problems: inout [Diagnostic]) {
  for broadcast in flows.flatMap(\.broadcasts) {
    let receiver = symbols.flows[broadcast.flow]
    let event = symbols.events[broadcast.event]
    let name = event.name.text
    if !flows[broadcast.flow].receives(broadcast.event) {
      let starts = receiver.starts.contains { $0.isStarted(by: name) }
      problems.append(
        Diagnostic(
          "F715", "no state of `\(receiver.name.text)` handles `\(name)`", at: broadcast.range,
          label: "never receives it", labels: [.init(receiver.name.range, "this flow")],
          help: starts
            ? "a broadcast reaches running instances and starts none: remove `to \(receiver.name.text)`"
            : "write `on \(name)` in `\(receiver.name.text)`, or name another flow"))
    } else if let key = receiver.key, event.members.contains(key.text) {
      problems.append(
        Diagnostic(
          "F715", "`\(name)` has the key `\(key.text)` of `\(receiver.name.text)`", at: broadcast.range,
          label: "for one instance", labels: [.init(key.range, "the key")],
          help: "emit it without `to`, or give it a member with another name",
          fixes: [Fix("remove `to \(receiver.name.text)`", .maybe, [.init(broadcast.clause, "")])]))
    }
  }
}

extension StartNode {
  fileprivate func isStarted(by name: String) -> Bool {
    guard case .on(let names, isAgain: _) = trigger else { return false }
    return names.contains { $0.text == name }
  }
}

extension EventNode {
  /// The names of its fields and computed members.
  fileprivate var members: [String] { fields.map(\.name.text) + lets.map(\.name.text) }
}
