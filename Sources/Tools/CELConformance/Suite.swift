import CEL
import FlowJSON

/// One case of the suite, as in its file.
struct Case {
  var file: String
  var section: String
  var json: JSON

  var name: String { json["name"]?.string ?? "" }
  var expression: String { json["expr"]?.string ?? "" }
  var title: String { "\(file)/\(section)/\(name)" }

  /// The cases of one file.
  static func all(in document: JSON) -> [Case] {
    let file = document["file"]?.string ?? ""
    return (document["sections"]?.array ?? []).flatMap { section in
      (section["tests"]?.array ?? []).map { Case(file: file, section: section["name"]?.string ?? "", json: $0) }
    }
  }
}

/// Reads the suite's notation for values and types.
struct Notation {
  let types: TypeRegistry

  func value(_ json: JSON) -> Value? {
    guard let member = json.members?.first else { return nil }
    switch member.name {
    case "null": return .null
    case "bool": return member.value.bool.map(Value.bool)
    case "int": return member.value.string.flatMap { Int64($0) }.map(Value.int)
    case "uint": return member.value.string.flatMap { UInt64($0) }.map(Value.uint)
    case "double": return double(member.value).map(Value.double)
    case "string": return member.value.string.map(Value.string)
    case "bytes": return bytes(member.value).map(Value.bytes)
    case "type": return member.value.string.map(Value.type)
    case "list": return member.value.array.map { .list($0.compactMap(value)) }
    case "map":
      let pairs = (member.value.array ?? []).compactMap(\.array)
      return .map(
        MapValue(
          pairs.compactMap { pair in
            guard let key = value(pair[0]), let content = value(pair[1]) else { return nil }
            return .init(key, content)
          }))
    case "enum": return enumeration(member.value)
    case "object":
      guard let name = member.value["type"]?.string, let json = member.value["json"] else { return nil }
      return message(name, json)
    default: return nil
    }
  }

  private func enumeration(_ json: JSON) -> Value? {
    guard let name = json["type"]?.string, let number = json["value"]?.int else { return nil }
    let isStrong = types.enumeration(named: name)?.isStrong ?? false
    return isStrong ? .enumeration(type: name, number: Int64(number)) : .int(Int64(number))
  }

  private func double(_ json: JSON) -> Double? {
    switch json {
    case .int(let value): Double(value)
    case .uint(let value): Double(value)
    case .double(let value): value
    case .string("NaN"): .nan
    case .string("Infinity"): .infinity
    case .string("-Infinity"): -.infinity
    case .string(let text): Double(text)
    default: nil
    }
  }

  private func bytes(_ json: JSON) -> [UInt8]? {
    guard case .success(.bytes(let bytes)) = Value.from(json, as: .bytes, in: types) else { return nil }
    return bytes
  }

  // MARK: Messages

  /// A message in protobuf's JSON.
  func message(_ name: String, _ json: JSON) -> Value? {
    switch name {
    case "google.protobuf.Any": return any(json)
    case "google.protobuf.Value", "google.protobuf.Struct", "google.protobuf.ListValue": return plain(json)
    case "google.protobuf.Timestamp": return field(.timestamp, json: json, enumName: nil)
    case "google.protobuf.Duration": return field(.duration, json: json, enumName: nil)
    default: break
    }
    if case .wrapper(let inner) = types.type(named: name) { return field(inner, json: json, enumName: nil) }
    guard let record = types.record(named: name) else { return nil }
    if name == "google.protobuf.FieldMask", let text = json.string {
      let paths = text.split(separator: ",").map { Value.string(String($0)) }
      return .record(RecordValue(typeName: name, fields: [.init("paths", .list(paths))]))
    }
    var fields: [RecordValue.Field] = []
    for member in json.members ?? [] where member.name != "@type" {
      let isExtension = member.name.hasPrefix("[")
      let fieldName = isExtension ? String(member.name.dropFirst().dropLast()) : member.name
      guard let declared = record.field(fieldName), let value = field(declared, member.value) else { return nil }
      fields.append(.init(fieldName, value))
    }
    return .record(RecordValue(typeName: name, fields: fields))
  }

