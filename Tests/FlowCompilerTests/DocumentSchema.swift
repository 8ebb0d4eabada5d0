import FlowJSON

/// The part of JSON Schema (2020-12) that `Docs/ir.schema.json` uses, except patterns.
struct DocumentSchema {
  let root: JSON

  /// The first violation of a document with its location; nil when it is valid.
  func violation(in document: JSON) -> String? { violation(of: root, by: document, at: "") }

  private func violation(of schema: JSON, by value: JSON, at pointer: String) -> String? {
    if let name = schema["$ref"]?.string {
      let definition = root["$defs"]?[String(name.dropFirst("#/$defs/".count))] ?? .null
      return violation(of: definition, by: value, at: pointer)
    }
    if let choices = (schema["oneOf"] ?? schema["anyOf"])?.array {
      let found = choices.map { violation(of: $0, by: value, at: pointer) }
      return found.contains(nil) ? nil : "\(pointer): no alternative fits: \(found.compactMap { $0 })"
    }
    if let type = schema["type"]?.string, !isOfType(value, type) { return "\(pointer): not of type \(type)" }
    if let constant = schema["const"], constant != value { return "\(pointer): not \(constant.text())" }
    if let values = schema["enum"]?.array, !values.contains(value) { return "\(pointer): not one of the values" }
    if let minimum = schema["minimum"]?.int, let number = value.int, number < minimum { return "\(pointer): too small" }
    return violation(ofMembers: schema, by: value, at: pointer) ?? violation(ofItems: schema, by: value, at: pointer)
  }

  private func isOfType(_ value: JSON, _ type: String) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"), (.object, "object"),
      (.int, "integer"), (.uint, "integer"), (.int, "number"), (.uint, "number"), (.double, "number"):
      true
    default: false
    }
  }

  private func violation(ofMembers schema: JSON, by value: JSON, at pointer: String) -> String? {
    guard let members = value.members else { return nil }
    for name in schema["required"]?.array?.compactMap(\.string) ?? [] where value[name] == nil {
      return "\(pointer): no member \(name)"
    }
    for member in members {
      let place = "\(pointer)/\(member.name)"
      if let inner = schema["properties"]?[member.name] {
        if let found = violation(of: inner, by: member.value, at: place) { return found }
      } else if schema["additionalProperties"] == false {
        return "\(place): not in the schema"
      } else if let inner = schema["additionalProperties"], inner.members != nil,
        let found = violation(of: inner, by: member.value, at: place)
      {
        return found
      }
    }
    return nil
  }

  private func violation(ofItems schema: JSON, by value: JSON, at pointer: String) -> String? {
    guard let items = value.array else { return nil }
    if let least = schema["minItems"]?.int, items.count < least { return "\(pointer): too few items" }
    if let most = schema["maxItems"]?.int, items.count > most { return "\(pointer): too many items" }
    let first = schema["prefixItems"]?.array ?? []
    for (index, item) in items.enumerated() {
      let inner = index < first.count ? first[index] : schema["items"]
      if let inner, let found = violation(of: inner, by: item, at: "\(pointer)/\(index)") { return found }
    }
    return nil
  }
}
