extension JSON {
  /// How a document is laid out.
  public enum Layout: Sendable {
    /// No white space, members in their order.
    case compact
    /// No white space, members sorted by name: one text for one value (in the manner of RFC 8785).
    case canonical
    /// Two spaces a level, members in their order.
    case indented
  }

  /// The document as text.
  public func text(_ layout: Layout = .compact) -> String { String(decoding: bytes(layout), as: UTF8.self) }

  /// The document as UTF-8.
  public func bytes(_ layout: Layout = .compact) -> [UInt8] {
    var writer = Writer(layout: layout)
    writer.write(self)
    return writer.out
  }

  /// Appends `value` as a JSON string, quotes included.
  public static func appendQuoted(_ value: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\""): out += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
      case 0x0A: out += Array("\\n".utf8)
      case 0x0D: out += Array("\\r".utf8)
      case 0x09: out += Array("\\t".utf8)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        out += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  /// A number as JSON has it; what JSON can't write becomes a string, as in the JSON form of protocol buffers.
  static func number(_ value: Double) -> String {
    if value.isNaN { return "\"NaN\"" }
    if value.isInfinite { return value < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
    return value.description
  }
}

private struct Writer {
  let layout: JSON.Layout
  var out: [UInt8] = []
  var depth = 0

  mutating func write(_ json: JSON) {
    switch json {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .int(let value): out += String(value).utf8
    case .uint(let value): out += String(value).utf8
    case .double(let value): out += JSON.number(value).utf8
    case .string(let value): JSON.appendQuoted(value, to: &out)
    case .array(let values): writeItems(values, open: "[", close: "]") { $0.write($1) }
    case .object(let members): writeObject(members)
    }
  }

  private mutating func writeObject(_ members: [JSON.Member]) {
    let ordered =
      layout == .canonical ? members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } : members
    writeItems(ordered, open: "{", close: "}") { writer, member in
      JSON.appendQuoted(member.name, to: &writer.out)
      writer.out += (writer.layout == .indented ? ": " : ":").utf8
      writer.write(member.value)
    }
  }

  private mutating func writeItems<Item>(
    _ items: [Item], open: Unicode.Scalar, close: Unicode.Scalar, each: (inout Writer, Item) -> Void
  ) {
    out.append(UInt8(ascii: open))
    depth += 1
    for (index, item) in items.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      breakLine()
      each(&self, item)
    }
    depth -= 1
    if !items.isEmpty { breakLine() }
    out.append(UInt8(ascii: close))
  }

  private mutating func breakLine() {
    guard layout == .indented else { return }
    out.append(0x0A)
    for _ in 0..<(depth * 2) { out.append(0x20) }
  }
}
