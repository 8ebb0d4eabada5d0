extension ProgramWriter {
  /// A flow with parameters, which the next one may call.
  mutating func writeCalledFlow() {
    guard chance(40) else { return called = nil }
    let name = upper("Part", flowCount)
    called = name
    add("flow \(name)(order: string, many: int = 3) -> string {")
    if chance(40) { add("key order", 1) }
    add("start -> busy", 1)
    add("state busy {", 1)
    add("after \(1 + random.next(below: 50))m -> ended", 2)
    let event = events.first { !$0.isDelivered }
    let fails = event == nil || chance(50)
    add(fails ? "after 1h when many > 10 -> broke" : "every 1m do log order", 2)
    // A delivery of a webhook or a queue reaches no instance without a key.
    if let event { add("on \(event.name) -> broke", 2) }
    add("}", 1)
    add("final ended returns order + \"!\"", 1)
    add("failed broke", 1)
    add("}")
  }

  /// A flow whose states form a chain, so that each is reachable and leads to the end.
  mutating func writeFlow() {
    let name = upper("Flow", flowCount)
    let data = [Variable(name: "id", kind: .string)] + variables(2 + random.next(below: 4), "data")
    let count = 1 + random.next(below: size)
    let start = random.pick(events)
    if chance(50) { add("/// About \(name).") }
    add("flow \(name) {")
    let isSecond = chance(30)
    isOwnEvent = chance(30)
    if isSecond { add("version 2", 1) }
    add("key id" + random.pick(["", "", " for 365d", " for 12h30m", " forever"]), 1)
    if isOwnEvent { add("event Own { n: int }", 1) }
    writeData(data)
    var scope = data
    if chance(60) {
      add("let sum0 = \(int(in: data, 2))", 1)
      scope.append(Variable(name: "sum0", kind: .int))
    }
    if chance(40) { add("invariant \(condition(in: data, 1))", 1) }
    if chance(20) { add("read by \(random.pick(roles))", 1) }
    if chance(20) { add("read when caller.id == id", 1) }
    let kinds = (0..<count).map { _ in random.next(below: 10) }
    owners = Set(kinds.indices.filter { kinds[$0] > 5 && chance(40) }.map { "state\($0)" })
    writeStarts(start, data)
    let names = (0..<count).map { "state\($0)" } + ["ended"]
    let guardText = chance(60) ? " when \(chance(30) ? "active(\"state0\") && " : "")(\(condition(in: scope, 1)))" : ""
    add("on \(random.pick(events).name)\(guardText) -> broken", 1)
    let isWide = chance(30)
    if isWide { add("on \(wideEvent) do log event.text", 1) }
    for index in 0..<count { writeState(index, kinds[index], names, scope) }
    add(chance(50) ? "final ended" : "final ended { entry log \"the end of \" + id }", 1)
    add("after 3650d -> broken", 1)
    add("failed broken", 1)
    if isSecond { writeMigration() }
    if chance(20) { add("never state0 and ended", 1) }
    if chance(20) { add("state0 leads to ended", 1) }
    add("}")
    flowCount += 1
    if isWide { wideFlows.append(name) }
    hasMigration = isSecond
    (lastFlow, lastStart, lastStates) = (name, start, names)
  }

  private mutating func writeMigration() {
    add("migrate from 1 {", 1)
    add("state old.start -> state0", 2)
    add("data id = " + random.pick(["\"migrated\"", "string(old.id)", "string(old.name) + \"!\""]), 2)
    add("}", 1)
  }

  private mutating func writeData(_ data: [Variable]) {
    add("data {", 1)
    add("id: string", 2)
    for field in data.dropFirst() { add("\(field.name): \(type(field.kind)) = \(constant(field.kind))", 2) }
    add("}", 1)
  }

  private mutating func writeStarts(_ event: Event, _ data: [Variable]) {
    let given = scope(of: event)
    // One comparison can be true; two may contradict each other.
    let guardText = chance(30) ? " when \(condition(in: given, 0))" : ""
    let role = chance(20) ? " by \(random.pick(roles))" : ""
    let again = chance(20) ? " again" : ""
    add("start on \(event.name)\(again)\(role)\(guardText) -> \(target("state0", given)) do {", 1)
    add(chance(50) ? "id = event.id" : "take id", 2)
    for field in data.dropFirst() where chance(40) {
      add("\(field.name) = \(expression(field.kind, in: given, 1))", 2)
    }
    add("}", 1)
    if chance(15) { add("start every \(1 + random.next(below: 9))h -> state0 do id = \"tick\"", 1) }
    if chance(15) {
      let policies = random.pick([
        "", " overlap skip", " overlap queue catchup none", " overlap replace", " catchup all",
      ])
      add("start cron \"0 9 * * MON\" tz \"Europe/Berlin\"\(policies) -> state0 do id = \"monday\"", 1)
    }
  }

  /// The fields of an event in a reaction to it.
  func scope(of event: Event) -> [Variable] {
    (event.fields + event.computed).map { Variable(name: "event.\($0.name)", kind: $0.kind) }
  }

  // MARK: - Tests

  mutating func writeTest() {
    guard chance(60), let start = lastStart else { return }
    add("test \"\(lastFlow) \(lineCount)\" with \(lastFlow) {")
    if let action = actions.first(where: { !$0.codes.isEmpty }), chance(30) {
      add("mock \(action.name) fails \(random.pick(action.codes))", 1)
    }
    let role = chance(50) ? "" : " by \(random.pick(roles))"
    let caller = role.isEmpty ? "" : " as \"ana\""
    add("send \(event(start))\(role)\(sender(of: start))\(caller)   expect state \(lastStates[0])", 1)
    for _ in 0..<random.next(below: 4) { writeStatement() }
    add("}")
  }

  /// `Event{…}` with constant fields.
  private mutating func event(_ event: Event) -> String {
    "\(event.name){\(event.fields.map { "\($0.name): \(constant($0.kind))" }.joined(separator: ", "))}"
  }

  /// ` from Flow` for an internal event.
  private func sender(of event: Event) -> String { event.isInternal ? " from \(lastFlow)" : "" }

  private mutating func writeStatement() {
    let action = random.pick(actions)
    switch random.next(below: 17) {
    case 16:
      guard hasMigration else { return add("advance 1m", 1) }
      add("migrate from 1 in old.start with {\"id\": \(constant(.string)), \"name\": \"n\"}", 1)
    case 14:
      let (first, second) = (random.pick(events).name, random.pick(events).name)
      add("expect \(chance(50) ? "not " : "")emitted \(first) then \(second)", 1)
    case 15: add("expect \(lastFlow) \(chance(50) ? "not " : "")ended   expect \(lastFlow) data true", 1)
    case 9: add("expect not state \(lastStates[lastStates.count - 1])", 1)
    case 10: add("expect \(chance(50) ? "not " : "")ended", 1)
    case 11: add("expect \(random.pick(["ignored", "deferred"]))", 1)
    case 12: add("expect called \(random.pick(actions).name) \(random.next(below: 4)) times", 1)
    case 13: add("expect \(chance(50) ? "not " : "")log \"the end of \" + \(constant(.string))", 1)
    case 4: add("at timestamp(\"2030-01-01T00:00:00Z\")", 1)
    case 5:
      let value = action.result.map { " with \(constant(.record($0)))" } ?? ""
      add("complete \(action.name)\(value)   expect not emitted \(random.pick(events).name)", 1)
    case 6:
      guard let code = action.codes.first else { return add("expect refused", 1) }
      add("fail \(action.name) \(chance(50) ? code : "\"\(code)\"")", 1)
    case 7: add("expect incident", 1)
    case 0: add("advance \(1 + random.next(below: 20))d\(1 + random.next(below: 20))h", 1)
    case 1:
      let sent = random.pick(events)
      add("send \(event(sent))\(sender(of: sent))", 1)
    case 2: add("expect not called \(random.pick(actions).name)", 1)
    case 3: add("expect state \(flowCount == 1 ? random.pick(lastStates) : lastStates[0])", 1)
    default: add("expect refused", 1)
    }
  }
}
