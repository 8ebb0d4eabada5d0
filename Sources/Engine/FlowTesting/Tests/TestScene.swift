import CEL
import FlowIR
import FlowJSON
import FlowMachine

/// The state of a running test: the instances, the mocks and the effects.
struct TestScene {
  typealias Name = VirtualSystem.Name

  let test: TestCase
  let stepper: Stepper
  let text: StepText
  var system: VirtualSystem
  /// The instant from which the trace counts, in milliseconds since 1970.
  private(set) var start = TestRunner.start
  /// True if all occurrences are kept, for a trace.
  private let isTraced: Bool
  /// The number of kept occurrences that are recorded here.
  private var recorded = 0
  /// The number of inputs so far.
  private(set) var steps = 0
  /// The outcome of each mocked action or flow.
  private var mocks: [Call.Target: CallOutcome] = [:]
  /// Every requested job, in order.
  private(set) var jobs: [(owner: Name, job: Job)] = []
  private(set) var emitted: [(sender: Name, event: EventIndex, payload: Value)] = []
  /// The logged lines, in order.
  private(set) var logged: [(owner: Name, line: String)] = []
  /// The way in which the last event of the test was accepted; nil before the first one and after a refusal.
  private(set) var disposition: Step.Disposition?
  /// The same for the last event of each instance, also of emitted ones.
  private(set) var dispositions = DispositionTable()
  /// The refusals of events, which the next statements have to expect.
  private(set) var refusals: [(name: Name, refusal: Refusal)] = []
  /// The refusals without consequences since the last input, which a statement may expect of their instance.
  private var harmless: [(name: Name, refusal: Refusal)] = []
  /// The incidents of timers and results, which the next statements have to expect.
  private(set) var incidents: [(name: Name, refusal: Refusal)] = []
  private(set) var coverage: Coverage
  /// The name of the key field of the tested flow; nil for a flow without a key.
  private let keyName: String?

  /// - Parameter isTraced: True to keep all occurrences.
  init(_ test: TestCase, stepper: Stepper, text: StepText, isTraced: Bool) {
    self.test = test
    self.isTraced = isTraced
    let flow = stepper.machine.program.flows[test.flow]
    keyName = flow.key.map { flow.fields[$0].name }
    self.stepper = stepper
    self.text = text
    system =
      test.flows.isEmpty
      ? VirtualSystem(stepper: stepper, isolated: test.flow, now: TestRunner.start)
      : VirtualSystem(stepper: stepper, flows: test.flows, now: TestRunner.start, hasSchedules: true)
    coverage = Coverage(flowCount: stepper.machine.program.flows.count)
  }

  var program: Program { stepper.machine.program }

  /// The tested instance: the first one of the tested flow.
  var tested: Name? { system.names.first { $0.flow == test.flow } }

  /// The first refusal or incident that no statement has expected.
  var unexpected: Refusal? { (refusals.first ?? incidents.first)?.refusal }

  mutating func perform(_ statement: TestCase.Kind) throws(Mismatch) {
    if case .send(let sent) = statement, refusals.isEmpty, incidents.isEmpty, try sendInPlace(sent) { return }
    if try expectRefusal(statement, of: nil) { return }
    if let refusal = refusals.last?.refusal {
      throw Mismatch(message: "the event before this was refused", details: text.describe(refusal))
    }
    if let incident = incidents.last?.refusal {
      throw Mismatch(message: "a step before this failed", details: text.describe(incident))
    }
    if try !drive(statement) { try expect(statement) }
  }

  /// Checks `expect refused` and `expect incident`; false for another statement.
  private mutating func expectRefusal(_ statement: TestCase.Kind, of name: Name?) throws(Mismatch) -> Bool {
    switch statement {
    case .expectOf(let reference, let expectation):
      switch expectation {
      case .expectRefused, .expectIncident: return try expectRefusal(expectation, of: try instance(reference))
      default: return false
      }
    case .expectRefused:
      let isRefused = refusals.contains { name == nil || $0.name == name } || harmless.contains { $0.name == name }
      guard isRefused else { throw Mismatch(message: "the last event was taken", details: whereItStands(name)) }
      refusals.removeAll { name == nil || $0.name == name }
      harmless.removeAll { $0.name == name }
      return true
    case .expectIncident:
      guard incidents.contains(where: { name == nil || $0.name == name }) else {
        throw Mismatch(message: "there was no incident", details: whereItStands(name))
      }
      incidents.removeAll { name == nil || $0.name == name }
      return true
    default: return false
    }
  }

