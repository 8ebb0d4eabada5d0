extension JSON {
  /// The layout of a document.
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
    var out: [UInt8] = []
    write(to: &out, layout)
    return out
  }

  /// Appends the document as UTF-8.
  public func write(to out: inout [UInt8], _ layout: Layout = .compact) {
    var writer = Writer(layout: layout)
    swap(&writer.out, &out)
    writer.write(self)
    swap(&writer.out, &out)
  }

  /// Appends `value` as a JSON string, quotes included.
  public static func appendQuoted(_ value: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    if value.utf8.contains(where: mustEscape) {
      for byte in value.utf8 {
        if mustEscape(byte) { appendEscaped(byte, to: &out) } else { out.append(byte) }
      }
    } else {
      out.append(contentsOf: value.utf8)
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func mustEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func appendEscaped(_ byte: UInt8, to out: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
    case 0x0A: out += "\\n".utf8
    case 0x0D: out += "\\r".utf8
    case 0x09: out += "\\t".utf8
    default: out += Array("\\u00".utf8) + [hexadecimalDigit(byte >> 4), hexadecimalDigit(byte & 15)]
    }
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
    case .int(let value): write(value.magnitude, isNegative: value < 0)
    case .uint(let value): write(value, isNegative: false)
    case .double(let value): out += JSON.number(value).utf8
    case .string(let value): JSON.appendQuoted(value, to: &out)
    case .array(let values): writeArray(values)
    case .object(let members): writeObject(members)
    }
  }

  private mutating func write(_ magnitude: UInt64, isNegative: Bool) {
    if isNegative { out.append(UInt8(ascii: "-")) }
    guard magnitude > 9 else { return out.append(UInt8(ascii: "0") + UInt8(magnitude)) }
    let start = out.count
    var rest = magnitude
    while rest > 0 {
      out.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    }
    out[start...].reverse()
  }

  private mutating func writeObject(_ members: [JSON.Member]) {
    let isInOrder = layout != .canonical || members.count < 2
    let ordered = isInOrder ? members : members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    open(UInt8(ascii: "{"))
    for index in ordered.indices {
      separate(index)
      JSON.appendQuoted(ordered[index].name, to: &out)
      out.append(UInt8(ascii: ":"))
      if layout == .indented { out.append(UInt8(ascii: " ")) }
      write(ordered[index].value)
    }
    close(UInt8(ascii: "}"), isEmpty: ordered.isEmpty)
  }

  private mutating func writeArray(_ items: [JSON]) {
    open(UInt8(ascii: "["))
    for index in items.indices {
      separate(index)
      write(items[index])
    }
    close(UInt8(ascii: "]"), isEmpty: items.isEmpty)
  }

  private mutating func open(_ bracket: UInt8) {
    out.append(bracket)
    depth += 1
  }

  private mutating func separate(_ index: Int) {
    if index > 0 { out.append(UInt8(ascii: ",")) }
    breakLine()
  }

  private mutating func close(_ bracket: UInt8, isEmpty: Bool) {
    depth -= 1
    if !isEmpty { breakLine() }
    out.append(bracket)
  }

  private mutating func breakLine() {
    guard layout == .indented else { return }
    out.append(0x0A)
    for _ in 0..<(depth * 2) { out.append(0x20) }
  }
}
