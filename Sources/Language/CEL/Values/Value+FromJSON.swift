public import FlowJSON
import FlowSource

/// All mismatches between a document and its type.
public struct JSONMismatches: Error, Hashable, Sendable {
  public struct Mismatch: Hashable, Sendable {
    /// A JSON Pointer: `/items/0/qty`; empty for the whole document.
    public var pointer: String
    /// The message, without the path.
    public var message: String
  }

  /// The largest number of problems collected.
  public static let maximumCount = 100

  public var mismatches: [Mismatch]

  /// All of them in a line: each with the path of its value, except that of the whole document.
  public var text: String {
    mismatches.map { $0.pointer.isEmpty ? $0.message : "\($0.pointer): \($0.message)" }.joined(separator: "; ")
  }
}

extension Value {
  /// Reads a document as a value of a type; collects every error.
  ///
  /// Omitted fields get their defaults. Doubles accept any number, timestamps RFC 3339, durations `30m` or `1800s`,
  /// bytes base64, enums the name of a value, `dyn` anything.
  /// - Parameter maximum: The largest size of the value; nil for no bound.
  public static func from(
    _ json: JSON, as type: ValueType, in types: TypeRegistry, maximum: Int? = nil
  ) -> Result<Value, JSONMismatches> {
    var reader = DocumentReader(types: types)
    let value = reader.read(json, as: type, at: "", maximum: maximum)
    return reader.mismatches.isEmpty ? .success(value) : .failure(JSONMismatches(mismatches: reader.mismatches))
  }
}

private struct DocumentReader {
  let types: TypeRegistry
  var mismatches: [JSONMismatches.Mismatch] = []
  private var depth = 0

  init(types: TypeRegistry) { self.types = types }

  private mutating func report(_ pointer: String, _ message: String) -> Value {
    if mismatches.count < JSONMismatches.maximumCount { mismatches.append(.init(pointer: pointer, message: message)) }
    return .null
  }

  private mutating func wrong(_ json: JSON, wanted: String, at pointer: String) -> Value {
    report(pointer, "expected \(wanted), found \(json.kindName)")
  }

  /// Reads the value of a field or of the whole document.
  mutating func read(_ json: JSON, as type: ValueType, at pointer: String, maximum: Int?) -> Value {
    let value = read(json, as: type, at: pointer)
    guard let maximum, let excess = value.excess(over: maximum) else { return value }
    return report(pointer, excess.description)
  }

  private mutating func read(_ json: JSON, as type: ValueType, at pointer: String) -> Value {
    guard depth < Value.maximumDepth - 2 else { return report(pointer, "nested deeper than the limit") }
    depth += 1
    defer { depth -= 1 }
    switch type {
    case .null: return json == .null ? .null : wrong(json, wanted: "null", at: pointer)
    case .bool:
      if case .bool(let value) = json { return .bool(value) }
      return wrong(json, wanted: "true or false", at: pointer)
    case .int, .uint, .double: return readNumber(json, as: type, at: pointer)
    case .string:
      if case .string(let value) = json { return .string(value) }
      return wrong(json, wanted: "a string", at: pointer)
    case .bytes, .timestamp, .duration: return readText(json, as: type, at: pointer)
    case .dyn, .error, .parameter, .type, .opaque: return plain(json)
    case .list(let element): return readList(json, element: element, at: pointer)
    case .map(let key, let value): return readMap(json, key: key, value: value, at: pointer)
    case .optional(let inner): return json == .null ? .optional(nil) : .optional(read(json, as: inner, at: pointer))
    case .wrapper(let inner): return json == .null ? .null : read(json, as: inner, at: pointer)
    case .record(let name): return readRecord(json, name: name, at: pointer)
    case .enumeration(let name): return readEnum(json, name: name, at: pointer)
    }
  }

  private mutating func readNumber(_ json: JSON, as type: ValueType, at pointer: String) -> Value {
    switch (type, json) {
    case (.int, .int(let value)): return .int(value)
    case (.uint, .int(let value)) where value >= 0: return .uint(UInt64(value))
    case (.uint, .uint(let value)): return .uint(value)
    case (.double, .int(let value)): return .double(Double(value))
    case (.double, .uint(let value)): return .double(Double(value))
    case (.double, .double(let value)): return .double(value)
    case (.int, .double(let value)):
      guard let whole = Int64(exactly: value) else {
        return report(pointer, "expected a whole number, found \(doubleText(value))")
      }
      // From here on several whole numbers have the same double, so that the text may have been another one.
      guard value.magnitude < 0x1p53 else {
        return report(pointer, "a whole number as large as this must be written without a point or an exponent")
      }
      return .int(whole)
    case (.uint, .double(let value)) where value >= 0 && value < 0x1p53 && value == value.rounded():
      return .uint(UInt64(value))
    case (.int, .uint): return report(pointer, "this number is too large for an int")
    case (.uint, .int): return report(pointer, "expected a number from 0 on")
    default: return wrong(json, wanted: type == .double ? "a number" : "a whole number", at: pointer)
    }
  }

