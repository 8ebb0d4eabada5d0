import FlowJSON

extension State {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("path", .string(path)), ("kind", .string(kind.rawValue)), ("parent", .number(parent)),
      ("depth", .number(depth)), ("children", .numbers(children)), ("initial", initial.map { .number($0) } ?? .null),
      ("entry", .array(entry.map(\.json))), ("exit", .array(exit.map(\.json))), ("calls", .numbers(calls)),
      ("transitions", .ints(transitions)), ("ignored", .numbers(ignored)), ("deferred", .numbers(deferred)),
      ("rollback", .bool(isRollback)), ("result", result?.json ?? .null), ("end", .number(end)),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "name", "path", "kind", "parent", "depth", "children", "initial", "entry", "exit", "calls", "transitions",
      "ignored", "deferred", "rollback", "result", "end",
    ])
    guard let kind = Kind(rawValue: try reader.string("kind")) else { throw reader.fail("this kind is not known") }
    self.init(
      name: try reader.string("name"), path: try reader.string("path"), kind: kind, parent: try reader.index("parent"),
      depth: try reader.int("depth"),
      children: try reader.indices("children"),
      initial: try reader.optional("initial")?.index(),
      entry: try reader.list("entry") { item throws(ProgramError) in try ActionStatement(item) },
      exit: try reader.list("exit") { item throws(ProgramError) in try ActionStatement(item) },
      calls: try reader.indices("calls"),
      transitions: try reader.list("transitions") { item throws(ProgramError) in try item.int() },
      ignored: try reader.indices("ignored"),
      deferred: try reader.indices("deferred"),
      isRollback: try reader.flag("rollback"), result: try .optional(reader.optional("result")),
      end: try reader.index("end"))
  }
}
