/// One field of a record.
public struct FieldDeclaration: Hashable, Sendable {
  /// The rule by which a field counts as set.
  public enum Presence: String, Hashable, Sendable {
    /// Every value has it: flow fields.
    case always
    /// Present when it was set, to any value: proto2, messages, wrappers.
    case explicit
    /// Present when it differs from the type's zero: proto3 scalars, lists and maps.
    case implicit
  }

  /// The representation of the field, if it has a smaller range than its type.
  public enum Storage: String, Hashable, Sendable {
    case plain, int32, uint32, float, any, jsonValue, jsonStruct, jsonList, enum32
  }

  public var name: String
  public var type: ValueType
  /// The number on the wire, of a protobuf field.
  public var number: Int?
  public var defaultValue: Value?
  public var presence: Presence
  public var storage: Storage
  /// The name of the enum, for a number that denotes one.
  public var enumName: String?
  /// The largest size of a list, a map, a string or bytes; nil for no bound.
  public var maximum: Int?

  public init(
    _ name: String, _ type: ValueType, number: Int? = nil, defaultValue: Value? = nil, presence: Presence = .always,
    storage: Storage = .plain, enumName: String? = nil, maximum: Int? = nil
  ) {
    self.name = name
    self.type = type
    self.number = number
    self.defaultValue = defaultValue
    self.presence = presence
    self.storage = storage
    self.enumName = enumName
    self.maximum = maximum
  }

  /// The bound of its values; nil for none.
  public var bound: SizeBound? { maximum.map { SizeBound(name: name, maximum: $0) } }

  /// True when a literal must include it: no default, not optional, no presence of its own.
  public var isRequired: Bool {
    if presence != .always || defaultValue != nil { return false }
    if case .optional = type { return false }
    return true
  }
}

/// A record: named fields in an order. A flow's types and events, or a protobuf message.
public struct RecordDeclaration: Hashable, Sendable {
  public var name: String
  public var fields: [FieldDeclaration]
  private let indices: [String: Int]

  public init(_ name: String, _ fields: [FieldDeclaration]) {
    self.name = name
    self.fields = fields
    var indices: [String: Int] = [:]
    for (index, field) in fields.enumerated() where indices[field.name] == nil { indices[field.name] = index }
    self.indices = indices
  }

  /// The index of a field.
  public func index(of name: String) -> Int? { indices[name] }

  public func field(_ name: String) -> FieldDeclaration? { indices[name].map { fields[$0] } }
}

/// An enum: names for numbers.
public struct EnumDeclaration: Hashable, Sendable {
  public struct Case: Hashable, Sendable {
    public var name: String
    public var number: Int64
  }

  public var name: String
  public var values: [Case]
  /// True for a type of its own; the values of a weak enum, as in protobuf, are ints.
  public var isStrong: Bool

  public init(_ name: String, values: [(name: String, number: Int64)], isStrong: Bool = true) {
    self.name = name
    self.values = values.map { Case(name: $0.name, number: $0.number) }
    self.isStrong = isStrong
  }

  public func number(of name: String) -> Int64? { values.first { $0.name == name }?.number }

  public func name(of number: Int64) -> String? { values.first { $0.number == number }?.name }

  public var type: ValueType { isStrong ? .enumeration(name) : .int }
}
