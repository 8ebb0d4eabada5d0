import CEL
import FlowSource

extension Flow {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("version", .number(version)), ("key", key.map { .number($0) } ?? .null),
      ("fields", .array(fields.map(\.json))),
      ("lets", .array(definitions.map { ["name": .string($0.name), "value": $0.value.json] })),
      ("calls", .array(calls.map(\.json))), ("kept", .number(keptCount)), ("frame", .number(frameSize)),
      ("invariants", .array(invariants.map(\.json))), ("states", .array(states.map(\.json))),
      ("transitions", .array(transitions.map(\.json))), ("starts", .array(starts.map(\.json))), ("at", place.json),
    ])
  }

  init(_ reader: Reader) throws(ProgramError) {
    try reader.allow([
      "name", "version", "key", "fields", "lets", "calls", "kept", "frame", "invariants", "states", "transitions",
      "starts", "at",
    ])
    self.init(
      name: try reader.string("name"), version: try reader.int("version"), key: try reader.optional("key")?.int(),
      fields: try reader.list("fields") { item throws(ProgramError) in try DataField(item) },
      definitions: try reader.list("lets") { item throws(ProgramError) in
        try item.allow(["name", "value"])
        return LetDefinition(name: try item.string("name"), value: try SourcedExpression(item.member("value")))
      },
      calls: try reader.list("calls") { item throws(ProgramError) in try Call(item) },
      keptCount: try reader.int("kept"), frameSize: try reader.int("frame"),
      invariants: try reader.list("invariants") { item throws(ProgramError) in try SourcedExpression(item) },
      states: try reader.list("states") { item throws(ProgramError) in try State(item) },
      transitions: try reader.list("transitions") { item throws(ProgramError) in try Transition(item) },
      starts: try reader.list("starts") { item throws(ProgramError) in try Start(item) },
      place: try Place(reader.member("at")))
  }
}

extension DataField {
  var json: JSON {
    .sparse([("name", .string(name)), ("type", type.json), ("default", defaultValue?.json ?? .null)])
  }

  init(_ reader: Reader) throws(ProgramError) {
    try reader.allow(["name", "type", "default"])
    let type = try reader.member("type")
    self.init(
      name: try reader.string("name"),
      type: try type.load { () throws(LoadError) in try ValueType(json: type.json) },
      defaultValue: try .optional(reader.optional("default")))
  }
}

extension Call {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("state", .number(state)), ("action", .number(action)),
      ("arguments", .array(arguments.map(\.json))), ("once", once?.json ?? .null), ("slot", .number(resultSlot)),
      ("policy", policy.json), ("at", place.json),
    ])
  }

  init(_ reader: Reader) throws(ProgramError) {
    try reader.allow(["name", "state", "action", "arguments", "once", "slot", "policy", "at"])
    self.init(
      name: try reader.string("name"), state: try reader.int("state"), action: try reader.int("action"),
      arguments: try reader.list("arguments") { item throws(ProgramError) in try SourcedExpression(item) },
      once: try .optional(reader.optional("once")), resultSlot: try reader.int("slot"),
      policy: try Policy(reader.member("policy")), place: try Place(reader.member("at")))
  }
}

extension Start {
  var json: JSON {
    .sparse([
      ("event", .number(event)), ("again", .bool(isAgain)), ("roles", .ints(roles)),
      ("guard", guardExpression?.json ?? .null), ("target", .number(target)), ("acts", .array(acts.map(\.json))),
      ("at", place.json),
    ])
  }

  init(_ reader: Reader) throws(ProgramError) {
    try reader.allow(["event", "again", "roles", "guard", "target", "acts", "at"])
    self.init(
      event: try reader.int("event"), isAgain: try reader.flag("again"),
      roles: try reader.list("roles") { item throws(ProgramError) in try item.int() },
      guardExpression: try .optional(reader.optional("guard")), target: try reader.int("target"),
      acts: try reader.list("acts") { item throws(ProgramError) in try Act(item) },
      place: try Place(reader.member("at")))
  }
}
