/// One way to call a function.
public struct Signature: Hashable, Sendable {
  public var name: String
  /// True when the first parameter is the receiver.
  public var isMember: Bool
  public var parameters: [ValueType]
  public var result: ValueType
  /// The overload's identifier: all of the declaration but the result. Computed once, because every call reads it.
  public let id: String
  /// True if it has type parameters.
  let isGeneric: Bool

  public init(_ name: String, isMember: Bool = false, parameters: [ValueType], result: ValueType) {
    self.name = name
    self.isMember = isMember
    self.parameters = parameters
    self.result = result
    let rest = parameters.dropFirst(isMember ? 1 : 0).map(\.description).joined(separator: ", ")
    isGeneric = parameters.contains(where: \.mentionsParameter) || result.mentionsParameter
    id = (isMember ? "\(parameters[0])." : "") + "\(name)(\(rest))"
  }
}

extension Signature: CustomStringConvertible {
  /// `size(string) -> int`, `string.size() -> int`.
  public var description: String { "\(id) -> \(result)" }
}

extension Signature {
  /// Reads the notation of the library's tables: `size(string) -> int`, `list<A>.first() -> optional<A>`.
  ///
  /// Single capital letters are type parameters. Nil when it is not a signature.
  init?(_ text: String) {
    guard let arrow = text.range(of: " -> ") else { return nil }
    let head = Array(text[..<arrow.lowerBound])
    guard let open = head.lastIndex(of: "("), head.last == ")" else { return nil }
    let callee = String(head[..<open])
    var parameters: [ValueType] = []
    let inner = String(head[(open + 1)..<(head.count - 1)])
    for part in Signature.split(inner) {
      guard let type = ValueType(notation: part) else { return nil }
      parameters.append(type)
    }
    guard let result = ValueType(notation: String(text[arrow.upperBound...])) else { return nil }
    var name = callee
    var isMember = false
    // `math.abs(int)` is a name with a dot; a receiver is a type.
    if let dot = Signature.receiverEnd(callee), let receiver = ValueType(notation: String(callee[..<dot])) {
      isMember = true
      parameters.insert(receiver, at: 0)
      name = String(callee[callee.index(after: dot)...])
    }
    self.init(name, isMember: isMember, parameters: parameters, result: result)
  }

  private static func receiverEnd(_ callee: String) -> String.Index? { callee.lastIndex(of: ".") }

  /// Splits at commas that are not inside `<>`.
  static func split(_ text: String) -> [String] {
    var parts: [String] = []
    var current = ""
    var depth = 0
    for character in text {
      if character == "<" { depth += 1 }
      if character == ">" { depth -= 1 }
      if character == ",", depth == 0 {
        parts.append(current)
        current = ""
      } else if character != " " || !current.isEmpty {
        current.append(character)
      }
    }
    return current.isEmpty ? parts : parts + [current]
  }
}

extension String {
  /// The first index of `needle`.
  fileprivate func range(of needle: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
      start = index(after: start)
    }
    return nil
  }
}

extension ValueType {
  /// Reads `int`, `list<A>`, `map<string, int>`, `optional<A>`, `type<A>`, `net.IP`.
  init?(notation text: String) {
    if let open = text.firstIndex(of: "<"), text.last == ">" {
      let inner = Signature.split(String(text[text.index(after: open)...].dropLast()))
      let types = inner.compactMap { ValueType(notation: $0) }
      guard types.count == inner.count else { return nil }
      switch (text[..<open], types.count) {
      case ("list", 1): self = .list(types[0])
      case ("map", 2): self = .map(types[0], types[1])
      case ("optional", 1): self = .optional(types[0])
      case ("type", 1): self = .type(types[0])
      default: return nil
      }
      return
    }
    switch text {
    case "null": self = .null
    case "bool": self = .bool
    case "int": self = .int
    case "uint": self = .uint
    case "double": self = .double
    case "string": self = .string
    case "bytes": self = .bytes
    case "timestamp": self = .timestamp
    case "duration": self = .duration
    case "dyn": self = .dyn
    case "net.IP", "net.CIDR": self = .opaque(text, [])
    case "A", "B", "K", "V", "T": self = .parameter(text)
    default: return nil
    }
  }
}
