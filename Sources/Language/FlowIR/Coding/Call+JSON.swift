import FlowJSON

extension Call {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("state", .number(state)), ("target", target.json),
      ("arguments", .array(arguments.map(\.json))), ("for", .orNull(loop?.json)), ("limit", .orNull(limit?.json)),
      ("once", .orNull(once?.json)), ("priority", .orNull(priority?.json)), ("undo", .orNull(undo?.json)),
      ("step", .bool(isStep)), ("after", .numbers(after)),
      ("when", .orNull(condition?.json)), ("record", .string(resultRecord)), ("slot", .number(resultSlot)),
      ("policy", policy.json), ("at", location.json),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "name", "state", "target", "arguments", "for", "limit", "once", "priority", "undo", "step", "after", "when",
      "record",
      "slot", "policy", "at",
    ])
    self.init(
      name: try reader.string("name"), state: try reader.index("state"), target: try Target(reader.member("target")),
      arguments: try reader.list("arguments") { item throws(ProgramError) in try SourcedExpression(item) },
      loop: try .optional(reader.optional("for")), limit: try .optional(reader.optional("limit")),
      once: try .optional(reader.optional("once")), priority: try .optional(reader.optional("priority")),
      undo: try Undo.optional(reader.optional("undo")),
      isStep: try reader.flag("step"),
      after: try reader.indices("after"),
      condition: try .optional(reader.optional("when")), resultRecord: try reader.string("record"),
      resultSlot: try reader.int("slot"),
      policy: try Policy(reader.member("policy")), location: try SourceLocation(reader.member("at")))
  }
}

extension Call.Target {
  var json: JSON {
    switch self {
    case .action(let action): ["action": .number(action)]
    case .flow(let flow): ["flow": .number(flow)]
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["action", "flow"])
    if let action = reader.optional("action") {
      self = .action(try action.int())
    } else {
      self = .flow(try reader.index("flow"))
    }
  }
}

extension Call.Undo {
  var json: JSON { ["action": .number(action), "arguments": .array(arguments.map(\.json))] }

  static func optional(_ reader: IRReader?) throws(ProgramError) -> Call.Undo? {
    guard let reader else { return nil }
    try reader.allow(["action", "arguments"])
    return Call.Undo(
      action: try reader.int("action"),
      arguments: try reader.list("arguments") { item throws(ProgramError) in try SourcedExpression(item) })
  }
}