  // MARK: - Driving

  /// Executes a statement that changes the run; false for an expectation.
  private mutating func drive(_ statement: TestCase.Kind) throws(Mismatch) -> Bool {
    switch statement {
    case .start(let flow, let arguments): try start(flow, arguments)
    case .send(let sent): try send(sent)
    case .mock(let target, .returns(let value)): mocks[target] = .done(try self.value(value))
    case .mock(let target, .fails(let code)): mocks[target] = .failed(code: code, message: "mocked", attempts: 1)
    case .complete(let work, let owner, let result): try complete(work, owner: owner, result: result)
    case .fail(let work, let owner, let code):
      try end(work, owner: owner, .failed(code: code, message: "failed by the test", attempts: 1))
    case .advance(let length):
      guard case .duration(let duration) = try value(length) else { return true }
      try advance(to: system.now.addingClamped(duration.nanoseconds / 1_000_000))
    case .at(let instant):
      guard case .timestamp(let timestamp) = try value(instant) else { return true }
      try setClock(to: timestamp.milliseconds)
    case .migrate(let old): try migrate(old)
    default: return false
    }
    return true
  }

  private mutating func migrate(_ old: TestCase.MigratedInstance) throws(Mismatch) {
    var data: JSON = .object([])
    if let value = old.data { data = try self.value(value).json(in: stepper.machine.types) }
    do throws(MigrationProblem) {
      try system.migrate(states: old.states, data: data, of: old.flow, from: old.version)
    } catch {
      throw Mismatch(message: error.message)
    }
    try record()
    try answer()
  }

  private mutating func send(_ sent: TestCase.SentEvent) throws(Mismatch) {
    var by = Caller(roles: sent.roles.map { program.roles[$0] }, flow: sent.sender.map { program.flows[$0].name })
    if let caller = sent.caller, case .string(let id) = try value(caller) { by.id = id }
    let payload = try value(sent.payload)
    let receiver = try receiver(of: sent, payload)
    disposition = nil
    harmless = []
    guard system.send(event: sent.event, payload: payload, caller: by, to: receiver) else {
      throw Mismatch(
        message: "`\(program.events[sent.event].name)` reaches no instance, and starts none", details: instances)
    }
    try record()
    try answer()
  }

  /// Sends an event with a literal payload to the only instance, which changes in place: no occurrence describes it.
  /// - Returns: False if nothing has happened, because the event needs more than that.
  private mutating func sendInPlace(_ sent: TestCase.SentEvent) throws(Mismatch) -> Bool {
    guard !isTraced, system.isIsolated, sent.caller == nil, hasKey(sent.payload.tree) else { return false }
    let caller =
      sent.roles.isEmpty && sent.sender == nil
      ? Caller()
      : Caller(roles: sent.roles.map { program.roles[$0] }, flow: sent.sender.map { program.flows[$0].name })
    guard
      let disposition = system.advance(
        event: sent.event, literal: sent.payload.tree, caller: caller, falseGuards: &coverage.refused[test.flow])
    else { return false }
    steps += 1
    harmless = []
    self.disposition = disposition
    coverage.add(stepper, active: system.members[0].instance.active, of: test.flow)
    let name = system.names[0]
    dispositions[name] = disposition
    // A refusal of a deferred event is expected like that of any other event.
    if let refused = stepper.refused.last { refusals.append((name, refused.refusal)) }
    add(stepper.effects, of: name)
    system.settle()
    try record()
    try answer()
    return true
  }

  /// Returns true if a literal payload has the key of the only instance, or none.
  private func hasKey(_ payload: TypedExpression) -> Bool {
    guard let keyName else { return true }
    guard case .record(_, let fields) = payload.kind, let name = tested else { return false }
    guard let field = fields.first(where: { $0.field == keyName }) else { return true }
    guard case .constant(.string(let key)) = field.value.kind else { return false }
    return key == name.key
  }

