import CEL
import FlowSyntax

/// A callable declaration: an action, or a flow with parameters.
struct Callee {
  var target: CheckedCall.Target
  var name: String
  var parameters: [FieldDeclaration]
  /// The optional parameters.
  var optional: Set<String> = []
  var result: ValueType?
  /// The largest size of the result; nil for no bound.
  var resultMaximum: Int?
  /// The declared failure codes.
  var failures: [String]

  /// A state, whose fields are its parameters.
  init(state name: String, fields: [FieldDeclaration]) {
    target = .action(0)
    self.name = name
    parameters = fields
    failures = []
  }

  init(_ action: CheckedAction, index: Int) {
    target = .action(index)
    name = action.node.name.text
    parameters = action.parameters.fields
    result = action.result
    resultMaximum = action.resultMaximum
    failures = action.node.failures.map(\.text)
  }

  /// A flow fails with the name of the `failed` state in which it ends.
  init(_ flow: FlowNode, index: Int, parameters: [FieldDeclaration], result: ValueType?) {
    target = .flow(index)
    name = flow.name.text
    self.parameters = parameters
    self.result = result
    failures = flow.unparsedStates?.failures ?? flow.states.flatMap(\.failures)
  }
}

/// The shape of a call's result: one value, one per item of a list, or an optional value.
enum ResultShape: String, CaseIterable {
  case single = "flow.Result"
  case list = "flow.Results"
  case optional = "flow.Perhaps"
  /// The results of a call whose items may fail without its failure: those that failed are absent.
  case partialList = "flow.PartialResults"
  /// The result of an item of a list.
  case item = "flow.Item"

  func recordName(_ callee: String) -> String { "\(rawValue)(\(callee))" }

  /// The action or flow whose results have a record of that name; nil for all other records.
  static func callee(ofRecord name: String) -> String? {
    guard name.hasSuffix(")"), let open = name.firstIndex(of: "("), ResultShape(rawValue: String(name[..<open])) != nil
    else { return nil }
    return String(name[name.index(after: open)...].dropLast())
  }

  func record(_ callee: Callee) -> RecordDeclaration {
    let type = callee.result ?? .dyn
    let shaped: ValueType =
      switch self {
      case .single, .item: type
      case .list: .list(type)
      case .optional: type.asOptional
      // The element of a call without a declared result is null in any case.
      case .partialList: .list(type == .dyn ? .dyn : type.asOptional)
      }
    let index = self == .item ? [FieldDeclaration("index", .int)] : []
    // The bound is that of each result, not of their list.
    let maximum = self == .list || self == .partialList ? nil : callee.resultMaximum
    return RecordDeclaration(recordName(callee.name), index + [FieldDeclaration("result", shaped, maximum: maximum)])
  }
}

extension ValueType {
  fileprivate var asOptional: ValueType { if case .optional = self { self } else { .optional(self) } }
}
