import CEL
import FlowSource
import FlowSyntax

/// The top-level names of all files, by kind.
struct Symbols {
  var types: [TypeNode] = []
  var enums: [EnumNode] = []
  var constants: [ConstantNode] = []
  var functions: [FunctionNode] = []
  var roles: [RoleNode] = []
  var events: [EventNode] = []
  var actions: [ActionNode] = []
  var flows: [FlowNode] = []
  var typeNames: Set<String> = []
  var enumNames: Set<String> = []
  var roleIndices: [String: Int] = [:]
  var eventIndices: [String: Int] = [:]
  var actionIndices: [String: Int] = [:]
  var flowIndices: [String: Int] = [:]

  /// F103: a name is declared once within its kind.
  init(_ files: [ParsedFile], into problems: inout [Diagnostic]) {
    var seen: [String: SourceRange] = [:]
    for declaration in files.flatMap(\.declarations) {
      guard let (kind, name) = Symbols.name(of: declaration), !name.isMissing else { continue }
      let space = Symbols.spaces[kind] ?? kind
      if let first = seen["\(space) \(name.text)"] {
        problems.append(
          Diagnostic(
            "F103", "there are two declarations of `\(name.text)`", at: name.range, label: "declared again",
            labels: [.init(first, "first declared here")], help: "give one of them another name"))
        continue
      }
      seen["\(space) \(name.text)"] = name.range
      add(declaration)
    }
  }

  private mutating func add(_ declaration: Declaration) {
    switch declaration {
    case .importing, .test: break
    case .type(let node):
      typeNames.insert(node.name.text)
      types.append(node)
    case .enumeration(let node):
      enumNames.insert(node.name.text)
      enums.append(node)
    case .constant(let node): constants.append(node)
    case .function(let node): functions.append(node)
    case .role(let node):
      roleIndices[node.name.text] = roles.count
      roles.append(node)
    case .event(let node):
      eventIndices[node.name.text] = events.count
      events.append(node)
    case .action(let node):
      actionIndices[node.name.text] = actions.count
      actions.append(node)
    case .flow(let node):
      flowIndices[node.name.text] = flows.count
      flows.append(node)
      for event in node.events where !event.name.isMissing { addOwn(event, of: node) }
    }
  }

  /// An event declared in a flow is named `Flow.Event`; inside the flow its plain name is enough.
  private mutating func addOwn(_ event: EventNode, of flow: FlowNode) {
    var own = event
    own.name.text = "\(flow.name.text).\(event.name.text)"
    own.isInternal = true
    guard eventIndices[own.name.text] == nil else { return }
    eventIndices[own.name.text] = events.count
    events.append(own)
  }

  /// Kinds that can't share a name: types, enums and events, which expressions construct, and actions and flows, which
  /// are called.
  private static let spaces = ["enum": "type", "event": "type", "flow": "callee", "action": "callee"]

  static func name(of declaration: Declaration) -> (kind: String, NameNode)? {
    switch declaration {
    case .importing, .test: nil
    case .type(let node): ("type", node.name)
    case .enumeration(let node): ("enum", node.name)
    case .constant(let node): ("constant", node.name)
    case .function(let node): ("constant", node.name)
    case .role(let node): ("role", node.name)
    case .event(let node): ("event", node.name)
    case .action(let node): ("action", NameNode(text: node.name.text, range: node.name.range))
    case .flow(let node): ("flow", node.name)
    }
  }
}

extension Declaration {
  /// The name that it declares, if it declares one.
  var declaredName: String? { Symbols.name(of: self)?.1.text }
}

/// The diagnostic of an unknown name, with the most similar one, and its actual kind if it has one.
func unknown(
  _ kind: String, named name: String, code: String, at range: SourceRange, candidates: some Sequence<String>,
  others: [(kind: String, names: [String])] = [], location: String = ""
) -> Diagnostic {
  var diagnostic = Diagnostic(
    code, "there is no \(kind) named `\(name)`\(location)", at: range, label: "not declared")
  let known = Array(candidates).filter { !$0.isEmpty }.sorted()
  if let meant = Suggestion.closest(to: name, among: known).first {
    diagnostic.help = "did you mean `\(meant)`?"
    diagnostic.fixes = [Fix("change it to `\(meant)`", .maybe, [.init(range, meant)])]
  } else if let other = others.first(where: { $0.names.contains(name) }) {
    diagnostic.notes = ["`\(name)` is \(other.kind)"]
  } else if !known.isEmpty, known.count <= 8 {
    diagnostic.help = "there \(known.count == 1 ? "is" : "are") \(known.map { "`\($0)`" }.joined(separator: ", "))"
  }
  return diagnostic
}
