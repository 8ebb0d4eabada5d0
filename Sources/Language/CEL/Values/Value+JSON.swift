public import FlowJSON

extension Value {
  /// The value as JSON: timestamps as RFC 3339 (``Timestamp/jsonText``), durations as seconds, bytes as base64, enums
  /// by name.
  public func json(in types: TypeRegistry) -> JSON {
    switch self {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .uint(let value): Int64(exactly: value).map(JSON.int) ?? .uint(value)
    case .double(let value): .double(value)
    case .string(let value): .string(value)
    case .bytes(let value): .string(String(decoding: Base64.encode(value), as: UTF8.self))
    case .timestamp(let value): .string(value.jsonText)
    case .duration(let value): .string(value.secondsText)
    case .list(let values): .array(values.map { $0.json(in: types) })
    case .map(let map): .object(map.entries.map { .init($0.key.memberName, $0.value.json(in: types)) })
    case .record(let record):
      // An optional field that is absent is left out.
      .object(record.fields.compactMap { $0.value == .optional(nil) ? nil : .init($0.name, $0.value.json(in: types)) })
    case .enumeration(let type, let number):
      types.enumeration(named: type)?.name(of: number).map(JSON.string) ?? .int(number)
    case .optional(let value): value?.json(in: types) ?? .null
    case .type(let name): .string(name)
    case .ip(let address): .string(address.description)
    case .cidr(let address, let length): .string("\(address)/\(length)")
    }
  }

  /// A map key as the name of a member.
  private var memberName: String {
    switch self {
    case .string(let value): value
    case .bool(let value): String(value)
    case .int(let value): String(value)
    case .uint(let value): String(value)
    default: typeName
    }
  }
}
