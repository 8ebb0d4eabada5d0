/// The type of an expression, a variable or a field.
public indirect enum ValueType: Hashable, Sendable {
  case null, bool, int, uint, double, string, bytes, timestamp, duration
  /// Any type; checked at run time where it is used.
  case dyn
  /// The type of an expression with a reported error: it agrees with every type, so that one error gives one message.
  case error
  case list(ValueType)
  case map(ValueType, ValueType)
  case optional(ValueType)
  /// A declared message or record.
  case record(String)
  /// A declared enum with a type of its own.
  case enumeration(String)
  /// A protobuf wrapper: the value, or null.
  case wrapper(ValueType)
  /// The type of a type; nil when any type is accepted.
  case type(ValueType?)
  /// A named type without fields, with parameters.
  case opaque(String, [ValueType])
  /// A type to be inferred, in the signature of a function.
  case parameter(String)

  /// The deepest nesting of types; deeper parts are `dyn`.
  public static let maximumDepth = 64

  /// The parts that the type is made of.
  public var parameters: [ValueType] {
    switch self {
    case .list(let element): [element]
    case .map(let key, let value): [key, value]
    case .optional(let wrapped), .wrapper(let wrapped): [wrapped]
    case .type(let type): type.map { [$0] } ?? []
    case .opaque(_, let parameters): parameters
    default: []
    }
  }

  /// The same type with `change` done to its parts.
  func mapParameters(_ change: (ValueType) -> ValueType) -> ValueType {
    switch self {
    case .list(let element): .list(change(element))
    case .map(let key, let value): .map(change(key), change(value))
    case .optional(let wrapped): .optional(change(wrapped))
    case .type(let type): .type(type.map(change))
    case .opaque(let name, let parameters): .opaque(name, parameters.map(change))
    default: self
    }
  }

  var depth: Int { 1 + (parameters.lazy.map(\.depth).max() ?? 0) }

  /// The type itself, or `dyn` where it is nested too deep.
  var bounded: ValueType { depth > Self.maximumDepth ? .dyn : self }

  var isDyn: Bool { self == .dyn }
  var isDynOrError: Bool { self == .dyn || self == .error }
  /// True when it may contain values of other types.
  var mentionsDyn: Bool {
    switch self {
    case .dyn, .error, .parameter, .wrapper: true
    default: parameters.contains(where: \.mentionsDyn)
    }
  }

  /// The types of map keys.
  var isKey: Bool {
    switch self {
    case .bool, .int, .uint, .string, .dyn, .error, .parameter: true
    default: false
    }
  }

  /// The name that a value of this type has as a type value: `int`, `list`, `google.protobuf.Timestamp`.
  public var runtimeName: String {
    switch self {
    case .null: "null_type"
    case .bool, .int, .uint, .double, .string, .bytes, .dyn, .error: description
    case .timestamp: "google.protobuf.Timestamp"
    case .duration: "google.protobuf.Duration"
    case .list: "list"
    case .map: "map"
    case .optional: "optional_type"
    case .type: "type"
    case .record(let name), .enumeration(let name), .opaque(let name, _), .parameter(let name): name
    case .wrapper(let wrapped): wrapped.runtimeName
    }
  }
}

extension ValueType: CustomStringConvertible {
  /// The source form: `list<int>`, `map<string, int>`, `int?`, `Item`.
  public var description: String {
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
    case .dyn: "dyn"
    case .error: "error"
    case .list(let element): "list<\(element)>"
    case .map(let key, let value): "map<\(key), \(value)>"
    case .optional(let wrapped): "\(wrapped)?"
    case .record(let name), .enumeration(let name): name
    case .wrapper(let wrapped): "wrapper<\(wrapped)>"
    case .type(let type): type.map { "type<\($0)>" } ?? "type"
    case .opaque(let name, let parameters):
      parameters.isEmpty ? name : "\(name)<\(parameters.map(\.description).joined(separator: ", "))>"
    case .parameter(let name): name.hasPrefix("#") ? "dyn" : name
    }
  }
}
