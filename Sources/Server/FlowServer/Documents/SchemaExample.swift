import FlowJSON

/// Values that fit the schemas of the API, for people to begin with.
struct SchemaExample {
  /// The schemas that references name.
  let schemas: [JSON.Member]

  private static let maximumDepth = 8

  /// A value that fits a schema: what it names as an example or default, otherwise the required members with values
  /// of their types.
  /// - Parameter name: The name of the member that has the value, from which a text is made.
  /// - Returns: Nil where the schema has a pattern and no example.
  func value(_ schema: JSON, named name: String = "text", depth: Int = 0) -> JSON? {
    if depth > SchemaExample.maximumDepth { return nil }
    if let pointer = schema["$ref"]?.string {
      let target = pointer.split(separator: "/").last.map(String.init)
      guard let found = schemas.first(where: { $0.name == target }) else { return nil }
      return value(found.value, named: name, depth: depth + 1)
    }
    if let fixed = schema["const"] ?? schema["default"] ?? schema["examples"]?.array?.first { return fixed }
    if let first = schema["enum"]?.array?.first { return first }
    if let choices = (schema["oneOf"] ?? schema["anyOf"] ?? schema["allOf"])?.array {
      return choices.lazy.compactMap { value($0, named: name, depth: depth + 1) }.first
    }
    switch schema["type"]?.string {
    case "object": return object(schema, depth: depth)
    case "array": return value(schema["items"] ?? .object([]), named: name, depth: depth + 1).map { .array([$0]) }
    case "integer": return .int(max(Int64(schema["minimum"]?.int ?? 1), 1))
    case "number": return .double(1)
    case "boolean": return true
    case "null": return .null
    case "string": return text(schema, named: name)
    default: return .object([])
    }
  }

  private func object(_ schema: JSON, depth: Int) -> JSON? {
    let required = schema["required"]?.array?.compactMap(\.string) ?? []
    var members: [JSON.Member] = []
    for property in schema["properties"]?.members ?? [] where required.contains(property.name) {
      guard let value = value(property.value, named: property.name, depth: depth + 1) else { return nil }
      members.append(.init(property.name, value))
    }
    return .object(members)
  }

  private func text(_ schema: JSON, named name: String) -> JSON? {
    if schema["pattern"] != nil { return nil }
    if schema["format"] == "date-time" { return "2026-01-31T09:00:00Z" }
    if schema["contentEncoding"] != nil { return "Zmxvdw==" }
    if name.contains("mail") { return "ann@example.test" }
    return .string(name == "id" || name == "key" || name.hasSuffix("_id") ? name.prefix(1) + "1" : name)
  }
}
