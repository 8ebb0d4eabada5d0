import CEL
public import FlowJSON

extension Flow {
  var json: JSON { .sparse(declarations + behaviour) }

  /// Optional members are computed before the array, in which their types would take the compiler 20 seconds.
  private var declarations: [(String, JSON)] {
    let parameters: JSON = parameterCount > 0 ? .number(parameterCount) : .null
    let result: JSON = result?.json ?? .null
    let maximum: JSON = resultMaximum.map { .number($0) } ?? .null
    let key: JSON = key.map { .number($0) } ?? .null
    let lifetime: JSON = keyLifetime?.json ?? .null
    let definitions: [JSON] = definitions.map { ["name": .string($0.name), "value": $0.value.json] }
    return [
      ("name", .string(name)), ("version", .number(version)), ("callable", .bool(isCallable)),
      ("parameters", parameters), ("result", result), ("resultMax", maximum), ("key", key), ("keyLifetime", lifetime),
      ("fields", .array(fields.map(\.json))),
      ("lets", .array(definitions)),
    ]
  }

  private var behaviour: [(String, JSON)] {
    [
      ("calls", .array(calls.map(\.json))), ("kept", .number(keptCount)), ("frame", .number(frameSize)),
      ("invariants", .array(invariants.map(\.json))), ("states", .array(states.map(\.json))),
      ("transitions", .array(transitions.map(\.json))), ("starts", .array(starts.map(\.json))),
      ("properties", .array(properties.map(\.json))), ("reads", .array(readRules.map(\.json))),
      ("migrations", .array(migrations.map(\.json))), ("at", location.json),
    ]
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "name", "version", "callable", "parameters", "result", "resultMax", "properties", "reads", "migrations", "key",
      "keyLifetime", "fields",
      "lets",
      "calls", "kept", "frame", "invariants", "states", "transitions",
      "starts", "at",
    ])
    self.init(
      name: try reader.string("name"), version: try reader.int("version"),
      isCallable: try reader.flag("callable"), parameterCount: try reader.optional("parameters")?.int() ?? 0,
      result: try ValueType.optional(reader.optional("result")), key: try reader.optional("key")?.int(),
      keyLifetime: try reader.optional("keyLifetime").map { item throws(ProgramError) in try KeyLifetime(item) },
      fields: try reader.list("fields") { item throws(ProgramError) in try DataField(item) },
      definitions: try reader.list("lets") { item throws(ProgramError) in
        try item.allow(["name", "value"])
        return LetDefinition(name: try item.string("name"), value: try SourcedExpression(item.member("value")))
      },
      calls: IndexedList(try reader.list("calls") { item throws(ProgramError) in try Call(item) }),
      keptCount: try reader.int("kept"), frameSize: try reader.int("frame"),
      invariants: try reader.list("invariants") { item throws(ProgramError) in try SourcedExpression(item) },
      states: IndexedList(try reader.list("states") { item throws(ProgramError) in try State(item) }),
      transitions: try reader.list("transitions") { item throws(ProgramError) in try Transition(item) },
      starts: try reader.list("starts") { item throws(ProgramError) in try Start(item) },
      properties: try reader.list("properties") { item throws(ProgramError) in try Property(item) },
      readRules: try reader.list("reads") { item throws(ProgramError) in try ReadRule(item) },
      migrations: try reader.list("migrations") { item throws(ProgramError) in try Migration(item) },
      location: try SourceLocation(reader.member("at")), resultMaximum: try reader.optional("resultMax")?.int())
  }
}

extension KeyLifetime {
  var json: JSON {
    switch self {
    case .forever: "forever"
    case .milliseconds(let lifetime): .int(lifetime)
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    if reader.json.string == "forever" {
      self = .forever
    } else {
      self = .milliseconds(Int64(try reader.int()))
    }
  }

  /// The lifetimes of keys by flow in the document of a program, which may be of another version of the format.
  public static func declared(inProgram document: JSON) -> [String: KeyLifetime] {
    var found: [String: KeyLifetime] = [:]
    for flow in document["flows"]?.array ?? [] {
      guard let name = flow["name"]?.string, let value = flow["keyLifetime"] else { continue }
      found[name] = try? KeyLifetime(IRReader(json: value, pointer: ""))
    }
    return found
  }
}

extension DataField {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("type", type.json), ("default", defaultValue?.json ?? .null),
      ("state", state.map { .number($0) } ?? .null), ("max", maximum.map { .number($0) } ?? .null),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["name", "type", "default", "state", "max"])
    let type = try reader.member("type")
    self.init(
      name: try reader.string("name"),
      type: try type.load { () throws(LoadError) in try ValueType(json: type.json) },
      defaultValue: try .optional(reader.optional("default")), state: try reader.optional("state")?.index(),
      maximum: try reader.optional("max")?.int())
  }
}

extension Property {
  var json: JSON {
    switch self {
    case .never(let states): ["never": .numbers(states)]
    case .leadsTo(let from, let to): ["leads": .numbers([from, to])]
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["never", "leads"])
    let states: [StateIndex] = try reader.indices("leads")
    if states.isEmpty {
      self = .never(try reader.indices("never"))
    } else {
      guard states.count == 2 else { throw reader.fail("`leads` is two states") }
      self = .leadsTo(states[0], states[1])
    }
  }
}
