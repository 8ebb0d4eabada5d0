import FlowJSON

extension Transition {
  var json: JSON {
    .sparse([
      ("source", .number(source)), ("trigger", trigger.json), ("roles", .ints(roles)),
      ("senders", .numbers(senders)),
      ("guard", guardExpression?.json ?? .null), ("target", target.map { .number($0) } ?? .null),
      ("arguments", .array(arguments.map(\.json))),
      ("history", .bool(isHistory)), ("reenter", .bool(isReenter)), ("acts", .array(statements.map(\.json))),
      ("at", location.json),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "source", "trigger", "roles", "senders", "guard", "target", "arguments", "history", "reenter", "acts", "at",
    ])
    self.init(
      source: try reader.index("source"), trigger: try Trigger(reader.member("trigger")),
      roles: try reader.list("roles") { item throws(ProgramError) in try item.int() },
      senders: try reader.indices("senders"),
      guardExpression: try .optional(reader.optional("guard")), target: try reader.optional("target")?.index(),
      arguments: try reader.list("arguments") { item throws(ProgramError) in try StateArgument(item) },
      isHistory: try reader.flag("history"), isReenter: try reader.flag("reenter"),
      statements: try reader.list("acts") { item throws(ProgramError) in try ActionStatement(item) },
      location: try SourceLocation(reader.member("at")))
  }
}

extension Trigger {
  var json: JSON {
    switch self {
    case .event(let event): ["on": .number(event)]
    case .any: ["on": "any"]
    case .always: "always"
    case .done: "done"
    case .failed: "failed"
    case .rollbackDone: "rollbackDone"
    case .rollbackFailed: "rollbackFailed"
    case .error: "error"
    case .after(let delay): ["after": delay.json]
    case .every(let delay): ["every": delay.json]
    case .at(let instant): ["at": instant.json]
    case .cron(let cron): ["cron": cron.json]
    case .callDone(let call): ["callDone": .number(call)]
    case .callFailed(let call): ["callFailed": .number(call)]
    case .itemDone(let call): ["itemDone": .number(call)]
    case .itemFailed(let call): ["itemFailed": .number(call)]
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    if let word = reader.json.string {
      let words: [String: Trigger] = [
        "always": .always, "done": .done, "failed": .failed, "rollbackDone": .rollbackDone,
        "rollbackFailed": .rollbackFailed, "error": .error,
      ]
      guard let trigger = words[word] else { throw reader.fail("this trigger is not known") }
      self = trigger
      return
    }
    guard let member = reader.json.members?.first, reader.json.members?.count == 1 else {
      throw reader.fail("expected one trigger")
    }
    let value = try reader.member(member.name)
    switch member.name {
    case "on" where value.json.string == "any": self = .any
    case "on": self = .event(try value.index())
    case "after": self = .after(try SourcedExpression(value))
    case "every": self = .every(try SourcedExpression(value))
    case "at": self = .at(try SourcedExpression(value))
    case "cron": self = .cron(try Cron(value))
    case "callDone": self = .callDone(try value.index())
    case "callFailed": self = .callFailed(try value.index())
    case "itemDone": self = .itemDone(try value.index())
    case "itemFailed": self = .itemFailed(try value.index())
    default: throw value.fail("this trigger is not known")
    }
  }
}

extension Cron {
  var json: JSON {
    let schedule: JSON = spec == nil ? .string(self.schedule) : .null
    return .sparse([("schedule", schedule), ("spec", spec?.json ?? .null), ("zone", zone?.json ?? .null)])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["schedule", "spec", "zone"])
    let spec: SourcedExpression? = try .optional(reader.optional("spec"))
    self.init(
      schedule: spec == nil ? try reader.string("schedule") : "", spec: spec,
      zone: try .optional(reader.optional("zone")))
  }
}

extension ActionStatement {
  var json: JSON {
    var members: [(String, JSON)]
    switch kind {
    case .assign(let slot, let part, let value):
      members = [("assign", .number(slot)), ("part", .array(part.map(\.json))), ("value", value.json)]
    case .perform(let action, let arguments):
      members = [("perform", .number(action)), ("arguments", .array(arguments.map(\.json)))]
    case .emit(let event, let value, let flow):
      members = [("emit", .number(event)), ("value", value.json), ("to", flow.map { .number($0) } ?? .null)]
    case .raise(let event, let value): members = [("raise", .number(event)), ("value", value.json)]
    case .log(let value): members = [("log", value.json)]
    }
    members += [
      ("for", loop?.json ?? .null),
      ("when", condition?.json ?? .null), ("line", location.json),
    ]
    return .sparse(members)
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "assign", "part", "perform", "emit", "raise", "log", "value", "to", "arguments", "for", "when", "line",
    ])
    self.init(
      kind: try Kind(reader), loop: try .optional(reader.optional("for")),
      condition: try .optional(reader.optional("when")),
      location: try SourceLocation(reader.member("line")))
  }
}

extension ActionStatement.Loop {
  var json: JSON { ["slot": .number(slot), "in": list.json] }

  static func optional(_ reader: IRReader?) throws(ProgramError) -> ActionStatement.Loop? {
    guard let reader else { return nil }
    try reader.allow(["slot", "in"])
    return ActionStatement.Loop(slot: try reader.int("slot"), list: try SourcedExpression(reader.member("in")))
  }
}

extension ActionStatement.PartStep {
  var json: JSON {
    switch self {
    case .field(let name): .string(name)
    case .index(let index): index.json
    case .entry(let key): ["entry": key.json]
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    if let name = reader.json.string {
      self = .field(name)
    } else if let key = reader.optional("entry") {
      try reader.allow(["entry"])
      self = .entry(try SourcedExpression(key))
    } else {
      self = .index(try SourcedExpression(reader))
    }
  }
}

extension ActionStatement.Kind {
  fileprivate init(_ reader: IRReader) throws(ProgramError) {
    if let slot = reader.optional("assign") {
      self = .assign(
        slot: try slot.int(),
        part: try reader.list("part") { item throws(ProgramError) in try ActionStatement.PartStep(item) },
        try SourcedExpression(reader.member("value")))
    } else if let action = reader.optional("perform") {
      self = .perform(
        action: try action.int(),
        arguments: try reader.list("arguments") { item throws(ProgramError) in try SourcedExpression(item) })
    } else if let event = reader.optional("emit") {
      self = .emit(
        event: try event.index(), try SourcedExpression(reader.member("value")),
        to: try reader.optional("to")?.index())
    } else if let event = reader.optional("raise") {
      self = .raise(event: try event.index(), try SourcedExpression(reader.member("value")))
    } else {
      self = .log(try SourcedExpression(reader.member("log")))
    }
  }
}

extension StateArgument {
  var json: JSON { ["field": .number(field), "value": value.json] }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["field", "value"])
    self.init(field: try reader.int("field"), value: try SourcedExpression(reader.member("value")))
  }
}
