import FlowJSON

extension State {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("path", .string(path)), ("kind", .string(kind.rawValue)), ("parent", .number(parent)),
      ("depth", .number(depth)), ("children", .ints(children)), ("initial", initial.map { .number($0) } ?? .null),
      ("entry", .array(entry.map(\.json))), ("exit", .array(exit.map(\.json))), ("calls", .ints(calls)),
      ("transitions", .ints(transitions)), ("ignored", .ints(ignored)), ("deferred", .ints(deferred)),
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
      name: try reader.string("name"), path: try reader.string("path"), kind: kind, parent: try reader.int("parent"),
      depth: try reader.int("depth"),
      children: try reader.list("children") { item throws(ProgramError) in try item.int() },
      initial: try reader.optional("initial")?.int(),
      entry: try reader.list("entry") { item throws(ProgramError) in try ActionStatement(item) },
      exit: try reader.list("exit") { item throws(ProgramError) in try ActionStatement(item) },
      calls: try reader.list("calls") { item throws(ProgramError) in try item.int() },
      transitions: try reader.list("transitions") { item throws(ProgramError) in try item.int() },
      ignored: try reader.list("ignored") { item throws(ProgramError) in try item.int() },
      deferred: try reader.list("deferred") { item throws(ProgramError) in try item.int() },
      isRollback: try reader.flag("rollback"), result: try .optional(reader.optional("result")),
      end: try reader.int("end"))
  }
}
