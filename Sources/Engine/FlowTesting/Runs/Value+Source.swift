public import CEL
import FlowIR
import FlowJSON

extension Value {
  /// The value in the syntax of a flow.
  public func source(in types: TypeRegistry) -> String {
    switch self {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): "\(number)"
    case .uint(let number): "\(number)u"
    case .double(let number): number.isFinite ? "\(number)" : "double(\"\(number.isNaN ? "NaN" : "\(number)")\")"
    case .string(let text): JSON.string(text).text()
    case .bytes(let bytes): "b\"" + bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    case .timestamp(let instant): "timestamp(\"\(instant)\")"
    case .duration(let length):
      length.nanoseconds % 1_000_000 == 0
        ? "duration(\"\(length.nanoseconds / 1_000_000)ms\")" : "duration(\"\(length.nanoseconds)ns\")"
    case .list(let items): "[" + items.map { $0.source(in: types) }.joined(separator: ", ") + "]"
    case .map(let map):
      "{" + map.entries.map { "\($0.key.source(in: types)): \($0.value.source(in: types))" }.joined(separator: ", ")
        + "}"
    case .record(let record):
      record.typeName + "{"
        + record.fields.map { "\($0.name): \($0.value.source(in: types))" }.joined(separator: ", ") + "}"
    case .enumeration(let type, let number):
      types.enumeration(named: type)?.values.first { $0.number == number }.map { "\(type).\($0.name)" } ?? "\(number)"
    case .optional(let wrapped):
      wrapped.map { "optional.of(\($0.source(in: types)))" } ?? "optional.none()"
    case .type, .ip, .cidr: "null"
    }
  }
}
