/// Well-typed expressions of a given depth.
extension ProgramWriter {
  /// A value that needs no variables.
  mutating func constant(_ kind: Kind) -> String { expression(kind, in: [], 0) }

  mutating func expression(_ kind: Kind, in scope: [Variable], _ depth: Int) -> String {
    let known = scope.filter { $0.kind == kind }
    if !known.isEmpty, chance(40) { return random.pick(known).name }
    switch kind {
    case .int: return int(in: scope, depth)
    case .double: return double(in: scope, depth)
    case .string: return string(in: scope, depth)
    case .bool: return condition(in: scope, depth)
    case .list(let element):
      let count = random.next(below: 3)
      return "[" + (0..<count).map { _ in expression(element, in: scope, depth - 1) }.joined(separator: ", ") + "]"
    case .map(let value): return chance(30) ? "{}" : "{\"key\": \(expression(value, in: scope, depth - 1))}"
    case .optional(let wrapped): return "optional.of(\(expression(wrapped, in: scope, depth - 1)))"
    case .record(let name):
      let fields = (records[name] ?? []).map { "\($0.name): \(expression($0.kind, in: scope, depth - 1))" }
      return "\(name){\(fields.joined(separator: ", "))}"
    case .choice(let name): return "\(name).\(random.pick(choices[name] ?? []))"
    }
  }

  mutating func int(in scope: [Variable], _ depth: Int) -> String {
    let known = scope.filter { $0.kind == .int }
    let lists = scope.filter { if case .list = $0.kind { true } else { false } }
    if depth <= 0 { return known.isEmpty || chance(30) ? "\(random.next(below: 100))" : random.pick(known).name }
    switch random.next(below: 8) {
    case 0: return "\(int(in: scope, depth - 1)) + \(int(in: scope, depth - 1))"
    case 1: return "(\(int(in: scope, depth - 1)) - \(int(in: scope, depth - 1))) % \(2 + random.next(below: 9))"
    case 2: return "\(int(in: scope, 0)) * \(1 + random.next(below: 9))"
    case 3 where !lists.isEmpty: return "\(random.pick(lists).name).size()"
    case 4 where !functions.isEmpty && !scope.isEmpty && scope[0].name != "x":
      return "\(random.pick(functions))(\(int(in: scope, depth - 1)), \(int(in: scope, 0)))"
    case 5 where !constants.isEmpty: return random.pick(constants)
    case 6: return "(\(condition(in: scope, depth - 1)) ? \(int(in: scope, 0)) : \(int(in: scope, depth - 1)))"
    case 7: return "[\(int(in: scope, depth - 1)), \(int(in: scope, 0))].map(v, v * 2).sum()"
    default: return int(in: scope, 0)
    }
  }

  private mutating func double(in scope: [Variable], _ depth: Int) -> String {
    let known = scope.filter { $0.kind == .double }
    if depth <= 0 { return known.isEmpty || chance(30) ? "\(random.next(below: 90)).5" : random.pick(known).name }
    switch random.next(below: 3) {
    case 0: return "\(double(in: scope, depth - 1)) + \(double(in: scope, 0))"
    case 1: return "double(\(int(in: scope, depth - 1)))"
    default: return "\(double(in: scope, 0)) * 1.19"
    }
  }

  private mutating func string(in scope: [Variable], _ depth: Int) -> String {
    let known = scope.filter { $0.kind == .string }
    if depth <= 0 {
      let text = random.pick(["\"a\"", "'two words'", #""say \"no\"""#, #"r"\d+""#, "\"größer\""])
      return known.isEmpty || chance(30) ? text : random.pick(known).name
    }
    if chance(15), scope.contains(where: { $0.name.hasPrefix("event.") }) {
      let unit = random.pick(["hour", "day", "week", "month", "quarter", "year"])
      return
        "format(add_days(start_of(now, \"\(unit)\", \"UTC\"), \(int(in: [], 0)), \"UTC\"), \"yyyy-MM-dd\", \"UTC\")"
    }
    switch random.next(below: 3) {
    case 0: return "\(string(in: scope, depth - 1)) + \(string(in: scope, 0))"
    case 1: return "string(\(int(in: scope, depth - 1)))"
    default: return "\(string(in: scope, 0)).lowerAscii()"
    }
  }

  /// A condition that can be true and false, if there are variables.
  mutating func condition(in scope: [Variable], _ depth: Int) -> String {
    if depth > 0, chance(40) {
      let sign = random.pick(["&&", "||"])
      return "\(comparison(in: scope, depth - 1)) \(sign) \(comparison(in: scope, depth - 1))"
    }
    if depth > 0, chance(20) { return "!(\(condition(in: scope, depth - 1)))" }
    return comparison(in: scope, depth)
  }

  private mutating func comparison(in scope: [Variable], _ depth: Int) -> String {
    guard !scope.isEmpty else { return chance(50) ? "true" : "false" }
    let variable = random.pick(scope)
    let name = variable.name
    switch variable.kind {
    case .int: return "\(name) \(random.pick([">", "<", ">=", "!="])) \(random.next(below: 1000))"
    case .double: return "\(name) > \(random.next(below: 1000)).25"
    case .string: return "\(name).startsWith(\(string(in: [], 0)))"
    case .bool: return name
    case .list(let element):
      return chance(50)
        ? "\(name).size() > \(1 + random.next(below: 5))"
        : "\(name).exists(v, \(comparison(in: [Variable(name: "v", kind: element)], 0)))"
    case .map: return "\"key\(random.next(below: 9))\" in \(name)"
    case .optional: return "\(name).hasValue()"
    case .record(let record):
      let fields = (records[record] ?? []).map { Variable(name: "\(name).\($0.name)", kind: $0.kind) }
      return comparison(in: fields, depth - 1)
    case .choice(let choice): return "\(name) == \(choice).\(random.pick(choices[choice] ?? []))"
    }
  }
}
