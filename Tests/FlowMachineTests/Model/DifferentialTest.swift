import CEL
import FlowCompiler
import FlowIR
import FlowMachine

/// Runs the model and the interpreter with the same chart and inputs.
struct DifferentialTest {
  /// The observable state of an instance and of its last step.
  struct Picture: Hashable {
    var outcome = ""
    var states: [String] = []
    var status = ""
    var values: [Int] = []
    /// The fields of the active states.
    var owned: [String] = []
    var timers: [String] = []
    var putOff: [String] = []
    var accepted: [String] = []
    var log: [String] = []
    var refused: [String] = []

    var lines: [String] {
      [
        "outcome \(outcome)", "states \(states)", "status \(status)", "values \(values)", "owned \(owned)",
        "timers \(timers)",
        "deferred \(putOff)", "accepted \(accepted)", "log \(log)",
        "refused \(refused)",
      ]
    }
  }

  struct Difference: Error, CustomStringConvertible {
    var after: String
    var model: Picture
    var interpreter: Picture
    var note = ""

    var description: String {
      let pairs = zip(model.lines, interpreter.lines).filter { $0 != $1 }
      return "after \(after)" + pairs.map { "\n  model:       \($0)\n  interpreter: \($1)" }.joined() + "\n" + note
    }
  }

  /// The maximum number of timers that fire in one wait.
  static let maximumFirings = 40

  let machine: Machine
  let stepper: Stepper
  /// The transitions of the interpreter, by the number of their reaction.
  let transitions: [Int: Int]
  var model: Model
  var instance: Instance?
  private var patience = 1000
  var armed: Set<ArmedTimer> = []
  var now: Int64 = 1_000_000
  /// The number of occurrences of each outcome.
  var outcomes: [String: Int] = [:]

  /// - Returns: Nil for a chart that the compiler rejects.
  init?(_ chart: Chart, mistake: Model.Mistake? = nil) throws {
    let text = chart.text
    guard let program = compile("chart.flow", load: { $0 == "chart.flow" ? Array(text.utf8) : nil }).program else {
      return nil
    }
    machine = try Machine(program)
    stepper = Stepper(machine)
    model = Model(chart, mistake: mistake)
    transitions = DifferentialTest.transitions(of: chart, program.flows[0])
  }

  /// A reaction to several events is several transitions; timers have one event each.
  private static func transitions(of chart: Chart, _ flow: Flow) -> [Int: Int] {
    var found: [Int: Int] = [:]
    for node in chart.root.all {
      guard let state = flow.states.first(where: { $0.path == node.path }) else { continue }
      let numbers = node.reactions.flatMap { reaction in
        guard case .events(let events) = reaction.trigger else { return [reaction.number] }
        return events.map { _ in reaction.number }
      }
      for (number, transition) in zip(numbers, state.transitions) { found[number] = transition }
    }
    return found
  }

  // MARK: - Run

  /// Starts both and passes all inputs, until one does not terminate.
  /// - Parameter patience: The number of microsteps after which an input counts as endless and is not compared.
  /// - Throws: `Difference` at the first disagreement.
  mutating func run(_ inputs: [ChartInput], patience: Int = 1000) throws {
    self.patience = patience
    do {
      try playAll(inputs)
    } catch let refusal as Model.Refusal where refusal.code == Model.impatience {
      return
    }
  }

  private mutating func playAll(_ inputs: [ChartInput]) throws {
    try start()
    for input in inputs where instance != nil && outcomes["too-many-microsteps"] == nil {
      if outcomes["ended"] != nil { try startAgain() }
      switch input {
      case .event(let event, let given, let isBoss): try send(event, given, isBoss)
      case .wait(let length, let isLate): try wait(length, isLate)
      }
    }
  }

  private mutating func start() throws {
    model.patience = patience
    let begin = Value.record(RecordValue(typeName: "Begin", fields: []))
    let now = now
    let event = machine.event(named: "Begin") ?? -1
    try compare(
      "the start",
      { $0.stepper.start(flow: 0, key: "k", event: event, payload: begin, caller: Caller(), now: now) }
    ) { model throws(Model.Refusal) in
      try model.start(now: now, isBoss: false)
      return "applied"
    }
  }

  /// Starts a new instance when the current one has ended.
  private mutating func startAgain() throws {
    outcomes["ended"] = nil
    model = Model(model.chart, mistake: model.mistake)
    instance = nil
    armed = []
    try start()
  }

  private mutating func send(_ event: Int, _ given: Int, _ isBoss: Bool) throws {
    let name = Chart.events[event]
    let payload = Value.record(RecordValue(typeName: name, fields: [.init("v", .int(Int64(given)))]))
    let input = Input.event(
      machine.event(named: name) ?? -1, payload: payload, caller: Caller(id: "x", roles: isBoss ? ["boss"] : []))
    let now = now
    try compare("\(name){v: \(given)}\(isBoss ? " by boss" : "") at \(now)", { try $0.step(input) }) {
      model throws(Model.Refusal) in
      try model.take(event, given: given, isBoss: isBoss, now: now)
    }
  }

