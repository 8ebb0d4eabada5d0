public import FlowJSON

extension ValueType {
  /// A text for a simple type, an array with the name of the kind for the others.
  public var json: JSON {
    switch self {
    case .list(let element): ["list", element.json]
    case .map(let key, let value): ["map", key.json, value.json]
    case .optional(let wrapped): ["optional", wrapped.json]
    case .record(let name): ["record", .string(name)]
    case .enumeration(let name): ["enum", .string(name)]
    case .wrapper(let wrapped): ["wrapper", wrapped.json]
    case .type(let type): .array(["type"] + (type.map { [$0.json] } ?? []))
    case .opaque(let name, let parameters): .array(["opaque", .string(name)] + parameters.map(\.json))
    case .parameter(let name): ["parameter", .string(name)]
    default: .string(description)
    }
  }

  private static let simple: [String: ValueType] = [
    "null": .null, "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string, "bytes": .bytes,
    "timestamp": .timestamp, "duration": .duration, "dyn": .dyn, "error": .error,
  ]

  /// Reads the form that ``json`` writes.
  /// - Throws: `LoadError` when the value is not a type or is nested too deeply.
  public init(json: JSON) throws(LoadError) {
    self = try ValueType.read(json, depth: 0)
  }

  private static func read(_ json: JSON, depth: Int) throws(LoadError) -> ValueType {
    if let name = json.string {
      guard let type = simple[name] else { throw LoadError("there is no type `\(name)`") }
      return type
    }
    guard depth < maximumDepth, let parts = json.array, let kind = parts.first?.string else {
      throw LoadError("this is not a type")
    }
    var types: [ValueType] = []
    let isNamed = ["record", "enum", "opaque", "parameter"].contains(kind)
    for part in parts.dropFirst(isNamed ? 2 : 1) { types.append(try read(part, depth: depth + 1)) }
    let name = isNamed && parts.count > 1 ? parts[1].string : nil
    guard isNamed == (name != nil) else { throw LoadError("a type without a name") }
    switch (kind, types.count) {
    case ("list", 1): return .list(types[0])
    case ("map", 2): return .map(types[0], types[1])
    case ("optional", 1): return .optional(types[0])
    case ("wrapper", 1): return .wrapper(types[0])
    case ("type", 0): return .type(nil)
    case ("type", 1): return .type(types[0])
    case ("record", 0): return .record(name ?? "")
    case ("enum", 0): return .enumeration(name ?? "")
    case ("parameter", 0): return .parameter(name ?? "")
    case ("opaque", _): return .opaque(name ?? "", types)
    default: throw LoadError("there is no type `\(kind)`")
    }
  }
}
