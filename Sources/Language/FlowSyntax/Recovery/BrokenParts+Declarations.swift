import FlowSource

extension Declaration {
  /// The source range of the declaration; nil for one without a range.
  var range: SourceRange? {
    switch self {
    case .importing(let node): node.range
    case .type(let node): node.range
    case .enumeration(let node): node.range
    case .constant(let node): node.range
    case .function(let node): node.range
    case .role(let node): node.range
    case .event(let node): node.range
    case .action(let node): node.range
    case .flow(let node): node.range
    case .test(let node): node.range
    }
  }

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
