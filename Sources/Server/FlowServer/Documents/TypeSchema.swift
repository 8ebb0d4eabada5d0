import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

/// The types of a program as JSON Schema (2020-12): exactly the values that `Value.from` accepts and that are written.
struct TypeSchema {
  let types: TypeRegistry
  /// The address of a declared type.
  let reference: (String) -> String

  /// The schema of a type; declared types are references.
  func schema(_ type: ValueType) -> JSON {
    switch type {
    case .null: ["type": "null"]
    case .bool: ["type": "boolean"]
    case .int: ["type": "integer", "format": "int64", "minimum": .int(.min), "maximum": .int(.max)]
    case .uint: ["type": "integer", "minimum": 0, "maximum": .uint(.max)]
    case .double: ["type": "number", "format": "double"]
    case .string: ["type": "string"]
    case .bytes: ["type": "string", "contentEncoding": "base64"]
    case .timestamp: ["type": "string", "format": "date-time"]
    case .duration: ["type": "string", "examples": ["30m", "1800s"]]
    case .dyn, .error, .parameter, .type, .opaque: .object([])
    case .list(let element): ["type": "array", "items": schema(element)]
    case .map(_, let value): ["type": "object", "additionalProperties": schema(value)]
    case .optional(let wrapped), .wrapper(let wrapped): ["anyOf": .array([schema(wrapped), ["type": "null"]])]
    case .record(let name), .enumeration(let name): ["$ref": .string(reference(name))]
    }
  }

  /// The schema of a field of a type, with its bound.
  func schema(_ type: ValueType, maximum: Int?) -> JSON {
    let plain = schema(type)
    guard let maximum = maximum.map({ Int64($0) }) else { return plain }
    let name: String
    var limit = maximum
    switch type {
    case .optional(let wrapped):
      return ["anyOf": .array([schema(wrapped, maximum: Int(maximum)), ["type": "null"]])]
    case .list: name = "maxItems"
    case .map: name = "maxProperties"
    case .bytes:
      // Base64 takes four characters for three bytes.
      name = "maxLength"
      limit = (min(maximum, 1 << 60) + 2) / 3 * 4
    default: name = "maxLength"
    }
    return .object((plain.members ?? []) + [.init(name, .int(limit))])
  }

  /// The schema of a record with its fields.
  /// - Parameter keys: The fields that identify an instance.
  func schema(_ record: RecordDeclaration, keys: Set<String> = []) -> JSON {
    let properties = record.fields.map { field -> JSON.Member in
      if keys.contains(field.name), field.type == .string {
        let longest = min(field.maximum ?? .max, Engine.maximumKey)
        return .init(field.name, ["type": "string", "minLength": 1, "maxLength": .int(Int64(longest))])
      }
      guard let value = field.defaultValue else {
        return .init(field.name, schema(field.type, maximum: field.maximum))
      }
      let more = JSON.Member("default", value.json(in: types))
      let plain = schema(field.type, maximum: field.maximum)
      // Older tools ignore all members next to a reference.
      let isPlain = plain["$ref"] == nil
      return .init(
        field.name, isPlain ? .object((plain.members ?? []) + [more]) : ["allOf": [plain], "default": more.value])
    }
    let required = record.fields.filter(\.isRequired).map { JSON.string($0.name) }
    var members: [JSON.Member] = [.init("type", "object"), .init("properties", .object(properties))]
    if !required.isEmpty { members.append(.init("required", .array(required))) }
    members.append(.init("additionalProperties", false))
    return .object(members)
  }

  func schema(_ enumeration: EnumDeclaration) -> JSON {
    ["type": "string", "enum": .array(enumeration.values.map { .string($0.name) })]
  }

  /// All types that a program declares for its data, by their names.
  func declarations(of program: Program) -> [JSON.Member] {
    // Built-in records are not data of the program.
    program.types.filter { !$0.name.hasPrefix("flow.") }.map { .init($0.name, schema($0)) }
      + program.enums.map { .init($0.name, schema($0)) }
  }
}

extension Machine {
  /// The fields of an event that identify the instance of a flow.
  func keyNames(of event: EventIndex) -> Set<String> {
    let flows = program.flows.indices.filter { handles(event: event, flow: $0) }
    return Set(flows.compactMap { flow in program.flows[flow].key.map { program.flows[flow].fields[$0].name } })
  }

  /// The payload of an event as a separate document.
  func payloadSchema(of event: EventIndex) -> JSON {
    let writer = TypeSchema(types: types) { "#/$defs/\($0)" }
    let node = program.events[event]
    var members: [JSON.Member] = [
      .init("$schema", "https://json-schema.org/draft/2020-12/schema"), .init("title", .string(node.name)),
    ]
    members += writer.schema(node.payload, keys: keyNames(of: event)).members ?? []
    let definitions = writer.declarations(of: program)
    if !definitions.isEmpty { members.append(.init("$defs", .object(definitions))) }
    return .object(members)
  }
}
