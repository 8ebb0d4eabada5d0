extension ProgramWriter {
  /// One state of the chain; its other reactions lead forward in the chain or to no state.
  mutating func writeState(_ index: Int, _ kind: Int, _ names: [String], _ scope: [Variable]) {
    let name = names[index]
    let next = names[index + 1]
    if chance(15) { add("") }
    if chance(20) { add("/// \(name) of the chain.", 1) }
    switch kind {
    case 0: writeCompound(name, next, scope)
    case 1: writeParallel(name, next, scope)
    case 2: writeCalling(name, next, scope)
    case 3: writeSteps(name, next, scope)
    case 4: writeShort(name, next)
    case 5: writeUndone(name, next)
    default:
      let isOwner = owners.contains(name)
      let scope = scope + (isOwner ? [Variable(name: "own", kind: .int)] : [])
      add("state \(name)\(isOwner ? "(own: int = \(1 + random.next(below: 9)))" : "") {", 1)
      if isOwner { add("entry own = own + 1", 2) }
      if chance(30) { writeActs("entry", scope, 2) }
      writeReactions(to: next, later: Array(names[(index + 1)...]), scope, 2)
      if chance(20) { writeActs("exit", scope, 2) }
      if chance(10) { add("ongoing", 2) }
      add("}", 1)
    }
  }

  /// A target, sometimes with the value of its field.
  mutating func target(_ name: String, _ scope: [Variable]) -> String {
    owners.contains(name) && chance(60) ? "\(name)(own: \(expression(.int, in: scope, 1)))" : name
  }

  private mutating func writeShort(_ name: String, _ next: String) {
    add("state \(name) { on \(random.pick(events).name) -> \(next) }", 1)
  }

  // MARK: - Reactions

  /// Reactions to different events; the last one leads to `next`.
  private mutating func writeReactions(to next: String, later: [String], _ scope: [Variable], _ indent: Int) {
    var rest = events
    for _ in 0..<random.next(below: min(3, events.count)) {
      let event = rest.remove(at: random.next(below: rest.count))
      writeGuarded(event, later, scope, indent)
    }
    let event = rest.remove(at: random.next(below: rest.count))
    let inner = scope + self.scope(of: event)
    add("on \(event.name)\(roleText()) -> \(target(next, inner))\(actsText(inner))", indent)
    if let ignored = rest.first, chance(30) { add("\(random.pick(["ignore", "defer"])) \(ignored.name)", indent) }
    if chance(30) { add("after \(random.pick(["30m", "1h30m", "14d", "250ms"])) -> \(random.pick(later))", indent) }
    if chance(20) { add("every \(1 + random.next(below: 9))h\(actsText(scope, isNeeded: true))", indent) }
    if chance(10) { add("cron \"*/5 * * * *\" tz \"Europe/Berlin\"\(actsText(scope, isNeeded: true))", indent) }
    // The first comparison keeps the guard from being always true, which would close the ways to the later states.
    if chance(20) { add("always when id != \"\" && (\(condition(in: scope, 2))) -> \(next)", indent) }
  }

  private mutating func writeGuarded(_ event: Event, _ later: [String], _ scope: [Variable], _ indent: Int) {
    let inner = scope + self.scope(of: event)
    let goal = chance(50) ? " -> \(target(random.pick(later), inner))" : ""
    let statements = actsText(inner, isNeeded: goal.isEmpty)
    add(
      "on \(event.name)\(roleText()) when event.id != \"\" && (\(condition(in: inner, 2)))\(goal)\(statements)",
      indent)
    if chance(30) { add("on \(event.name)\(actsText(inner, isNeeded: true))", indent) }
  }

  private mutating func roleText() -> String {
    chance(20) ? " by " + (chance(30) ? roles.joined(separator: ", ") : random.pick(roles)) : ""
  }

  // MARK: - Statements

  private mutating func actsText(_ scope: [Variable], isNeeded: Bool = false) -> String {
    guard isNeeded || chance(40) else { return "" }
    if chance(70) { return " do \(act(scope))" }
    return " do { \((0..<(1 + random.next(below: 2))).map { _ in act(scope) }.joined(separator: " ")) }"
  }

  private mutating func writeActs(_ head: String, _ scope: [Variable], _ indent: Int) {
    guard chance(40) else { return add("\(head) \(act(scope))", indent) }
    add("\(head) {", indent)
    for _ in 0..<(1 + random.next(below: 3)) { add(act(scope), indent + 1) }
    add("}", indent)
  }

  private mutating func act(_ scope: [Variable]) -> String {
    let fields = scope.filter { $0.name.hasPrefix("data") }
    switch random.next(below: 5) {
    case 0, 1:
      guard !fields.isEmpty else { return "log id" }
      let field = random.pick(fields)
      if case .map(let value) = field.kind, chance(20) {
        let content = chance(50) ? "optional.none()" : "optional.of(\(expression(value, in: scope, 1)))"
        return "\(field.name)[?\"key\"] = \(content)"
      }
      if case .map(let value) = field.kind, chance(50) {
        return "\(field.name)[\"key\"] = \(expression(value, in: scope, 1))"
      }
      return "\(field.name) = \(expression(field.kind, in: scope, 2))"
    case 2:
      let action = random.pick(actions)
      return "\(action.name)(\(arguments(action, scope)))" + suffix(scope)
    case 3:
      let event = random.pick(events)
      let values = event.fields.map { "\($0.name): \(expression($0.kind, in: scope, 1))" }
      return "emit \(event.name){\(values.joined(separator: ", "))}" + suffix(scope)
    default:
      if let flow = wideFlows.first, chance(20) {
        return "emit \(wideEvent){text: \(expression(.string, in: scope, 1))} to \(flow)"
      }
      if isOwnEvent, chance(40) { return "raise Own{n: \(expression(.int, in: scope, 1))}" }
      return "log \(expression(.string, in: scope, 1))"
    }
  }

  private mutating func suffix(_ scope: [Variable]) -> String {
    (chance(20) ? " for item in [1, 2, 3]" : "") + (chance(30) ? " when \(condition(in: scope, 1))" : "")
  }

  private mutating func arguments(_ action: Action, _ scope: [Variable]) -> String {
    action.parameters.map { "\($0.name): \(expression($0.kind, in: scope, 1))" }.joined(separator: ", ")
  }

  // MARK: - States of other kinds

  private mutating func writeCompound(_ name: String, _ next: String, _ scope: [Variable]) {
    add("state \(name) {", 1)
    add("initial state \(name)_a {", 2)
    writeReactions(to: "\(name)_b", later: ["\(name)_b"], scope, 3)
    add("}", 2)
    add("final \(name)_b", 2)
    add("on done -> \(next)", 2)
    if chance(30) { add("on any -> \(name)\(chance(50) ? ".history" : " reenter")", 2) }
    add("}", 1)
  }

  /// A call that is undone when its state times out.
  private mutating func writeUndone(_ name: String, _ next: String) {
    guard let action = actions.first(where: { $0.parameters.count == 1 }) else { return writeShort(name, next) }
    let call = "\(action.name)(to: id)"
    add("state \(name) {", 1)
    add("initial state \(name)_a {", 2)
    add("call \(call) as done_\(name) undo \(call)", 3)
    add("on done_\(name).done -> \(name)_b", 3)
    add("on done_\(name).failed -> broken", 3)
    add("}", 2)
    add("state \(name)_b { rollback  on rollback.done -> \(next)  on rollback.failed -> broken }", 2)
    add("}", 1)
  }

  private mutating func writeParallel(_ name: String, _ next: String, _ scope: [Variable]) {
    add("parallel \(name) {", 1)
    for region in ["left", "right"] {
      add("region \(name)_\(region) {", 2)
      add("initial state \(name)_\(region)_a {", 3)
      writeReactions(to: "\(name)_\(region)_b", later: ["\(name)_\(region)_b"], scope, 4)
      add("}", 3)
      add("final \(name)_\(region)_b", 3)
      add("}", 2)
    }
    add("on done -> \(next)", 2)
    add("}", 1)
  }

  /// ` priority n`, where it has an effect.
  private mutating func priorityText(_ action: Action, _ scope: [Variable]) -> String {
    action.mayWait && chance(40) ? " priority \(int(in: scope, 1))" : ""
  }

  /// A call over a list, with reactions to its items.
  private mutating func writeItems(_ name: String, _ next: String, _ action: Action, _ scope: [Variable]) {
    let inner = scope + [Variable(name: "item", kind: .int)]
    let limit = chance(50) ? " limit 2" : ""
    add(
      "call \(action.name)(\(arguments(action, inner))) as each_\(name) for item in [1, 2, 3]\(limit)"
        + priorityText(action, inner), 2)
    if chance(60) { add("on each_\(name).item.done do log string(event.index)", 2) }
    if let code = action.codes.first, chance(60) {
      add("on each_\(name).item.failed when event.code == \"\(code)\" do log event.message", 2)
    }
    add("on each_\(name).done -> \(next)", 2)
    add("on each_\(name).failed -> broken", 2)
  }

  private mutating func writeCalling(_ name: String, _ next: String, _ scope: [Variable]) {
    let action = random.pick(actions)
    add("state \(name) {", 1)
    if chance(30) {
      writeItems(name, next, action, scope)
    } else if let called, chance(40) {
      add("call \(called)(order: id) as part_\(name)", 2)
      add("on part_\(name).done -> \(next) do log event.result", 2)
      add("on part_\(name).failed -> broken", 2)
    } else {
      add("call \(action.name)(\(arguments(action, scope))) as call_\(name)" + priorityText(action, scope), 2)
      if chance(50) { add("retry 5\(action.codes.first.map { " only \($0)" } ?? "") backoff 1s..1m", 3) }
      if chance(50) { add("timeout \(1 + random.next(below: 60))s", 3) }
      if chance(50) { add("once id + \"/\(name)\"", 3) }
      add("on call_\(name).done -> \(next)", 2)
      if let code = action.codes.first { add("on call_\(name).failed when event.code == \"\(code)\" -> \(next)", 2) }
      add("on call_\(name).failed -> broken do log event.message", 2)
    }
    add("}", 1)
  }

  private mutating func writeSteps(_ name: String, _ next: String, _ scope: [Variable]) {
    add("state \(name) {", 1)
    add("steps {", 2)
    for step in 0..<(1 + random.next(below: 4)) {
      let action = random.pick(actions)
      let after = step > 0 && chance(60) ? " after step\(random.next(below: step))_\(name)" : ""
      let condition = chance(30) ? " when \(self.condition(in: scope, 1))" : ""
      let priority = priorityText(action, scope)
      add("step\(step)_\(name): \(action.name)(\(arguments(action, scope)))\(after)\(condition)\(priority)", 3)
    }
    add("}", 2)
    add("on done -> \(next)", 2)
    add("on failed -> broken", 2)
    add("}", 1)
  }
}
