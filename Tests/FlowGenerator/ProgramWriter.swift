/// Writes one file, and records its declarations.
struct ProgramWriter {
  indirect enum Kind: Hashable {
    case int, double, string, bool
    case list(Kind)
    case map(Kind)
    case optional(Kind)
    case record(String)
    case choice(String)
  }

  struct Variable {
    var name: String
    var kind: Kind
  }

  struct Event {
    var name: String
    var fields: [Variable]
    /// The members that are computed from the fields.
    var computed: [Variable] = []
    var isInternal = false
    var isDelivered = false
  }

  struct Action {
    var name: String
    var parameters: [Variable]
    var result: String?
    var codes: [String]
    /// True if calls of it may wait for others, so that a priority has an effect.
    var mayWait = false
  }

  var random: SplitMix64
  let size: Int
  /// The suffix that distinguishes the names of one file from those of others.
  let prefix: String
  private var lines: [String] = []

  var records: [String: [Variable]] = [:]
  var recordNames: [String] = []
  var choices: [String: [String]] = [:]
  var choiceNames: [String] = []
  var roles: [String] = []
  var events: [Event] = []
  var actions: [Action] = []
  var functions: [String] = []
  var constants: [String] = []
  var called: String?
  var flowCount = 0
  /// Whether the current flow has an event of its own.
  var isOwnEvent = false
  /// The states of the current flow with a field.
  var owners: Set<String> = []
  /// The event of broadcasts, and the flows that handle it.
  var wideEvent = ""
  var wideFlows: [String] = []
  /// True if the last flow migrates instances of version 1.
  var hasMigration = false
  /// The states of the last flow, for its test.
  var lastStates: [String] = []
  var lastFlow = ""
  var lastStart: Event?

  init(seed: UInt64, size: Int, prefix: String) {
    random = SplitMix64(state: seed)
    self.size = size
    self.prefix = prefix
  }

  var text: String { lines.joined(separator: "\n") + "\n" }
  var lineCount: Int { lines.count }

  mutating func add(_ text: String, _ indent: Int = 0) {
    lines.append(String(repeating: "  ", count: indent) + text)
  }

  mutating func chance(_ percent: Int) -> Bool { random.next(below: 100) < percent }

  func upper(_ name: String, _ index: Int) -> String { prefix.uppercased() + name + "\(index)" }

  func lower(_ name: String, _ index: Int) -> String { prefix + name + "\(index)" }

  /// Adds the declarations of an imported file.
  mutating func adopt(_ other: ProgramWriter) {
    records = other.records
    recordNames = other.recordNames
    choices = other.choices
    choiceNames = other.choiceNames
    roles = other.roles
    functions = other.functions
    constants = other.constants
  }

  // MARK: - Declarations

  mutating func writeDeclarations() {
    for index in 0..<(1 + random.next(below: 2)) { writeChoice(index) }
    for index in 0..<(1 + random.next(below: 2)) { writeRecord(index) }
    for index in 0..<(1 + random.next(below: 2)) { writeConstant(index) }
    for index in 0..<(1 + random.next(below: 2)) { writeFunction(index) }
    for index in 0..<(1 + random.next(below: 2)) {
      roles.append(lower("role", index))
      add("role \(lower("role", index))")
    }
    for index in 0..<(2 + random.next(below: 3)) { writeEvent(index) }
    wideEvent = upper("Wide", 0)
    add("internal event \(wideEvent) { text: string }")
    for index in 0..<(1 + random.next(below: 3)) { writeAction(index) }
  }

  private mutating func writeChoice(_ index: Int) {
    let name = upper("Choice", index)
    choices[name] = ["first", "second", "third"]
    choiceNames.append(name)
    add("enum \(name) { first, second, third }")
  }

  private mutating func writeRecord(_ index: Int) {
    let name = upper("Record", index)
    let fields = variables(1 + random.next(below: 4), "part")
    records[name] = fields
    recordNames.append(name)
    if chance(30) { add("/// What \(name) stands for.") }
    writeFields("type \(name)", fields, hasDefaults: true)
  }

  private mutating func writeConstant(_ index: Int) {
    add("const \(prefix.uppercased())LIMIT\(index) = \(int(in: [], 1)) % 1000 + \(random.next(below: 50))")
    constants.append("\(prefix.uppercased())LIMIT\(index)")
  }

  private mutating func writeFunction(_ index: Int) {
    let name = lower("twice", index)
    let scope = [Variable(name: "x", kind: .int)]
    if chance(30) {
      add("fn \(name)(x: int, y: int = 1) -> int {")
      for bound in 0..<(1 + random.next(below: 3)) { add("when x > \(100 - bound) -> \(int(in: scope, 2))", 1) }
      add("always -> \(int(in: scope, 2))", 1)
      add("}")
    } else {
      add("fn \(name)(x: int, y: int = 1) -> int = \(int(in: scope, 2))")
    }
    functions.append(name)
  }

