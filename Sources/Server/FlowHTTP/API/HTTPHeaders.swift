/// The header fields of a request in their original order, found by name without regard to case.
public struct HTTPHeaders: Sendable {
  /// A field as two ranges of `bytes`.
  struct Field: Sendable {
    var nameStart: Int32
    var nameLength: Int32
    var valueStart: Int32
    var valueLength: Int32
  }

  // One block for all text: a header allocates no string until it is read.
  private var bytes: [UInt8]
  private var fields: [Field]

  /// The fields in `pairs`.
  public init(_ pairs: [(String, String)] = []) {
    bytes = []
    fields = []
    for (name, value) in pairs { append(name: name, value: value) }
  }

  init(bytes: [UInt8], fields: [Field]) {
    self.bytes = bytes
    self.fields = fields
  }

  /// Appends a field.
  public mutating func append(name: String, value: String) {
    let start = Int32(bytes.count)
    bytes.append(contentsOf: name.utf8)
    let middle = Int32(bytes.count)
    bytes.append(contentsOf: value.utf8)
    fields.append(
      Field(
        nameStart: start, nameLength: middle - start,
        valueStart: middle, valueLength: Int32(bytes.count) - middle))
  }

  /// The first value under `name`.
  public subscript(_ name: String) -> String? {
    for field in fields where isNamed(field, name) { return text(field.valueStart, field.valueLength) }
    return nil
  }

  /// All values under `name`, in order.
  public func values(of name: String) -> [String] {
    var found: [String] = []
    for field in fields where isNamed(field, name) { found.append(text(field.valueStart, field.valueLength)) }
    return found
  }

  /// Returns true if there are several fields under `name`.
  public func isRepeated(_ name: String) -> Bool {
    var isFound = false
    for field in fields where isNamed(field, name) {
      if isFound { return true }
      isFound = true
    }
    return false
  }

  /// The first name that starts with `prefix` and is that of an earlier field as well, without regard to case.
  public func repeatedName(startingWith prefix: String) -> String? {
    var seen: Set<String> = []
    for field in fields where Int(field.nameLength) > prefix.utf8.count {
      let start = Int(field.nameStart)
      guard isEqual(bytes[start..<start + prefix.utf8.count], prefix) else { continue }
      let name = text(field.nameStart, field.nameLength)
      guard seen.insert(name.lowercased()).inserted else { return name }
    }
    return nil
  }

  /// Returns true if a comma-separated value under `name` contains `token`, without regard to case.
  public func contains(token: String, in name: String) -> Bool {
    for field in fields where isNamed(field, name) {
      let value = bytes[Int(field.valueStart)..<Int(field.valueStart + field.valueLength)]
      for part in value.split(separator: UInt8(ascii: ",")) where isEqual(part.trimmed, token) { return true }
    }
    return false
  }

  private func text(_ start: Int32, _ length: Int32) -> String {
    String(decoding: bytes[Int(start)..<Int(start + length)], as: UTF8.self)
  }

  private func isNamed(_ field: Field, _ name: String) -> Bool {
    Int(field.nameLength) == name.utf8.count
      && isEqual(bytes[Int(field.nameStart)..<Int(field.nameStart + field.nameLength)], name)
  }

  private func isEqual(_ part: ArraySlice<UInt8>, _ text: String) -> Bool {
    let other = text.utf8
    guard part.count == other.count else { return false }
    for (one, two) in zip(part, other) where one.lowercased != two.lowercased { return false }
    return true
  }
}

extension HTTPHeaders: RandomAccessCollection {
  /// The index of the first field.
  public var startIndex: Int { 0 }
  /// The index after the last field.
  public var endIndex: Int { fields.count }

  /// The field at `position`, with its name in the original case.
  public subscript(position: Int) -> (name: String, value: String) {
    let field = fields[position]
    return (text(field.nameStart, field.nameLength), text(field.valueStart, field.valueLength))
  }
}

extension UInt8 {
  /// The byte with ASCII letters in lower case.
  fileprivate var lowercased: UInt8 { self >= 0x41 && self <= 0x5A ? self | 0x20 : self }
  fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }
}

extension ArraySlice<UInt8> {
  fileprivate var trimmed: ArraySlice<UInt8> {
    var rest = drop { $0.isBlank }
    while let last = rest.last, last.isBlank { rest.removeLast() }
    return rest
  }
}
