import CEL

/// The messages of the suite, as declarations.
///
/// They contain every type of field singly, repeated, and as the value of a map with every kind of key; so they are
/// generated from the list of types.
enum Messages {
  private struct Kind {
    var name: String
    var type: ValueType
    var storage = FieldDeclaration.Storage.plain
    var enumName: String?
    /// Messages and wrappers have presence.
    var isMessage = false
  }

  static func registry(hasStrongEnums: Bool) -> TypeRegistry {
    var types = TypeRegistry()
    types.declareWellKnownTypes()
    for syntax in ["proto2", "proto3"] { declare(syntax, hasStrongEnums, in: &types) }
    return types
  }

  private static func declare(_ syntax: String, _ hasStrongEnums: Bool, in types: inout TypeRegistry) {
    let package = "cel.expr.conformance.\(syntax)"
    let all = "\(package).TestAllTypes"
    types.declare(
      EnumDeclaration("\(package).GlobalEnum", values: [("GOO", 0), ("GAR", 1), ("GAZ", 2)], isStrong: hasStrongEnums))
    types.declare(
      EnumDeclaration("\(all).NestedEnum", values: [("FOO", 0), ("BAR", 1), ("BAZ", 2)], isStrong: hasStrongEnums))
    let presence: FieldDeclaration.Presence = syntax == "proto2" ? .explicit : .implicit
    types.declare(
      RecordDeclaration(
        "\(all).NestedMessage", [FieldDeclaration("bb", .int, number: 1, presence: presence, storage: .int32)]))
    types.declare(
      RecordDeclaration(
        "\(package).NestedTestAllTypes",
        [
          FieldDeclaration("child", .record("\(package).NestedTestAllTypes"), number: 1, presence: .explicit),
          FieldDeclaration("payload", .record(all), number: 2, presence: .explicit),
        ]))
    if syntax == "proto2" {
      types.declare(
        RecordDeclaration(
          "\(package).TestRequired",
          [FieldDeclaration("required_int32", .int, number: 1, presence: .explicit, storage: .int32)]))
      types.declare(
        RecordDeclaration(
          "\(all).NestedGroup",
          [
            FieldDeclaration("single_id", .int, number: 404, presence: .explicit, storage: .int32),
            FieldDeclaration("single_name", .string, number: 405, presence: .explicit),
          ]))
    }
    let nested = hasStrongEnums ? ValueType.enumeration("\(all).NestedEnum") : .int
    let enumKind = Kind(name: "enum", type: nested, storage: .enum32, enumName: "\(all).NestedEnum")
    types.declare(RecordDeclaration(all, fields(syntax, package: package, presence: presence, enumKind: enumKind)))
  }

  // MARK: Fields

  private static let scalars: [Kind] =
    ["int32", "sint32", "sfixed32"].map { Kind(name: $0, type: .int, storage: .int32) }
    + ["int64", "sint64", "sfixed64"].map { Kind(name: $0, type: .int) }
    + ["uint32", "fixed32"].map { Kind(name: $0, type: .uint, storage: .uint32) }
    + ["uint64", "fixed64"].map { Kind(name: $0, type: .uint) }
    + [
      Kind(name: "float", type: .double, storage: .float), Kind(name: "double", type: .double),
      Kind(name: "bool", type: .bool), Kind(name: "string", type: .string), Kind(name: "bytes", type: .bytes),
    ]

  private static let wellKnown: [Kind] = [
    Kind(name: "any", type: .dyn, storage: .any, isMessage: true),
    Kind(name: "duration", type: .duration, isMessage: true),
    Kind(name: "timestamp", type: .timestamp, isMessage: true),
    Kind(name: "struct", type: .map(.string, .dyn), storage: .jsonStruct, isMessage: true),
    Kind(name: "value", type: .dyn, storage: .jsonValue, isMessage: true),
    Kind(name: "int64_wrapper", type: .wrapper(.int), isMessage: true),
    Kind(name: "int32_wrapper", type: .wrapper(.int), storage: .int32, isMessage: true),
    Kind(name: "double_wrapper", type: .wrapper(.double), isMessage: true),
    Kind(name: "float_wrapper", type: .wrapper(.double), storage: .float, isMessage: true),
    Kind(name: "uint64_wrapper", type: .wrapper(.uint), isMessage: true),
    Kind(name: "uint32_wrapper", type: .wrapper(.uint), storage: .uint32, isMessage: true),
    Kind(name: "string_wrapper", type: .wrapper(.string), isMessage: true),
    Kind(name: "bool_wrapper", type: .wrapper(.bool), isMessage: true),
    Kind(name: "bytes_wrapper", type: .wrapper(.bytes), isMessage: true),
    Kind(name: "list_value", type: .list(.dyn), storage: .jsonList, isMessage: true),
    Kind(name: "null_value", type: .null),
  ]

  /// The field numbers of the plain single fields, in their order.
  private static let numbers: [String: Int] = Dictionary(
    uniqueKeysWithValues: [
      "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64", "float",
      "double", "bool", "string", "bytes",
    ].enumerated().map { ("single_\($0.element)", $0.offset + 1) }
      + wellKnown.enumerated().map { (name(of: $0.element), $0.offset + 100) })

  private static func name(of kind: Kind) -> String {
    kind.name == "list_value" || kind.name == "null_value" ? kind.name : "single_\(kind.name)"
  }

  /// The default values of proto2 fields.
  private static let defaults: [String: Value] = [
    "single_int32": .int(-32), "single_int64": .int(-64), "single_uint32": .uint(32), "single_uint64": .uint(64),
    "single_float": .double(3), "single_double": .double(6.4), "single_bool": .bool(true),
    "single_string": .string("empty"), "single_bytes": .bytes(Array("none".utf8)),
    "single_nested_enum": .int(1),
  ]