  private mutating func writeEvent(_ index: Int) {
    let fields = [Variable(name: "id", kind: .string)] + variables(random.next(below: 4), "given")
    var event = Event(name: upper("Event", index), fields: fields)
    let senders = [
      "webhook { secret env(\"SECRET\") header \"X-Sign\" hmac sha256 }", "amqp \"\(event.name)\"",
      "redis \"\(event.name)\"",
    ]
    let sender = chance(15) ? " from " + senders[index % senders.count] : ""
    event.isInternal = sender.isEmpty && chance(15)
    event.isDelivered = !sender.isEmpty
    var definitions: [String] = []
    for index in 0..<(chance(30) ? 1 + random.next(below: 2) : 0) {
      let member = Variable(name: "made\(index)", kind: random.pick([.int, .string, .bool]))
      definitions.append("let \(member.name) = \(expression(member.kind, in: fields + event.computed, 1))")
      event.computed.append(member)
    }
    events.append(event)
    let head = "\(event.isInternal ? "internal " : "")event \(event.name)\(sender)"
    writeFields(head, fields, hasDefaults: false, definitions)
  }

  private mutating func writeFields(
    _ head: String, _ fields: [Variable], hasDefaults: Bool, _ definitions: [String] = []
  ) {
    let texts =
      fields.map { field in
        let room = chance(20) && isSized(field.kind) ? " max \(10 + random.next(below: 90))" : ""
        let isDefaulted = hasDefaults && [.int, .double, .string, .bool].contains(field.kind) && chance(30)
        return "\(field.name): \(type(field.kind))\(room)" + (isDefaulted ? " = \(constant(field.kind))" : "")
      } + definitions
    if chance(60) { return add("\(head) { \(texts.joined(separator: chance(80) ? "  " : ", ")) }") }
    add("\(head) {")
    for text in texts { add(text, 1) }
    add("}")
  }

  private mutating func writeAction(_ index: Int) {
    let result = chance(60) ? random.pick(recordNames) : nil
    let parameters = [Variable(name: "to", kind: .string)] + variables(random.next(below: 3), "with")
    let codes = Array(["BUSY", "DOWN", "NO_STOCK"].prefix(random.next(below: 4)))
    var action = Action(name: lower("act", index), parameters: parameters, result: result, codes: codes)
    defer { actions.append(action) }
    let list = parameters.map { "\($0.name): \(type($0.kind))" }.joined(separator: ", ")
    let fails = codes.isEmpty ? "" : " fails " + codes.joined(separator: ", ")
    let head = "action \(action.name)(\(list))" + (result.map { " -> \($0)" } ?? "") + fails
    if result == nil, chance(20) { return add("\(head) { log \"told \" + to }") }
    add(head + " {")
    let isHTTP = chance(50)
    let binding = binding(index, result)
    action.mayWait = !isHTTP && binding.hasPrefix("worker")
    add(isHTTP ? "http POST env(\"URL\") + \"/\(action.name)\" { body: {\"to\": to} }" : binding, 1)
    if isHTTP, let code = codes.first { add(chance(50) ? "429 -> \(code)" : "5xx -> \(code)", 1) }
    add("timeout \(random.pick(["10s", "1m30s", "2s"]))", 1)
    let count = chance(20) ? "forever" : "\(3 + random.next(below: 9))"
    add("retry \(count) backoff 1s..\(1 + random.next(below: 9))m", 1)
    if isHTTP, chance(30) { add("signed env(\"SECRET\")", 1) }
    if chance(30) {
      add("limit 10 per 1s" + (chance(30) ? " per to" : ""), 1)
      action.mayWait = true
    }
    if chance(30) {
      add("limit 4 at once" + (chance(30) ? " per to" : ""), 1)
      action.mayWait = true
    }
    add("}")
  }

  private mutating func binding(_ index: Int, _ result: String?) -> String {
    guard result == nil else { return "worker \"queue\(index)\"" }
    return random.pick([
      "worker \"queue\(index)\"", "email { to: to, subject: \"about \" + to, text: \"hello\" }",
      "publish \"exchange\" \"key.\" + to { body: {\"to\": to} }", "redis \"GET\" { args: [to] }",
      "sql \"select 1\" { args: [to] }", "exec \"/bin/true\" { args: [\"-v\"] input: to }",
    ])
  }

  // MARK: - Variables

  mutating func variables(_ count: Int, _ name: String) -> [Variable] {
    (0..<count).map { Variable(name: "\(name)\($0)", kind: kind(depth: 1)) }
  }

  private mutating func kind(depth: Int) -> Kind {
    switch random.next(below: depth > 0 ? 12 : 6) {
    case 0, 1: .int
    case 2: .double
    case 3, 4: .string
    case 5: .bool
    case 6, 7: .list(kind(depth: 0))
    case 8: .map(kind(depth: 0))
    case 9: .optional(kind(depth: 0))
    case 10: recordNames.isEmpty ? .int : .record(random.pick(recordNames))
    default: choiceNames.isEmpty ? .bool : .choice(random.pick(choiceNames))
    }
  }

  /// Whether the type accepts `max`.
  private func isSized(_ kind: Kind) -> Bool {
    switch kind {
    case .string, .list, .map: true
    default: false
    }
  }

  func type(_ kind: Kind) -> String {
    switch kind {
    case .int: "int"
    case .double: "double"
    case .string: "string"
    case .bool: "bool"
    case .list(let element): "list<\(type(element))>"
    case .map(let value): "map<string, \(type(value))>"
    case .optional(let wrapped): type(wrapped) + "?"
    case .record(let name), .choice(let name): name
    }
  }
}
