import CEL
import FlowJSON

/// A value in an IR document, with the typed accessors of decoding.
struct IRReader {
  let json: JSON
  /// The location of the value, as a JSON Pointer.
  let pointer: String

  func fail(_ message: String) -> ProgramError {
    ProgramError("\(pointer.isEmpty ? "the document" : pointer): \(message)")
  }

  func member(_ name: String) throws(ProgramError) -> IRReader {
    guard let value = json[name] else { throw fail("`\(name)` is missing") }
    return IRReader(json: value, pointer: "\(pointer)/\(name)")
  }

  /// The member, unless it is left out or null.
  func optional(_ name: String) -> IRReader? {
    guard let value = json[name], value != .null else { return nil }
    return IRReader(json: value, pointer: "\(pointer)/\(name)")
  }

  func string() throws(ProgramError) -> String {
    guard let value = json.string else { throw fail("expected a string") }
    return value
  }

  func int() throws(ProgramError) -> Int {
    guard let value = json.int else { throw fail("expected a whole number") }
    return value
  }

  func bool() throws(ProgramError) -> Bool {
    guard let value = json.bool else { throw fail("expected true or false") }
    return value
  }

  func items() throws(ProgramError) -> [IRReader] {
    guard let values = json.array else { throw fail("expected a list") }
    return values.enumerated().map { IRReader(json: $1, pointer: "\(pointer)/\($0)") }
  }

  /// Reads each item of a member; a missing member is an empty list.
  func list<Item>(
    _ name: String, _ read: (IRReader) throws(ProgramError) -> Item
  ) throws(ProgramError) -> [Item] {
    guard let member = optional(name) else { return [] }
    var found: [Item] = []
    for item in try member.items() { found.append(try read(item)) }
    return found
  }

  /// Reads an index; `Program.validate` checks its range.
  func index<Index: ProgramIndex>() throws(ProgramError) -> Index {
    guard let number = json.int, let value = Int32(exactly: number) else { throw fail("expected an index") }
    return Index(rawValue: value)
  }

  func index<Index: ProgramIndex>(_ name: String) throws(ProgramError) -> Index { try member(name).index() }

  /// Reads a list of indices; a missing member is an empty list.
  func indices<Index: ProgramIndex>(_ name: String) throws(ProgramError) -> [Index] {
    try list(name) { item throws(ProgramError) in try item.index() }
  }

  func string(_ name: String) throws(ProgramError) -> String { try member(name).string() }

  func int(_ name: String) throws(ProgramError) -> Int { try member(name).int() }

  func int64(_ name: String) throws(ProgramError) -> Int64 { Int64(try member(name).int()) }

  /// True only when it says so; a missing member is false.
  func flag(_ name: String) throws(ProgramError) -> Bool { try optional(name)?.bool() ?? false }

  /// Rejects unknown members, because a program that is not understood can't be run.
  func allow(_ names: Set<String>) throws(ProgramError) {
    guard let members = json.members else { throw fail("expected an object") }
    for member in members where !names.contains(member.name) {
      throw fail("`\(member.name)` is not known to this version")
    }
  }

  /// Rethrows an error of CEL's decoding with the location.
  func load<T>(_ body: () throws(LoadError) -> T) throws(ProgramError) -> T {
    do throws(LoadError) {
      return try body()
    } catch {
      throw fail(error.message)
    }
  }
}

extension JSON {
  /// An object without empty members: null, false and empty lists.
  static func sparse(_ members: [(String, JSON)]) -> JSON {
    .object(
      members.filter { $0.1 != .null && $0.1 != .bool(false) && $0.1 != .array([]) }.map { Member($0.0, $0.1) })
  }

  /// The value, or null: a `??` in a long literal costs the type checker seconds.
  static func orNull(_ value: JSON?) -> JSON { value ?? .null }

  static func strings(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }

  static func ints(_ values: [Int]) -> JSON { .array(values.map { .int(Int64($0)) }) }

  static func number(_ value: Int) -> JSON { .int(Int64(value)) }

  static func number(_ index: some ProgramIndex) -> JSON { .int(Int64(index.rawValue)) }

  static func numbers(_ indices: [some ProgramIndex]) -> JSON { .array(indices.map { .number($0) }) }
}
