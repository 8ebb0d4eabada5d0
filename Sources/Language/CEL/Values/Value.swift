/// A value outside of an evaluation: safe, self-contained, comparable.
///
/// Inside an evaluation values are ``Slot``s.
public indirect enum Value: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case uint(UInt64)
  case double(Double)
  case string(String)
  case bytes([UInt8])
  case timestamp(Timestamp)
  case duration(Duration)
  case list([Value])
  case map(MapValue)
  case record(RecordValue)
  case enumeration(type: String, number: Int64)
  case optional(Value?)
  /// A type as a value, by name.
  case type(String)
  /// `net.IP`.
  case ip(IPAddress)
  /// `net.CIDR`.
  case cidr(IPAddress, prefixLength: Int)

  /// Alike in type and value; strings by code points, NaN like itself.
  public static func == (left: Value, right: Value) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.uint(let a), .uint(let b)): a == b
    case (.double(let a), .double(let b)): a == b || (a.isNaN && b.isNaN)
    case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
    case (.bytes(let a), .bytes(let b)): a == b
    case (.timestamp(let a), .timestamp(let b)): a == b
    case (.duration(let a), .duration(let b)): a == b
    case (.list(let a), .list(let b)): a == b
    case (.map(let a), .map(let b)): a == b
    case (.record(let a), .record(let b)): a == b
    case (.enumeration(let a, let x), .enumeration(let b, let y)): x == y && a == b
    case (.optional(let a), .optional(let b)): a == b
    case (.type(let a), .type(let b)): a == b
    case (.ip(let a), .ip(let b)): a == b
    case (.cidr(let a, let x), .cidr(let b, let y)): x == y && a == b
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .bool(let value): hasher.combine(value)
    case .int(let value): hasher.combine(value)
    case .uint(let value): hasher.combine(value)
    case .double(let value): hasher.combine(value.isNaN ? 0 : value)
    case .string(let value): for byte in value.utf8 { hasher.combine(byte) }
    case .bytes(let value): hasher.combine(value)
    case .timestamp(let value): hasher.combine(value)
    case .duration(let value): hasher.combine(value)
    case .list(let values): hasher.combine(values)
    case .map(let value): hasher.combine(value)
    case .record(let value): hasher.combine(value)
    case .enumeration(_, let number): hasher.combine(number)
    case .optional(let value): hasher.combine(value)
    case .type(let name): hasher.combine(name)
    case .ip(let address), .cidr(let address, _): hasher.combine(address)
    }
  }
}

/// Keys and values in insertion order, which does not affect equality.
public struct MapValue: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var key: Value
    public var value: Value

    public init(_ key: Value, _ value: Value) {
      self.key = key
      self.value = value
    }
  }

  public var entries: [Entry]

  public init(_ entries: [Entry]) { self.entries = entries }

  /// - Complexity: O(entries).
  public subscript(_ key: Value) -> Value? { entries.first { $0.key == key }?.value }

  public static func == (left: MapValue, right: MapValue) -> Bool {
    guard left.entries.count == right.entries.count else { return false }
    let values = Dictionary(right.entries.map { ($0.key, $0.value) }) { first, _ in first }
    return left.entries.allSatisfy { values[$0.key] == $0.value }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(entries.count)
    var sum = 0
    for entry in entries { sum &+= entry.key.hashValue }
    hasher.combine(sum)
  }
}

/// A record with those of its fields that are set, in the order of the declaration.
public struct RecordValue: Hashable, Sendable {
  public struct Field: Hashable, Sendable {
    public var name: String
    public var value: Value

    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  public var typeName: String
  public var fields: [Field]

  public init(typeName: String, fields: [Field]) {
    self.typeName = typeName
    self.fields = fields
  }

  public subscript(_ name: String) -> Value? { fields.first { $0.name == name }?.value }
}

extension Value {
  /// The name of the value's type, for messages: `int`, `list`, `Item`.
  public var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "bool"
    case .int: "int"
    case .uint: "uint"
    case .double: "double"
    case .string: "string"
    case .bytes: "bytes"
    case .timestamp: "timestamp"
    case .duration: "duration"
    case .list: "list"
    case .map: "map"
    case .record(let record): record.typeName
    case .enumeration(let type, _): type
    case .optional: "optional"
    case .type: "type"
    case .ip: "net.IP"
    case .cidr: "net.CIDR"
    }
  }
}