  /// The instance to which an event is sent; nil for one that reaches its receivers by its key.
  private func receiver(of sent: TestCase.SentEvent, _ payload: Value) throws(Mismatch) -> Name? {
    guard !system.isIsolated else {
      if let name = tested, !system.startsRun(name, on: sent.event) { try checkKey(of: payload, for: name) }
      return nil
    }
    guard let reference = sent.receiver else {
      // An event without a key is for the tested instance.
      return system.receivers(of: sent.event).isEmpty ? tested : nil
    }
    let name = try instance(reference)
    try checkKey(of: payload, for: name)
    return name
  }

  /// An instance receives events that have its key, or none.
  private func checkKey(of payload: Value, for name: Name) throws(Mismatch) {
    guard let key = stepper.key(of: name.flow, in: payload), key != name.key else { return }
    let source = { (key: String) in Value.string(key).source(in: stepper.machine.types) }
    throw Mismatch(
      message: "the event has the key \(source(key))", details: "the key of the instance is \(source(name.key))")
  }

  private mutating func start(_ flow: FlowIndex, _ arguments: [SourcedExpression]) throws(Mismatch) {
    let parameters = program.flows[flow].parameters
    var fields: [RecordValue.Field] = []
    for (field, argument) in zip(parameters.fields, arguments) {
      fields.append(.init(field.name, try value(argument)))
    }
    let record = Value.record(RecordValue(typeName: parameters.name, fields: fields))
    if !system.isIsolated, let key = system.argumentKey(of: flow, record),
      case .failed(_, let message, _)? = system.problem(ofKey: Name(flow: flow, key: key))
    {
      throw Mismatch(message: message, details: instances)
    }
    if case .refused(let refusal) = system.start(flow, arguments: record) {
      refusals.append((Name(flow: flow, key: "1"), refusal))
    }
    try self.record()
    try answer()
  }

  private mutating func advance(to instant: Int64) throws(Mismatch) {
    harmless = []
    while system.fireNext(upTo: instant) {
      try record()
      try answerCalls()
    }
    system.moveClock(to: instant)
  }

  /// Advances the clock to an instant; before the first start, sets it.
  private mutating func setClock(to instant: Int64) throws(Mismatch) {
    if system.names.isEmpty {
      system.setClock(to: instant)
      start = min(start, instant)
      return
    }
    guard instant >= system.now else { throw Mismatch(message: "the clock does not go back") }
    try advance(to: instant)
  }

  private mutating func complete(
    _ work: TestCase.Work, owner: TestCase.InstanceReference?, result: SourcedExpression?
  ) throws(Mismatch) {
    var outcome = Value.null
    if let result { outcome = try value(result) }
    try end(work, owner: owner, .done(outcome))
  }

  private mutating func end(
    _ work: TestCase.Work, owner: TestCase.InstanceReference?, _ outcome: CallOutcome
  ) throws(Mismatch) {
    var name: Name?
    if let owner { name = try instance(owner) }
    let found = system.next { isMeant($0, work, owner: name) }
    guard let found else {
      throw Mismatch(message: "nothing of that name waits for an answer", details: whatWaits(name))
    }
    var outcome = outcome
    if case .failed(let code, let message, _) = outcome { outcome = try failure(code, of: found, message: message) }
    _ = system.end(call: found.id, outcome)
    try record()
    try answer()
  }

  /// Ends mocked calls until none is waiting, and fires the timers that are due already.
  private mutating func answer() throws(Mismatch) {
    try answerCalls()
    while system.fireDue() {
      try record()
      try answerCalls()
    }
  }

  /// Ends mocked calls until none is waiting.
  private mutating func answerCalls() throws(Mismatch) {
    for _ in 0..<VirtualRun.maximumAnswers {
      guard let next = system.next(where: { mocks[$0.job.target] != nil }),
        var outcome = mocks[next.job.target]
      else { return }
      if case .failed(let code, let message, _) = outcome { outcome = try failure(code, of: next, message: message) }
      _ = system.end(call: next.id, outcome)
      try record()
    }
    throw Mismatch(message: "mocked answers follow each other without end", details: whereItStands(nil))
  }

  private func isMeant(_ item: VirtualSystem.Work, _ work: TestCase.Work, owner: Name?) -> Bool {
    guard owner == nil || item.owner == owner else { return false }
    switch work {
    case .calls(let calls):
      let flow = owner?.flow ?? test.flow
      return item.owner.flow == flow && (item.job.call.map(calls.contains) ?? false)
    case .target(let target): return target == item.job.target
    }
  }