  private mutating func readText(_ json: JSON, as type: ValueType, at pointer: String) -> Value {
    guard case .string(let text) = json else {
      let wanted =
        type == .bytes ? "a base64 string" : type == .duration ? "a duration as a string" : "a time as a string"
      return wrong(json, wanted: wanted, at: pointer)
    }
    switch type {
    case .bytes: return Base64.decode(text.utf8).map(Value.bytes) ?? report(pointer, "this string is not base64")
    case .duration:
      return Duration(text, allowsDays: true).map(Value.duration)
        ?? report(pointer, "\"\(text)\" is not a duration, as in \"30m\" or \"1800s\"")
    default:
      return Timestamp(text).map(Value.timestamp)
        ?? report(pointer, "\"\(text)\" is not a time, as in \"2026-01-31T12:00:00Z\"")
    }
  }

  private func plain(_ json: JSON) -> Value {
    switch json {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .uint(let value): .uint(value)
    case .double(let value): .double(value)
    case .string(let value): .string(value)
    case .array(let values): .list(values.map { plain($0) })
    case .object(let members): .map(MapValue(members.map { .init(.string($0.name), plain($0.value)) }))
    }
  }

  private mutating func readList(_ json: JSON, element: ValueType, at pointer: String) -> Value {
    guard case .array(let items) = json else { return wrong(json, wanted: "a list", at: pointer) }
    var values: [Value] = []
    for (index, item) in items.enumerated() { values.append(read(item, as: element, at: "\(pointer)/\(index)")) }
    return .list(values)
  }

  private mutating func readMap(_ json: JSON, key: ValueType, value: ValueType, at pointer: String) -> Value {
    guard case .object(let members) = json else { return wrong(json, wanted: "an object", at: pointer) }
    var entries: [MapValue.Entry] = []
    for member in members {
      let path = pointer + "/" + escaped(member.name)
      guard let name = readKey(member.name, key) else {
        _ = report(path, "\"\(member.name)\" is not a key of type `\(key)`")
        continue
      }
      entries.append(.init(name, read(member.value, as: value, at: path)))
    }
    return .map(MapValue(entries))
  }

  private func readKey(_ name: String, _ type: ValueType) -> Value? {
    switch type {
    case .int: Int64(name).map(Value.int)
    case .uint: UInt64(name).map(Value.uint)
    case .bool: name == "true" ? .bool(true) : name == "false" ? .bool(false) : nil
    default: .string(name)
    }
  }

  private func escaped(_ name: String) -> String {
    var out = ""
    for character in name { out += character == "~" ? "~0" : character == "/" ? "~1" : String(character) }
    return out
  }

  private mutating func readRecord(_ json: JSON, name: String, at pointer: String) -> Value {
    guard let record = types.record(named: name) else { return report(pointer, "there is no type named `\(name)`") }
    guard case .object(let members) = json else { return wrong(json, wanted: "an object", at: pointer) }
    var given: [String: JSON] = [:]
    for member in members {
      if record.index(of: member.name) == nil {
        let close = Suggestion.closest(to: member.name, among: record.fields.map(\.name)).first
        let hint = close.map { "; did you mean `\($0)`?" } ?? ""
        _ = report(pointer + "/" + escaped(member.name), "`\(name)` has no field `\(member.name)`\(hint)")
      } else {
        given[member.name] = member.value
      }
    }
    var fields: [RecordValue.Field] = []
    for field in record.fields {
      if let json = given[field.name] {
        let path = pointer + "/" + escaped(field.name)
        fields.append(.init(field.name, read(json, as: field.type, at: path, maximum: field.maximum)))
      } else if let value = field.defaultValue {
        fields.append(.init(field.name, value))
      } else if case .optional = field.type {
        fields.append(.init(field.name, .optional(nil)))
      } else if field.isRequired {
        _ = report(pointer, "`\(field.name)` is missing")
      }
    }
    return .record(RecordValue(typeName: name, fields: fields))
  }

  private mutating func readEnum(_ json: JSON, name: String, at pointer: String) -> Value {
    guard let enumeration = types.enumeration(named: name) else {
      return report(pointer, "there is no type named `\(name)`")
    }
    guard case .string(let text) = json else { return wrong(json, wanted: "the name of a `\(name)`", at: pointer) }
    if let number = enumeration.number(of: text) { return .enumeration(type: name, number: number) }
    let names = enumeration.values.map(\.name)
    let close = Suggestion.closest(to: text, among: names).first
    let hint =
      close.map { "did you mean \"\($0)\"?" }
      ?? (names.count <= 8 ? "it has " + names.map { "\"\($0)\"" }.joined(separator: ", ") : "")
    return report(pointer, "`\(name)` has no value \"\(text)\"\(hint.isEmpty ? "" : "; " + hint)")
  }
}

extension JSON {
  /// The kind of a document, for messages.
  fileprivate var kindName: String {
    switch self {
    case .null: "null"
    case .bool(let value): String(value)
    case .int, .uint, .double: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }
}
