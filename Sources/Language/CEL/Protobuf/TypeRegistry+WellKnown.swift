extension TypeRegistry {
  /// Declares the messages of protobuf that CEL knows, so that they can be written as literals.
  public mutating func declareWellKnownTypes() {
    let wrapped: [(String, ValueType)] = [
      ("Bool", .bool), ("Bytes", .bytes), ("Double", .double), ("Float", .double), ("Int32", .int), ("Int64", .int),
      ("UInt32", .uint), ("UInt64", .uint), ("String", .string),
    ]
    for (name, type) in wrapped { declare(message("\(name)Value", [("value", type, 1)])) }
    declare(message("Struct", [("fields", .map(.string, .dyn), 1)]))
    declare(message("ListValue", [("values", .list(.dyn), 1)]))
    declare(message("Any", [("type_url", .string, 1), ("value", .bytes, 2)]))
    declare(message("Timestamp", [("seconds", .int, 1), ("nanos", .int, 2)]))
    declare(message("Duration", [("seconds", .int, 1), ("nanos", .int, 2)]))
    declare(message("Empty", []))
    declare(message("FieldMask", [("paths", .list(.string), 1)]))
    declare(
      message(
        "Value",
        [
          ("null_value", .null, 1), ("number_value", .double, 2), ("string_value", .string, 3),
          ("bool_value", .bool, 4),
          ("struct_value", .map(.string, .dyn), 5), ("list_value", .list(.dyn), 6),
        ]))
  }

  private func message(_ name: String, _ fields: [(String, ValueType, Int)]) -> RecordDeclaration {
    RecordDeclaration(
      "google.protobuf.\(name)",
      fields.map { field in
        let isRepeated = if case .list = field.1 { true } else { false }
        return FieldDeclaration(field.0, field.1, number: field.2, presence: isRepeated ? .implicit : .explicit)
      })
  }
}
