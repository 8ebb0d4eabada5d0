import CCrypto
import CEL
public import FlowJSON

extension Program {
  /// The program as a document; `text(.canonical)` of it is the output of `flow compile`.
  public var json: JSON {
    .object([
      .init("ir", .number(Program.format)), .init("types", .array(types.map(\.irJSON))),
      .init("enums", .array(enums.map(\.irJSON))), .init("roles", .strings(roles)),
      .init("events", .array(events.map(\.json))), .init("actions", .array(actions.map(\.json))),
      .init("flows", .array(flows.map(\.json))),
    ])
  }

  /// Reads the document that ``json`` writes, and validates all of it.
  ///
  /// - Throws: `ProgramError` with the JSON Pointer of the first invalid value.
  public init(json: JSON) throws(ProgramError) {
    let reader = IRReader(json: json, pointer: "")
    guard json["ir"]?.int == Program.format else {
      throw ProgramError("this is not an IR file of version \(Program.format)")
    }
    try reader.allow(["ir", "types", "enums", "roles", "events", "actions", "flows"])
    self.init()
    enums = try reader.list("enums") { item throws(ProgramError) in try EnumDeclaration(item) }
    types = try reader.list("types") { item throws(ProgramError) in try RecordDeclaration(item) }
    events = IndexedList(try reader.list("events") { item throws(ProgramError) in try Event(item) })
    roles = try reader.list("roles") { item throws(ProgramError) in try item.string() }
    actions = try reader.list("actions") { item throws(ProgramError) in try Action(item) }
    flows = IndexedList(try reader.list("flows") { item throws(ProgramError) in try Flow(item) })
    try validate()
  }

  /// The identity of this version: the SHA-256 of the canonical text without source locations, in hexadecimal.
  /// Comments, line breaks and spaces do not change it.
  public var hash: String {
    let text = json.withoutSource.bytes(.canonical)
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    _ = unsafe SHA256(text, text.count, &digest)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

extension JSON {
  /// The document without source locations, and without the texts of expressions, whose trees contain the meaning.
  var withoutSource: JSON {
    switch self {
    case .object(let members):
      .object(
        members.filter { !["at", "line", "text"].contains($0.name) }.map { member in
          member.name == "nodes"
            ? Member(member.name, .array((member.value.array ?? []).map(\.withoutRange)))
            : Member(member.name, member.value.withoutSource)
        })
    case .array(let items): .array(items.map(\.withoutSource))
    default: self
    }
  }

  /// A node of an expression: its kind, its source range, and its members.
  private var withoutRange: JSON {
    .array((array ?? []).enumerated().filter { $0.offset != 1 && $0.offset != 2 }.map(\.element))
  }
}

extension SourcedExpression {
  var json: JSON { ["text": .string(text), "at": .int(Int64(base)), "tree": tree.json] }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["text", "at", "tree"])
    let tree = try reader.member("tree")
    guard let base = UInt32(exactly: try reader.int("at")) else { throw reader.fail("`at` is out of range") }
    self.init(
      text: try reader.string("text"), base: base,
      tree: try tree.load { () throws(LoadError) in try TypedExpression(json: tree.json) })
  }

  static func optional(_ reader: IRReader?) throws(ProgramError) -> SourcedExpression? {
    guard let reader else { return nil }
    return try SourcedExpression(reader)
  }
}

extension SourceLocation {
  var json: JSON { .string(description) }

  init(_ reader: IRReader) throws(ProgramError) {
    let text = try reader.string()
    guard let colon = text.lastIndex(of: ":"), let line = Int(text[text.index(after: colon)...]) else {
      throw reader.fail("expected a place such as `order.flow:12`")
    }
    self.init(file: String(text[..<colon]), line: line)
  }
}
