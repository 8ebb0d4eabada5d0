public import FlowJSON

extension Value {
  /// The deepest nesting of a value.
  public static let maximumDepth = 100

  /// The value with its types, so that ``init(encoding:)`` restores it exactly.
  public var encoding: JSON {
    switch self {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int(let value): ["int", .int(value)]
    case .uint(let value): ["uint", .string(String(value))]
    case .double(let value): ["double", .string(value.description)]
    case .string(let value): .string(value)
    case .bytes(let value): ["bytes", .string(String(decoding: Base64.encode(value), as: UTF8.self))]
    case .timestamp(let value): ["timestamp", .int(value.seconds), .int(Int64(value.nanoseconds))]
    case .duration(let value): ["duration", .int(value.nanoseconds)]
    case .list(let values): .array(["list"] + values.map(\.encoding))
    case .map(let map): .array(["map"] + map.entries.map { [$0.key.encoding, $0.value.encoding] })
    case .record(let record):
      .array(["record", .string(record.typeName)] + record.fields.map { [.string($0.name), $0.value.encoding] })
    case .enumeration(let type, let number): ["enum", .string(type), .int(number)]
    case .optional(let value): .array(["optional"] + (value.map { [$0.encoding] } ?? []))
    case .type(let name): ["type", .string(name)]
    case .ip(let address): ["ip", .string(address.description)]
    case .cidr(let address, let length): ["cidr", .string(address.description), .int(Int64(length))]
    }
  }

  /// Reads the form that ``encoding`` writes.
  /// - Throws: `LoadError` when the document is not a value or is nested too deeply.
  public init(encoding json: JSON) throws(LoadError) {
    self = try Value.read(json, depth: 0)
  }

  private static func read(_ json: JSON, depth: Int) throws(LoadError) -> Value {
    switch json {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .string(let value): return .string(value)
    case .array(let parts):
      guard depth < maximumDepth, let kind = parts.first?.string else { throw LoadError("this is not a value") }
      if let value = try readAggregate(kind, parts: parts.dropFirst(), depth: depth) { return value }
      guard let value = readScalar(kind, Array(parts.dropFirst())) else { throw LoadError("this is not a value") }
      return value
    default: throw LoadError("this is not a value")
    }
  }

  private static func readAggregate(
    _ kind: String, parts: ArraySlice<JSON>, depth: Int
  ) throws(LoadError) -> Value? {
    switch kind {
    case "list":
      var values: [Value] = []
      for part in parts { values.append(try read(part, depth: depth + 1)) }
      return .list(values)
    case "map":
      var entries: [MapValue.Entry] = []
      for part in parts {
        guard let pair = part.array, pair.count == 2 else { throw LoadError("this is not a map entry") }
        entries.append(.init(try read(pair[0], depth: depth + 1), try read(pair[1], depth: depth + 1)))
      }
      return .map(MapValue(entries))
    case "record":
      guard let name = parts.first?.string else { throw LoadError("a record without a type") }
      var fields: [RecordValue.Field] = []
      for part in parts.dropFirst() {
        guard let pair = part.array, pair.count == 2, let field = pair[0].string else {
          throw LoadError("this is not a field")
        }
        fields.append(.init(field, try read(pair[1], depth: depth + 1)))
      }
      return .record(RecordValue(typeName: name, fields: fields))
    case "optional" where parts.count <= 1:
      guard let inner = parts.first else { return .optional(nil) }
      return .optional(try read(inner, depth: depth + 1))
    default: return nil
    }
  }

  private static func readScalar(_ kind: String, _ parts: [JSON]) -> Value? {
    guard let first = parts.first else { return nil }
    switch (kind, first, parts.count) {
    case ("int", .int(let value), 1): return .int(value)
    case ("uint", .string(let text), 1): return UInt64(text).map(Value.uint)
    case ("double", .string(let text), 1): return Double(text).map(Value.double)
    case ("bytes", .string(let text), 1): return Base64.decode(text.utf8).map(Value.bytes)
    case ("duration", .int(let value), 1): return .duration(Duration(nanoseconds: value))
    case ("type", .string(let name), 1): return .type(name)
    case ("ip", .string(let text), 1): return IPAddress(text).map(Value.ip)
    case ("timestamp", .int(let seconds), 2):
      guard case .int(let rest) = parts[1], let nanoseconds = UInt32(exactly: rest) else { return nil }
      return Timestamp(checkingSeconds: seconds, nanoseconds: nanoseconds).map(Value.timestamp)
    case ("enum", .string(let type), 2):
      guard case .int(let number) = parts[1] else { return nil }
      return .enumeration(type: type, number: number)
    case ("cidr", .string(let text), 2):
      guard let address = IPAddress(text), let length = parts[1].int, (0...address.bitCount).contains(length) else {
        return nil
      }
      return .cidr(address, prefixLength: length)
    default: return nil
    }
  }
}