  private func any(_ json: JSON) -> Value? {
    guard let url = json["@type"]?.string, let name = url.split(separator: "/").last.map(String.init) else {
      return nil
    }
    let isSpecial = name.hasPrefix("google.protobuf.") && json["value"] != nil
    return message(name, isSpecial ? json["value"] ?? .null : json)
  }

  private func field(_ declared: FieldDeclaration, _ json: JSON) -> Value? {
    switch (declared.type, declared.storage) {
    case (.list(let element), let storage) where storage != .jsonList:
      return json.array.map { items in
        .list(items.compactMap { one(element, storage: storage, json: $0, declared: declared) })
      }
    case (.map(let key, let element), let storage) where storage != .jsonStruct:
      return json.members.map { members in
        .map(
          MapValue(
            members.compactMap { member in
              guard let name = self.key(member.name, key),
                let value = one(element, storage: storage, json: member.value, declared: declared)
              else {
                return nil
              }
              return .init(name, value)
            }))
      }
    default: return one(declared.type, storage: declared.storage, json: json, declared: declared)
    }
  }

  private func one(
    _ type: ValueType, storage: FieldDeclaration.Storage, json: JSON, declared: FieldDeclaration
  ) -> Value? {
    switch storage {
    case .any: any(json) ?? .null
    case .jsonValue, .jsonStruct, .jsonList: plain(json)
    default: field(type, json: json, enumName: declared.enumName)
    }
  }

  private func key(_ text: String, _ type: ValueType) -> Value? {
    switch type {
    case .int: Int64(text).map(Value.int)
    case .uint: UInt64(text).map(Value.uint)
    case .bool: .bool(text == "true")
    default: .string(text)
    }
  }

  private func field(_ type: ValueType, json: JSON, enumName: String?) -> Value? {
    if let enumName, let enumeration = types.enumeration(named: enumName) {
      let number = json.string.flatMap { enumeration.number(of: $0) } ?? json.int.map(Int64.init)
      return number.map { enumeration.isStrong ? .enumeration(type: enumName, number: $0) : .int($0) }
    }
    switch type {
    case .wrapper(let inner): return json == .null ? .null : field(inner, json: json, enumName: nil)
    case .record(let name): return message(name, json)
    case .int: return json.int.map { .int(Int64($0)) } ?? json.string.flatMap { Int64($0) }.map(Value.int)
    case .uint:
      return json.int.flatMap { UInt64(exactly: $0) }.map(Value.uint)
        ?? json.string.flatMap { UInt64($0) }.map(Value.uint)
    case .double: return double(json).map(Value.double)
    case .null: return .null
    default: return try? Value.from(json, as: type, in: types).get()
    }
  }

  /// JSON in the form of `google.protobuf.Value`: all numbers are doubles.
  private func plain(_ json: JSON) -> Value {
    switch json {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int, .uint, .double: .double(double(json) ?? 0)
    case .string(let text): .string(text)
    case .array(let items): .list(items.map(plain))
    case .object(let members): .map(MapValue(members.map { .init(.string($0.name), plain($0.value)) }))
    }
  }

  // MARK: Types

  func type(_ json: JSON) -> ValueType? {
    if let name = json.string {
      return name == "any" ? .dyn : name == "null" ? .null : (try? ValueType(json: json))
    }
    guard let member = json.members?.first else { return nil }
    switch member.name {
    case "wrapper": return type(member.value).map(ValueType.wrapper)
    case "list": return type(member.value).map(ValueType.list)
    case "map":
      guard let parts = member.value.array, parts.count == 2, let key = type(parts[0]), let value = type(parts[1])
      else {
        return nil
      }
      return .map(key, value)
    case "message": return member.value.string.flatMap { types.type(named: $0) }
    case "param": return member.value.string.map(ValueType.parameter)
    case "type": return .type(type(member.value))
    case "abstract":
      let parameters = (json["params"]?.array ?? []).compactMap(type)
      guard let name = member.value.string else { return nil }
      return name == "optional_type" && parameters.count == 1 ? .optional(parameters[0]) : .opaque(name, parameters)
    default: return nil
    }
  }
}
