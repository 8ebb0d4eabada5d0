import FlowSource

extension Declaration {
  /// The names that other declarations may use.
  var declaredNames: [String] {
    switch self {
    case .importing, .test: []
    case .type(let node): [node.name.text]
    case .enumeration(let node): [node.name.text]
    case .constant(let node): [node.name.text]
    case .function(let node): [node.name.text]
    case .role(let node): [node.name.text]
    case .event(let node): [node.name.text]
    case .action(let node): [node.name.text]
    case .flow(let node): [node.name.text] + node.events.map { "\(node.name.text).\($0.name.text)" }
    }
  }
}
