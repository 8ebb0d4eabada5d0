import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F321: the delivery of a webhook reaches a running instance by its key only.
  mutating func checkWebhookRoutes() {
    var seen: Set<Int> = []
    for reaction in reactions {
      guard case .event(let event) = reaction.trigger, declarations.events[event].webhook != nil,
        !hasKey(event), seen.insert(event).inserted
      else { continue }
      let node = symbols.events[event]
      let help =
        key.map { "add the field `\(fields[$0].name)` to the event, or compute it: `let \(fields[$0].name) = …`" }
        ?? "give the flow a `key`, and the event a member of that name"
      problems.append(
        Diagnostic(
          "F321", "no delivery of the webhook `\(node.name.text)` reaches an instance of `\(self.node.name.text)`",
          at: reaction.range, label: "never happens",
          labels: [.init(node.name.range, key == nil ? "the flow has no key" : "has no member for the key")],
          help: help))
    }
  }

  /// Returns whether an event has the key of the flow.
  private func hasKey(_ event: Int) -> Bool {
    guard let key else { return false }
    let name = fields[key].name
    let declaration = declarations.events[event]
    return declaration.payload.field(name)?.type == .string
      || declaration.computed.contains { $0.name == name && $0.value.tree.type == .string }
  }
}