  // MARK: - Recording

  /// Records what has happened since the last statement.
  private mutating func record() throws(Mismatch) {
    while recorded < system.occurrences.count {
      record(system.occurrences[recorded])
      recorded += 1
      steps += 1
    }
    if !isTraced, recorded > 0 {
      system.occurrences.removeAll(keepingCapacity: true)
      recorded = 0
    }
    if system.isEndless { throw Mismatch(message: "events follow each other without end", details: instances) }
  }

  private mutating func record(_ occurrence: VirtualSystem.Occurrence) {
    if let received = occurrence.received { watchGuards(received, of: occurrence) }
    switch occurrence.outcome {
    case .accepted(let step): record(step, of: occurrence)
    case .refused(let refusal):
      dispositions[occurrence.name] = nil
      guard !occurrence.isHarmless else {
        if [.event, .emission].contains(occurrence.origin) { harmless.append((occurrence.name, refusal)) }
        return
      }
      switch occurrence.origin {
      case .event, .emission: refusals.append((occurrence.name, refusal))
      case .timer, .result, .cancellation: incidents.append((occurrence.name, refusal))
      case .call: break
      }
    }
  }

  private mutating func record(_ step: Step, of occurrence: VirtualSystem.Occurrence) {
    let name = occurrence.name
    coverage.add(step, of: name.flow, in: program.flows[name.flow])
    if [.event, .emission].contains(occurrence.origin) { dispositions[name] = step.disposition }
    if occurrence.origin == .event, disposition == nil { disposition = step.disposition }
    // A refusal of a deferred event is expected like that of any other event.
    if let refused = step.refused.last { refusals.append((name, refused.refusal)) }
    add(step.effects, of: name)
  }

  private mutating func add(_ effects: [Effect], of name: Name) {
    for effect in effects {
      switch effect {
      case .job(let job): jobs.append((name, job))
      case .emit(let event, let payload, to: _): emitted.append((name, event, payload))
      case .log(let line): logged.append((name, line))
      default: break
      }
    }
  }

  /// Records the false guards of an event, for coverage.
  private mutating func watchGuards(_ received: VirtualSystem.ReceivedEvent, of occurrence: VirtualSystem.Occurrence) {
    let flow = occurrence.name.flow
    let found = stepper.falseGuards(
      received.instance, event: received.event, payload: received.payload, caller: received.caller, now: occurrence.at,
      except: coverage.refused[flow])
    for transition in found { coverage.refused[flow].insert(transition) }
  }

  // MARK: - Values

  func value(_ expression: SourcedExpression) throws(Mismatch) -> Value {
    switch stepper.evaluate(expression, over: nil, now: system.now) {
    case .success(let value): return value
    case .failure(let error): throw Mismatch(message: "`\(expression.text)`: \(error.message)")
    }
  }

  /// The instance that a statement names.
  func instance(_ reference: TestCase.InstanceReference) throws(Mismatch) -> Name {
    let flow = program.flows[reference.flow].name
    let known = system.names(of: reference.flow)
    guard let key = reference.key else {
      guard let first = known.first else {
        throw Mismatch(message: "no instance of `\(flow)` has started", details: instances)
      }
      guard known.count == 1 else {
        throw Mismatch(
          message: "`\(flow)` has several instances: name one, as in `\(system.text(of: first))`", details: instances)
      }
      return first
    }
    guard case .string(let text) = try value(key) else { throw Mismatch(message: "a key is a string") }
    let name = Name(flow: reference.flow, key: text)
    guard known.contains(name) else {
      throw Mismatch(message: "there is no instance `\(system.text(of: name))`", details: instances)
    }
    return name
  }
}

/// The way in which the last event of each instance was accepted. Most events follow one that was accepted alike.
struct DispositionTable {
  private var known: [VirtualSystem.Name: Step.Disposition] = [:]
  private var last: (name: VirtualSystem.Name, disposition: Step.Disposition)?

  subscript(name: VirtualSystem.Name) -> Step.Disposition? {
    get { known[name] }
    set {
      if let last, let newValue, last.disposition == newValue, last.name == name { return }
      known[name] = newValue
      last = newValue.map { (name, $0) }
    }
  }
}
