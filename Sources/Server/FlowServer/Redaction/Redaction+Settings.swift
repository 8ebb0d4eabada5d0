import CEL
public import FlowIR
import FlowSource

// The settings of the operator against the programs: a name that no program has hides nothing.
extension Redaction {
  /// The first configured flow or field that no known program has, as a message with the closest name; nil if all
  /// exist, or no program is known yet.
  public var mistake: String? {
    let programs = followed
    if programs.isEmpty { return nil }
    let flows = Set(programs.flatMap(\.flows).map(\.name))
    for (flow, fields) in written.sorted(by: { $0.key < $1.key }) {
      guard flows.contains(flow) else {
        return "`serve.redact.\(flow)`: there is no flow `\(flow)`" + Redaction.guess(flow, among: flows)
      }
      let names = programs.reduce(into: RedactableNames()) { $0.add(flow: flow, of: $1) }
      if let field = fields.first(where: { !names.contains($0) }) {
        return "`serve.redact.\(flow)`: there is no field `\(field)` in `\(flow)`"
          + Redaction.guess(field, among: names.fields)
      }
    }
    return nil
  }

  /// The reasons why values may be shown although a field is redacted: fields that a program to be deployed does not
  /// have, and keys of instances, which are never masked.
  /// - Parameter program: Nil for all known programs.
  public func warnings(deploying program: Program? = nil) -> [String] {
    var found: [String] = []
    for flow in program?.flows ?? [] {
      var names = RedactableNames()
      if let program { names.add(flow: flow.name, of: program) }
      for field in written[flow.name] ?? [] where !names.contains(field) {
        found.append(
          "`serve.redact.\(flow.name)`: this version of `\(flow.name)` has no field `\(field)`"
            + Redaction.guess(field, among: names.fields))
      }
    }
    let served = Set((program.map { [$0] } ?? followed).flatMap(\.flows).map(\.name))
    for flow in exposedKeys.intersection(served).sorted() {
      found.append("the key of `\(flow)` may contain a redacted value, and keys of instances are never masked")
    }
    return found
  }

  private static func guess(_ name: String, among known: Set<String>) -> String {
    Suggestion.closest(to: name, among: known.sorted()).first.map { ", did you mean `\($0)`?" } ?? ""
  }
}

/// The names that a redacted value of a flow may have.
private struct RedactableNames {
  private(set) var fields: Set<String> = []
  private var states: Set<String> = []

  mutating func add(flow name: String, of program: Program) {
    for flow in program.flows where flow.name == name {
      fields.formUnion(flow.fields.map(\.plainName))
      fields.formUnion(flow.definitions.map(\.name))
      fields.formUnion(flow.calls.map(\.name) + ["result"])
      states.formUnion(flow.states.flatMap { $0.path.split(separator: ".").map(String.init) })
      for type in program.types { fields.formUnion(type.fields.map(\.name)) }
      for event in program.events { fields.formUnion(event.payload.fields.map(\.name) + event.computed.map(\.name)) }
      for action in program.actions { fields.formUnion(action.parameters.fields.map(\.name)) }
    }
  }

  /// Returns true for a field, also with the path of a state or record: `asked.token`.
  func contains(_ name: String) -> Bool {
    let parts = name.split(separator: ".").map(String.init)
    guard let last = parts.last, fields.contains(last) else { return false }
    return parts.dropLast().allSatisfy { states.contains($0) || fields.contains($0) }
  }
}