  private mutating func wait(_ length: Int64, _ isLate: Bool) throws {
    let end = now + length
    if isLate { now = end }
    var firings = 0
    while firings < DifferentialTest.maximumFirings, let timer = nextTimer(until: end) {
      firings += 1
      now = max(now, timer.due)
      let now = now
      let armed = instance?.timers.first { $0.transition == transitions[timer.reaction] }
      guard let armed else { throw Difference(after: "the timer", model: picture(""), interpreter: Picture()) }
      let input = Input.timer(transition: armed.transition, armed: armed.armed)
      try compare("the timer of reaction \(timer.reaction) at \(now)", { try $0.step(input) }) {
        model throws(Model.Refusal) in
        try model.fire(timer, now: now)
      }
      if instance?.timers.contains(armed) == true { forget(timer, armed) }
    }
    now = end
  }

  private func nextTimer(until end: Int64) -> Model.Timer? {
    model.timers.filter { $0.due <= end }.min {
      ($0.due, transitions[$0.reaction] ?? 0) < ($1.due, transitions[$1.reaction] ?? 0)
    }
  }

  /// A timer that fails would fire endlessly.
  private mutating func forget(_ timer: Model.Timer, _ armed: ArmedTimer) {
    model.timers.removeAll { $0 == timer }
    instance = instance?.withoutTimer(armed)
    self.armed.remove(armed)
  }

  // MARK: - Compare

  private mutating func compare(
    _ what: String, _ outcome: (DifferentialTest) throws -> Outcome,
    _ act: (inout Model) throws(Model.Refusal) -> String
  ) throws {
    var mine: Picture
    let before = model
    model.log = []
    model.refused = []
    do throws(Model.Refusal) {
      let answer = try act(&model)
      mine = picture(answer)
    } catch {
      if error.code == Model.impatience { throw error }
      model = before
      model.log = []
      model.refused = []
      mine = picture(error.code)
      if instance == nil { mine = Picture(outcome: error.code) }
    }
    let theirs = try picture(taking: outcome(self))
    outcomes[mine.outcome, default: 0] += 1
    if mine != theirs { throw Difference(after: what, model: mine, interpreter: theirs) }
  }

  private func picture(_ answer: String) -> Picture {
    let timers = model.timers.map { "\(transitions[$0.reaction] ?? -1) \($0.due) \($0.period ?? 0)" }
    return Picture(
      outcome: answer, states: model.leaves, status: model.status.rawValue, values: model.values,
      owned: model.nodes.filter { $0.field != nil && model.active.contains($0.path) }
        .map { "\($0.path) \(model.owned[$0.path] ?? -1)" }, timers: timers.sorted(),
      putOff: model.putOff.map { "\(Chart.events[$0.event]) \($0.given)" },
      accepted: model.status == .running ? model.accepted.map { Chart.events[$0] } : [], log: model.log,
      refused: model.refused)
  }

  private mutating func picture(taking outcome: Outcome) throws -> Picture {
    var picture = Picture()
    switch outcome {
    case .refused(let refusal): picture.outcome = refusal.code
    case .accepted(let step):
      picture.outcome = step.disposition.rawValue
      instance = step.next
      for effect in step.effects { note(effect, &picture) }
      picture.refused = step.refused.map { refused in
        "\(machine.program.events[refused.event.event].name) \(refused.refusal.code)"
      }
      outcomes["refused when offered", default: 0] += picture.refused.count
    }
    guard let instance else { return picture }
    guard armed == Set(instance.timers) else {
      throw Difference(after: "the effects", model: self.picture(""), interpreter: picture, note: "\(instance.timers)")
    }
    picture.states = stepper.leafPaths(of: instance)
    picture.status = instance.status.rawValue
    picture.values = Chart.fields.indices.map { field in
      if case .int(let value)? = instance.value(ofField: field, in: machine) { Int(value) } else { -1 }
    }
    picture.owned = owned(by: instance)
    picture.timers = instance.timers.map { "\($0.transition) \($0.due) \($0.period ?? 0)" }.sorted()
    picture.putOff = instance.deferred.map { event in
      guard case .record(let record) = event.payload, case .int(let given)? = record["v"] else { return "?" }
      return "\(machine.program.events[event.event].name) \(given)"
    }
    picture.accepted = stepper.acceptedEvents(of: instance).filter { $0 != "Begin" }
    return picture
  }

  /// The fields of the active states, in the order of the states.
  private func owned(by instance: Instance) -> [String] {
    let flow = machine.program.flows[0]
    return flow.fields.indices.compactMap { field in
      guard let state = flow.fields[field].state, instance.active.contains(state) else { return nil }
      guard case .int(let value)? = instance.value(ofField: field, in: machine) else {
        return "\(flow.states[state].path) unset"
      }
      return "\(flow.states[state].path) \(value)"
    }
  }

  private mutating func note(_ effect: Effect, _ picture: inout Picture) {
    switch effect {
    case .log(let text): picture.log.append(text)
    case .discard(let event, let reason): picture.log.append(machine.text(discarded: event, because: reason))
    case .arm(let timer): armed.insert(timer)
    case .disarm(let timer): armed.remove(timer)
    case .job, .withdraw, .emit, .forget: break
    }
  }
}
