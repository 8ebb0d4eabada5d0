import CEL
import FlowSource
import FlowSyntax

extension FlowChecker {
  /// F321: the delivery of a webhook, and the message of a queue, reach a running instance by its key only.
  mutating func checkDeliveryRoutes() {
    var seen: Set<Int> = []
    for reaction in reactions {
      guard case .event(let event) = reaction.trigger, let delivery = delivery(of: symbols.events[event]),
        !hasKey(event), seen.insert(event).inserted
      else { continue }
      let node = symbols.events[event]
      let help =
        key.map { "add the field `\(fields[$0].name)` to the event, or compute it: `let \(fields[$0].name) = …`" }
        ?? "give the flow a `key`, and the event a member of that name"
      problems.append(
        Diagnostic(
          "F321", "\(delivery) reaches an instance of `\(self.node.name.text)`", at: reaction.range,
          label: "never happens",
          labels: [.init(node.name.range, key == nil ? "the flow has no key" : "has no member for the key")],
          help: help))
    }
  }

  /// The deliveries of an event by other systems, as the start of a message; nil for an event without any.
  private func delivery(of event: EventNode) -> String? {
    if event.webhook != nil { return "no delivery of the webhook `\(event.name.text)`" }
    return event.queue.map { "no message of the \($0.broker.text == "redis" ? "stream" : "queue") `\($0.name)`" }
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
