import FlowJSON

extension Start {
  var json: JSON {
    .sparse([
      ("trigger", trigger.json), ("overlap", overlap == .allow ? .null : .string(overlap.rawValue)),
      ("catchup", catchUp == .one ? .null : .string(catchUp.rawValue)), ("roles", .ints(roles)),
      ("senders", .numbers(senders)),
      ("guard", guardExpression?.json ?? .null),
      ("target", .number(target)), ("arguments", .array(arguments.map(\.json))),
      ("acts", .array(statements.map(\.json))), ("at", location.json),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "trigger", "overlap", "catchup", "roles", "senders", "guard", "target", "arguments", "acts", "at",
    ])
    self.init(
      trigger: try Trigger(reader.member("trigger")), overlap: try reader.policy("overlap", default: .allow),
      catchUp: try reader.policy("catchup", default: .one),
      roles: try reader.list("roles") { item throws(ProgramError) in try item.int() },
      senders: try reader.indices("senders"),
      guardExpression: try .optional(reader.optional("guard")), target: try reader.index("target"),
      arguments: try reader.list("arguments") { item throws(ProgramError) in try StateArgument(item) },
      statements: try reader.list("acts") { item throws(ProgramError) in try ActionStatement(item) },
      location: try SourceLocation(reader.member("at")))
  }
}

extension IRReader {
  /// A policy of a schedule, or the one that holds without it.
  fileprivate func policy<Policy: RawRepresentable<String>>(
    _ name: String, default policy: Policy
  ) throws(ProgramError) -> Policy {
    guard let reader = optional(name) else { return policy }
    guard let known = Policy(rawValue: reader.json.string ?? "") else { throw reader.fail("this policy is not known") }
    return known
  }
}

extension Start.Trigger {
  var json: JSON {
    switch self {
    case .event(let event, let isAgain): .sparse([("on", .number(event)), ("again", .bool(isAgain))])
    case .every(let delay): ["every": delay.json]
    case .cron(let cron): ["cron": cron.json]
    case .called: "called"
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    if reader.json.string == "called" {
      self = .called
      return
    }
    try reader.allow(["on", "again", "every", "cron"])
    if let delay = reader.optional("every") {
      self = .every(try SourcedExpression(delay))
    } else if let cron = reader.optional("cron") {
      self = .cron(try Cron(cron))
    } else {
      self = .event(try reader.index("on"), isAgain: try reader.flag("again"))
    }
  }
}

extension ReadRule {
  var json: JSON { .sparse([("roles", .ints(roles)), ("when", condition?.json ?? .null)]) }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["roles", "when"])
    self.init(
      roles: try reader.list("roles") { item throws(ProgramError) in try item.int() },
      condition: try .optional(reader.optional("when")))
  }
}

extension Migration {
  var json: JSON {
    .sparse([
      ("from", .number(from)),
      ("states", .array(moves.map { ["from": .string($0.from), "to": .number($0.to)] })),
      ("data", .array(assignments.map { ["field": .number($0.field), "value": $0.value.json] })), ("at", location.json),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["from", "states", "data", "at"])
    self.init(
      from: try reader.int("from"),
      moves: try reader.list("states") { item throws(ProgramError) in
        Move(from: try item.string("from"), to: try item.index("to"))
      },
      assignments: try reader.list("data") { item throws(ProgramError) in
        Assignment(field: try item.int("field"), value: try SourcedExpression(item.member("value")))
      },
      location: try SourceLocation(reader.member("at")))
  }
}
