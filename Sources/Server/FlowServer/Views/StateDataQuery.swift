import CEL
import FlowIR
import FlowSource

/// The paths of `stateData` in a condition over the instances of a flow: it is a map, so that the checker of
/// expressions accepts any name.
struct StateDataQuery {
  /// The names of the fields of each state that has some.
  private var fields: [String: [String]] = [:]
  private var states: [String]

  init(of flow: Flow) {
    states = flow.states.dropFirst().map(\.path)
    for field in flow.fields {
      guard let state = field.state else { continue }
      let path = flow.states[state].path
      fields[path, default: []].append(String(field.name.dropFirst(path.count + 1)))
    }
  }

  /// The first state or field that does not exist, in words; nil when all do.
  func problem(in tree: TypedExpression) -> String? {
    if let (owner, field) = member(tree), let (root, state) = member(owner), isStateData(root) {
      if let problem = problem(ofState: state) { return problem }
      let names = fields[state] ?? []
      guard !names.contains(field) else { return nil }
      return "the state `\(state)` has no field `\(field)`\(hint(field, names))"
    }
    if let (root, state) = member(tree), isStateData(root) { return problem(ofState: state) }
    for child in tree.children { if let problem = problem(in: child) { return problem } }
    return nil
  }

  private func problem(ofState state: String) -> String? {
    guard fields[state] == nil else { return nil }
    if states.contains(state) { return "the state `\(state)` has no fields\(hint(state, fields.keys.sorted()))" }
    return "there is no state `\(state)` with fields\(hint(state, fields.keys.sorted()))"
  }

  private func hint(_ name: String, _ names: [String]) -> String {
    if let guess = Suggestion.closest(to: name, among: names).first { return "; did you mean `\(guess)`?" }
    guard !names.isEmpty else { return "" }
    return "; there \(names.count == 1 ? "is" : "are") " + names.map { "`\($0)`" }.joined(separator: ", ")
  }

  /// The operand and the name of `operand.name` or `operand["name"]`.
  private func member(_ tree: TypedExpression) -> (operand: TypedExpression, name: String)? {
    switch tree.kind {
    case .select(let operand, let name, _): (operand, name)
    case .call(.index, _, let arguments) where arguments.count == 2:
      if case .string(let name)? = arguments[1].constant { (arguments[0], name) } else { nil }
    default: nil
    }
  }

  private func isStateData(_ tree: TypedExpression) -> Bool {
    if case .variable("stateData", _) = tree.kind { true } else { false }
  }
}
