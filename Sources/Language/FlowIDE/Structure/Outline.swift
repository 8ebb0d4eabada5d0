public import FlowSource
import FlowSyntax

/// A declaration with what it contains, for an outline.
public struct OutlineItem: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case flow, state, event, type, enumeration, enumValue, constant, function, role, action, field, definition, call
    case reaction, test
  }

  public var name: String
  public var kind: Kind
  public var detail: String
  public var range: SourceRange
  /// The name within the range.
  public var nameRange: SourceRange
  public var children: [OutlineItem]
}

extension SourceUnit {
  /// The declarations of the file.
  public var outline: [OutlineItem] { parsed.declarations.compactMap(item) }

  private func item(
    _ name: NameNode, as kind: OutlineItem.Kind, in range: SourceRange, detail: String = "",
    _ children: [OutlineItem] = []
  ) -> OutlineItem {
    OutlineItem(
      name: name.isMissing ? "…" : name.text, kind: kind, detail: detail, range: range.union(name.range),
      nameRange: name.range, children: children)
  }

  private func item(_ declaration: Declaration) -> OutlineItem? {
    switch declaration {
    case .importing: nil
    case .type(let node): item(node.name, as: .type, in: node.range, node.fields.map(field))
    case .enumeration(let node):
      item(node.name, as: .enumeration, in: node.range, node.values.map { item($0, as: .enumValue, in: $0.range) })
    case .constant(let node): item(node.name, as: .constant, in: node.range)
    case .function(let node): item(node.name, as: .function, in: node.range)
    case .role(let node): item(node.name, as: .role, in: node.range)
    case .event(let node):
      item(
        node.name, as: .event, in: node.range,
        node.fields.map(field) + node.lets.map { item($0.name, as: .definition, in: $0.range) })
    case .action(let node): item(NameNode(text: node.name.text, range: node.name.range), as: .action, in: node.range)
    case .flow(let node): flow(node)
    case .test(let node):
      item(
        NameNode(text: node.name, range: SourceRange(node.range.lower, node.range.lower + 4)), as: .test, in: node.range
      )
    }
  }

  private func field(_ node: FieldNode) -> OutlineItem {
    item(node.name, as: .field, in: node.range, detail: text(node.type.range))
  }

  private func flow(_ node: FlowNode) -> OutlineItem {
    let parts =
      node.fields.map(field) + node.lets.map { item($0.name, as: .definition, in: $0.range) }
      + node.events.map { item($0.name, as: .event, in: $0.range) } + node.reactions.map(reaction)
      + node.states.map(state)
    return item(node.name, as: .flow, in: node.range, parts.sorted { $0.range.lower < $1.range.lower })
  }

  private func state(_ node: StateNode) -> OutlineItem {
    let calls = (node.calls + node.steps.flatMap(\.steps)).map { call in
      item(call.name ?? NameNode(text: call.action.text, range: call.action.range), as: .call, in: call.range)
    }
    let parts = node.fields.map(field) + calls + node.reactions.map(reaction) + node.children.map(state)
    let detail = node.kind == .plain ? "" : node.kind.rawValue
    return item(node.name, as: .state, in: node.range, detail: detail, parts.sorted { $0.range.lower < $1.range.lower })
  }

  private func reaction(_ node: ReactionNode) -> OutlineItem {
    let target = node.rest.target.map { " -> " + $0.text } ?? ""
    let name = text(node.trigger.range).split(whereSeparator: \.isWhitespace).joined(separator: " ") + target
    return item(NameNode(text: name, range: node.trigger.range), as: .reaction, in: node.range)
  }
}
