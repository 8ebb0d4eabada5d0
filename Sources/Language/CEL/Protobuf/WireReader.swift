/// Decodes protobuf's binary format according to the declared records.
struct WireReader {
  /// The deepest nesting of messages.
  private static let maximumDepth = 32

  private let bytes: [UInt8]
  private var at = 0
  private let types: TypeRegistry
  private let depth: Int

  init(bytes: [UInt8], types: TypeRegistry, depth: Int = 0) {
    self.bytes = bytes
    self.types = types
    self.depth = depth
  }

  /// The message encoded by all the bytes; nil for an invalid encoding.
  mutating func message(_ name: String) -> Value? {
    guard depth < Self.maximumDepth, let record = types.record(named: name) else { return nil }
    var values: [String: Value] = [:]
    while at < bytes.count {
      guard let tag = varint() else { return nil }
      let field = record.fields.first { $0.number == Int(truncatingIfNeeded: tag >> 3) }
      guard let field else {
        guard skip(tag & 7) else { return nil }
        continue
      }
      guard let value = value(field, wire: tag & 7, values[field.name]) else { return nil }
      values[field.name] = value
    }
    if name.hasPrefix("google.protobuf."), let value = wellKnown(name, values) { return value }
    let fields = record.fields.compactMap { field in values[field.name].map { RecordValue.Field(field.name, $0) } }
    return .record(RecordValue(typeName: name, fields: fields))
  }

  /// The CEL value of a well-known message; nil for any other message.
  private func wellKnown(_ name: String, _ values: [String: Value]) -> Value? {
    switch (WellKnown.types[name], values["seconds"] ?? .int(0), values["nanos"] ?? .int(0)) {
    case (.wrapper(let inner), _, _): return values["value"] ?? types.zero(of: inner)
    case (.timestamp, .int(let seconds), .int(let nanoseconds)):
      return UInt32(exactly: nanoseconds).flatMap { Timestamp(checkingSeconds: seconds, nanoseconds: $0) }
        .map(Value.timestamp)
    case (.duration, .int(let seconds), .int(let nanoseconds)):
      let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
      let (sum, overflow2) = scaled.addingReportingOverflow(nanoseconds)
      return overflow || overflow2 ? nil : .duration(Duration(nanoseconds: sum))
    default: return name == "google.protobuf.Any" ? unpacked(values) : nil
    }
  }

  /// The content of an `Any`. One of an unknown type is kept unchanged and compared byte by byte.
  private func unpacked(_ values: [String: Value]) -> Value? {
    guard case .string(let url) = values["type_url"], let name = url.split(separator: "/").last else { return nil }
    var bytes: [UInt8] = []
    if case .bytes(let value) = values["value"] { bytes = value }
    var inner = WireReader(bytes: bytes, types: types, depth: depth + 1)
    return inner.message(String(name))
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard at < bytes.count else { return nil }
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  private mutating func fixed(_ count: Int) -> UInt64? {
    guard at + count <= bytes.count else { return nil }
    defer { at += count }
    return bytes[at..<at + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func chunk() -> [UInt8]? {
    guard let count = varint(), count <= UInt64(bytes.count - at) else { return nil }
    defer { at += Int(count) }
    return Array(bytes[at..<at + Int(count)])
  }

  private mutating func skip(_ wire: UInt64) -> Bool {
    switch wire {
    case 0: varint() != nil
    case 1: fixed(8) != nil
    case 2: chunk() != nil
    case 5: fixed(4) != nil
    default: false
    }
  }

  private mutating func value(_ field: FieldDeclaration, wire: UInt64, _ before: Value?) -> Value? {
    guard case .list(let element) = field.type else { return scalar(field.type, wire: wire, field: field) }
    guard let value = scalar(element, wire: wire, field: field) else { return nil }
    if case .list(let values) = before { return .list(values + [value]) }
    return .list([value])
  }

  private mutating func scalar(_ type: ValueType, wire: UInt64, field: FieldDeclaration) -> Value? {
    switch wire {
    case 0: return varint().flatMap { number($0, type) }
    case 1, 5: return fixed(wire == 1 ? 8 : 4).flatMap { fixedNumber($0, type, isWide: wire == 1) }
    case 2: return chunk().flatMap { sized($0, type) }
    default: return nil
    }
  }

  private func number(_ bits: UInt64, _ type: ValueType) -> Value? {
    switch type {
    case .bool: .bool(bits != 0)
    case .int: .int(Int64(bitPattern: bits))
    case .uint: .uint(bits)
    case .enumeration(let name): .enumeration(type: name, number: Int64(bitPattern: bits))
    default: nil
    }
  }

  private func fixedNumber(_ bits: UInt64, _ type: ValueType, isWide: Bool) -> Value? {
    switch type {
    case .double:
      .double(isWide ? Double(bitPattern: bits) : Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case .int: .int(isWide ? Int64(bitPattern: bits) : Int64(Int32(truncatingIfNeeded: bits)))
    case .uint: .uint(bits)
    default: nil
    }
  }

  private func sized(_ bytes: [UInt8], _ type: ValueType) -> Value? {
    switch type {
    case .string: return String(validating: bytes, as: UTF8.self).map(Value.string)
    case .bytes: return .bytes(bytes)
    case .dyn: return message("google.protobuf.Any", bytes)
    case .timestamp: return message("google.protobuf.Timestamp", bytes)
    case .duration: return message("google.protobuf.Duration", bytes)
    case .wrapper(let inner): return message(wrapperName(inner), bytes)
    case .record(let name): return message(name, bytes)
    default: return nil
    }
  }

  private func message(_ name: String, _ bytes: [UInt8]) -> Value? {
    var inner = WireReader(bytes: bytes, types: types, depth: depth + 1)
    return inner.message(name)
  }

  private func wrapperName(_ type: ValueType) -> String {
    let name =
      type == .uint ? "UInt64" : type == .int ? "Int64" : "\(type)".prefix(1).uppercased() + "\(type)".dropFirst()
    return "google.protobuf.\(name)Value"
  }
}
