public import CEL
public import FlowJSON

extension JSON {
  /// The document without the members that a type does not declare: other systems send more than a flow needs.
  public func trimmed(to type: ValueType, in types: TypeRegistry) -> JSON {
    switch (self, type) {
    case (_, .optional(let wrapped)): return trimmed(to: wrapped, in: types)
    case (.array(let items), .list(let element)): return .array(items.map { $0.trimmed(to: element, in: types) })
    case (.object(let members), .map(_, let value)):
      return .object(members.map { .init($0.name, $0.value.trimmed(to: value, in: types)) })
    case (.object(let members), .record(let name)):
      guard let record = types.record(named: name) else { return self }
      return .object(
        members.compactMap { member in
          guard let index = record.index(of: member.name) else { return nil }
          return .init(member.name, member.value.trimmed(to: record.fields[index].type, in: types))
        })
    default: return self
    }
  }
}
