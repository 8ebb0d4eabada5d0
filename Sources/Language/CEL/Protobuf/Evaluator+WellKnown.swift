/// Messages with a CEL value of their own: a wrapper is its content, a `Struct` is a map.
extension Evaluator {
  /// The CEL value of a well-known message literal; nil for any other message.
  func makeWellKnown(_ type: RecordDeclaration, fields: [Int], values: UnsafeMutablePointer<Slot>) -> Slot? {
    let prefix = "google.protobuf."
    guard type.name.hasPrefix(prefix) else { return nil }
    let name = String(type.name.dropFirst(prefix.count))
    var given: [String: Slot] = [:]
    for (position, index) in fields.enumerated() where !values[position].isUnset && index < type.fields.count {
      given[type.fields[index].name] = values[position]
    }
    switch name {
    case "Empty", "FieldMask": return nil
    case "Struct": return wellKnown(type, name: "fields", given: given, storage: .jsonStruct)
    case "ListValue": return wellKnown(type, name: "values", given: given, storage: .jsonList)
    case "Value": return makeJSONValue(type, given, order: fields)
    case "Timestamp", "Duration": return makeInstant(name, given)
    case "Any": return makeAny(given)
    case "Int32Value": return wellKnown(type, name: "value", given: given, storage: .int32)
    case "UInt32Value": return wellKnown(type, name: "value", given: given, storage: .uint32)
    case "FloatValue": return wellKnown(type, name: "value", given: given, storage: .float)
    default: return wellKnown(type, name: "value", given: given, storage: .plain)
    }
  }

  private func wellKnown(
    _ type: RecordDeclaration, name: String, given: [String: Slot], storage: FieldDeclaration.Storage
  ) -> Slot {
    guard var field = type.field(name) else { return fail("this message has no value") }
    field.storage = storage
    field.presence = .explicit
    guard let value = given[name] else { return make(types.zero(of: field.type)) }
    return store(value, field)
  }

  private func makeJSONValue(_ type: RecordDeclaration, _ given: [String: Slot], order: [Int]) -> Slot {
    // Its fields are alternatives: the last one counts.
    let last = order.last { type.fields.indices.contains($0) && given[type.fields[$0].name] != nil }
    guard var field = last.map({ type.fields[$0] }), let value = given[field.name] else { return .null }
    let name = field.name
    if name == "null_value" { return .null }
    field.presence = .explicit
    field.storage = name == "struct_value" ? .jsonStruct : name == "list_value" ? .jsonList : .plain
    return store(value, field)
  }

  private func makeInstant(_ name: String, _ given: [String: Slot]) -> Slot {
    let seconds = given["seconds"]?.asInt ?? 0
    let nanoseconds = given["nanos"]?.asInt ?? 0
    guard given.values.allSatisfy({ $0.tag == .int }) else { return fail("`seconds` and `nanos` are ints") }
    if name == "Timestamp" {
      let time = UInt32(exactly: nanoseconds).flatMap { Timestamp(checkingSeconds: seconds, nanoseconds: $0) }
      return time.map { .timestamp($0) } ?? fail(.overflow(.timestamp))
    }
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow2) = scaled.addingReportingOverflow(nanoseconds)
    return overflow || overflow2 ? fail(.overflow(.duration)) : .duration(Duration(nanoseconds: sum))
  }

  private func makeAny(_ given: [String: Slot]) -> Slot {
    guard let url = given["type_url"], url.tag == .string, let name = url.string.split(separator: "/").last else {
      return fail("an `Any` needs a `type_url`")
    }
    let bytes = given["value"].map { Array($0.utf8) } ?? []
    var reader = WireReader(bytes: bytes, types: types)
    guard let value = reader.message(String(name)) else { return fail("the bytes are no `\(name)`") }
    return make(value)
  }
}