  /// The default of a field, as a value of its enum if that is a separate type.
  private static func standard(_ name: String, _ kind: Kind) -> Value? {
    if case .enumeration(let type) = kind.type, case .int(let number) = defaults[name] {
      return .enumeration(type: type, number: number)
    }
    return defaults[name]
  }

  private static func fields(
    _ syntax: String, package: String, presence: FieldDeclaration.Presence, enumKind: Kind
  ) -> [FieldDeclaration] {
    let all = "\(package).TestAllTypes"
    let message = Kind(name: "message", type: .record("\(all).NestedMessage"), isMessage: true)
    let isProto2 = syntax == "proto2"
    func single(_ name: String, kind: Kind, own: FieldDeclaration.Presence? = nil) -> FieldDeclaration {
      FieldDeclaration(
        name, kind.type, number: numbers[name], defaultValue: isProto2 ? standard(name, kind) : nil,
        presence: kind.isMessage ? .explicit : own ?? presence, storage: kind.storage, enumName: kind.enumName)
    }
    func repeated(_ name: String, _ kind: Kind) -> FieldDeclaration {
      FieldDeclaration(
        name, .list(kind.type), presence: .implicit, storage: kind.storage.ofElement, enumName: kind.enumName)
    }
    var list = scalars.map { single("single_\($0.name)", kind: $0) }
    list += wellKnown.map { single(name(of: $0), kind: $0) }
    list += (scalars + wellKnown).map { repeated("repeated_\($0.name)", $0) }
    let text = Kind(name: "string", type: .string)
    let flag = Kind(name: "bool", type: .bool)
    list += [
      single("optional_bool", kind: flag, own: .explicit), single("optional_string", kind: text, own: .explicit),
      single("in", kind: flag),
      single("optional_null_value", kind: Kind(name: "null", type: .null), own: .explicit),
      single("field_mask", kind: Kind(name: "", type: .record("google.protobuf.FieldMask"), isMessage: true)),
      single("empty", kind: Kind(name: "", type: .record("google.protobuf.Empty"), isMessage: true)),
      single("single_nested_message", kind: message), single("single_nested_enum", kind: enumKind, own: .explicit),
      single("standalone_message", kind: message), single("standalone_enum", kind: enumKind),
      repeated("repeated_nested_message", message), repeated("repeated_nested_enum", enumKind),
      repeated("repeated_string_piece", text), repeated("repeated_cord", text),
      repeated("repeated_lazy_message", message),
      single("oneof_type", kind: Kind(name: "", type: .record("\(package).NestedTestAllTypes"), isMessage: true)),
      single("oneof_msg", kind: message), single("oneof_bool", kind: flag, own: .explicit),
    ]
    list += maps(package, enumKind: enumKind, message: message)
    list += ExpressionParserWords.reserved.map { single($0, kind: flag) }
    return isProto2 ? list + extensions(package, enumKind) : list
  }

  private static func maps(_ package: String, enumKind: Kind, message: Kind) -> [FieldDeclaration] {
    let keys: [(String, ValueType)] = [
      ("bool", .bool), ("int32", .int), ("int64", .int), ("uint32", .uint), ("uint64", .uint), ("string", .string),
    ]
    let scalarNames: Set = ["bool", "string", "bytes", "int32", "int64", "uint32", "uint64", "float", "double"]
    let contents = scalars.filter { scalarNames.contains($0.name) } + wellKnown + [enumKind, message]
    let nested = FieldDeclaration(
      "map_int64_nested_type", .map(.int, .record("\(package).NestedTestAllTypes")), presence: .implicit)
    return [nested]
      + keys.flatMap { key in
        contents.map { content in
          FieldDeclaration(
            "map_\(key.0)_\(content.name)", .map(key.1, content.type), presence: .implicit,
            storage: content.storage.ofElement, enumName: content.enumName)
        }
      }
  }

  private static func extensions(_ package: String, _ enumKind: Kind) -> [FieldDeclaration] {
    let all = ValueType.record("\(package).TestAllTypes")
    let scope = "\(package).Proto2ExtensionScopedMessage"
    return [
      FieldDeclaration("nestedgroup", .record("\(package).TestAllTypes.NestedGroup"), presence: .explicit),
      FieldDeclaration("\(package).int32_ext", .int, presence: .explicit, storage: .int32),
      FieldDeclaration("\(package).nested_ext", all, presence: .explicit),
      FieldDeclaration("\(package).test_all_types_ext", all, presence: .explicit),
      FieldDeclaration(
        "\(package).nested_enum_ext", enumKind.type, presence: .explicit, storage: .enum32,
        enumName: enumKind.enumName),
      FieldDeclaration("\(package).repeated_test_all_types", .list(all), presence: .implicit),
      FieldDeclaration("\(scope).int64_ext", .int, presence: .explicit),
      FieldDeclaration("\(scope).message_scoped_nested_ext", all, presence: .explicit),
      FieldDeclaration(
        "\(scope).nested_enum_ext", enumKind.type, presence: .explicit, storage: .enum32, enumName: enumKind.enumName),
      FieldDeclaration("\(scope).message_scoped_repeated_test_all_types", .list(all), presence: .implicit),
    ]
  }
}

/// The reserved words of CEL that the messages use as field names.
enum ExpressionParserWords {
  static let reserved = [
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
  ]
}

extension FieldDeclaration.Storage {
  /// The kind of the elements of a repeated field: a list of structs is not a struct.
  var ofElement: Self {
    switch self {
    case .jsonStruct, .jsonList: .jsonValue
    default: self
    }
  }
}
