/// The declared records and enums. Needed to check and to run; the order of declarations numbers them.
///
/// A program, its evaluator and the slots between them must share one registry, or copies of it with additions at the
/// end.
public struct TypeRegistry: Sendable {
  /// The largest number of records, and of enums.
  public static let maximumCount = 60_000

  public private(set) var records: [RecordDeclaration] = []
  public private(set) var enums: [EnumDeclaration] = []
  private var recordIndices: [String: Int] = [:]
  private var enumIndices: [String: Int] = [:]
  /// The first parts of the declared names.
  private var roots = NameRoots()

  public init() {}

  /// Adds a record, or replaces the one of that name.
  public mutating func declare(_ record: RecordDeclaration) {
    if let index = recordIndices[record.name] {
      records[index] = record
    } else if records.count < Self.maximumCount {
      recordIndices[record.name] = records.count
      roots.add(record.name)
      records.append(record)
    }
  }

  /// Returns whether a selection from a name may be that of a type, or of a value of an enum.
  func mayBeQualified(_ name: String) -> Bool {
    roots.contains(name) || WellKnown.roots.contains(name) || enumIndices[name] != nil
  }

  /// Adds an enum, or replaces the one of that name.
  public mutating func declare(_ enumeration: EnumDeclaration) {
    if let index = enumIndices[enumeration.name] {
      enums[index] = enumeration
    } else if enums.count < Self.maximumCount {
      enumIndices[enumeration.name] = enums.count
      roots.add(enumeration.name)
      enums.append(enumeration)
    }
  }

  public func record(named name: String) -> RecordDeclaration? { recordIndices[name].map { records[$0] } }
  public func enumeration(named name: String) -> EnumDeclaration? { enumIndices[name].map { enums[$0] } }
  public func recordIndex(_ name: String) -> Int? { recordIndices[name] }
  public func enumIndex(_ name: String) -> Int? { enumIndices[name] }

  /// The type of a name: a simple one, a well-known one, or a declared one.
  public func type(named name: String) -> ValueType? {
    if let known = WellKnown.types[name] { return known }
    if let enumeration = enumeration(named: name) { return enumeration.type }
    return recordIndices[name] == nil ? nil : .record(name)
  }

  /// The value read from a field without a value.
  public func zero(of type: ValueType) -> Value {
    switch type {
    case .null, .dyn, .error, .wrapper, .parameter, .type, .opaque: .null
    case .bool: .bool(false)
    case .int: .int(0)
    case .uint: .uint(0)
    case .double: .double(0)
    case .string: .string("")
    case .bytes: .bytes([])
    case .timestamp: .timestamp(Timestamp(seconds: 0, nanoseconds: 0))
    case .duration: .duration(.zero)
    case .list: .list([])
    case .map: .map(MapValue([]))
    case .optional: .optional(nil)
    case .record(let name): .record(RecordValue(typeName: name, fields: []))
    case .enumeration(let name): .enumeration(type: name, number: 0)
    }
  }
}

/// The protobuf types that have a meaning of their own in CEL.
enum WellKnown {
  static let roots = NameRoots(types.keys)

  static let types: [String: ValueType] = [
    "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string, "bytes": .bytes,
    "null_type": .null, "list": .list(.dyn), "map": .map(.dyn, .dyn), "type": .type(nil),
    "google.protobuf.Timestamp": .timestamp, "google.protobuf.Duration": .duration,
    "google.protobuf.BoolValue": .wrapper(.bool), "google.protobuf.BytesValue": .wrapper(.bytes),
    "google.protobuf.DoubleValue": .wrapper(.double), "google.protobuf.FloatValue": .wrapper(.double),
    "google.protobuf.Int32Value": .wrapper(.int), "google.protobuf.Int64Value": .wrapper(.int),
    "google.protobuf.UInt32Value": .wrapper(.uint), "google.protobuf.UInt64Value": .wrapper(.uint),
    "google.protobuf.StringValue": .wrapper(.string), "google.protobuf.Struct": .map(.string, .dyn),
    "google.protobuf.Value": .dyn, "google.protobuf.ListValue": .list(.dyn), "google.protobuf.Any": .dyn,
    "optional_type": .optional(.dyn), "net.IP": .opaque("net.IP", []), "net.CIDR": .opaque("net.CIDR", []),
  ]
}
