import CEL
import FlowIR
import FlowMachine

/// The state of a running test: the instance, the mocks and the events.
struct TestScene {
  let test: TestCase
  let stepper: Stepper
  let text: StepText
  var run: VirtualRun
  var runEvents: [VirtualRun.RunEvent] = []
  /// The outcome of each mocked action or flow.
  var mocks: [Call.Target: CallOutcome] = [:]
  /// Every requested job, in order.
  var jobs: [Job] = []
  var emitted: [(event: EventIndex, payload: Value)] = []
  /// The lines that the flow has logged, in order.
  var logged: [String] = []
  /// The way in which the last event was accepted; nil before the first one and after a refusal.
  var disposition: Step.Disposition?
  /// The refusal of the last event, which the next statement has to expect.
  var refusal: Refusal?
  /// The incident of a timer or a result, which the next statement has to expect.
  var incident: Refusal?
  var coverage: Coverage

  init(_ test: TestCase, stepper: Stepper, text: StepText) {
    self.test = test
    self.stepper = stepper
    self.text = text
    run = VirtualRun(stepper: stepper, flow: test.flow, now: TestRunner.start)
    coverage = Coverage(flowCount: stepper.machine.program.flows.count)
  }

  var program: Program { stepper.machine.program }
  var flow: Flow { program.flows[test.flow] }

  mutating func perform(_ statement: TestCase.Kind) throws(Mismatch) {
    switch statement {
    case .expectRefused:
      guard refusal != nil else { throw Mismatch(message: "the last event was taken", details: whereItStands) }
      refusal = nil
      return
    case .expectIncident:
      guard incident != nil else { throw Mismatch(message: "there was no incident", details: whereItStands) }
      incident = nil
      return
    default: break
    }
    if let refusal { throw Mismatch(message: "the event before this was refused", details: text.describe(refusal)) }
    if let incident { throw Mismatch(message: "a step before this failed", details: text.describe(incident)) }
    if try !drive(statement) { try expect(statement) }
  }

  // MARK: - Driving

  /// Executes a statement that changes the run; false for an expectation.
  private mutating func drive(_ statement: TestCase.Kind) throws(Mismatch) -> Bool {
    switch statement {
    case .start(let arguments): try start(arguments)
    case .send(let event, let payload, let roles, let sender, let caller):
      var by = Caller(roles: roles.map { program.roles[$0] }, flow: sender.map { program.flows[$0].name })
      if let caller, case .string(let id) = try value(caller) { by.id = id }
      try send(event, payload, by: by)
    case .mock(let target, .returns(let value)): mocks[target] = .done(try self.value(value))
    case .mock(let target, .fails(let code)): mocks[target] = .failed(code: code, message: "mocked", attempts: 1)
    case .complete(let work, let result): try complete(work, result)
    case .fail(let work, let code):
      try end(work, .failed(code: code, message: "failed by the test", attempts: 1))
    case .advance(let length):
      guard case .duration(let duration) = try value(length) else { return true }
      try advance(to: run.now.addingClamped(duration.nanoseconds / 1_000_000))
    case .at(let instant):
      guard case .timestamp(let timestamp) = try value(instant) else { return true }
      guard timestamp.milliseconds >= run.now else { throw Mismatch(message: "the clock does not go back") }
      try advance(to: timestamp.milliseconds)
    default: return false
    }
    return true
  }

  private mutating func send(_ event: EventIndex, _ payload: SourcedExpression, by: Caller) throws(Mismatch) {
    let payload = try value(payload)
    watchGuards(event, payload: payload, caller: by)
    let runEvent = run.send(event: event, payload: payload, caller: by)
    note(runEvent)
    switch runEvent.outcome {
    case .accepted(let step): disposition = step.disposition
    case .refused(let refusal): (disposition, self.refusal) = (nil, refusal)
    }
    try answer()
  }

  private mutating func start(_ arguments: [SourcedExpression]) throws(Mismatch) {
    var fields: [RecordValue.Field] = []
    for (field, argument) in zip(flow.parameters.fields, arguments) {
      fields.append(.init(field.name, try value(argument)))
    }
    let runEvent = run.start(arguments: .record(RecordValue(typeName: flow.parameters.name, fields: fields)))
    note(runEvent)
    if case .refused(let refusal) = runEvent.outcome { self.refusal = refusal }
    try answer()
  }

  private mutating func advance(to instant: Int64) throws(Mismatch) {
    while let timer = run.nextTimer, timer.due <= instant {
      for runEvent in run.advance(to: timer.due) {
        note(runEvent)
        if case .refused(let refusal) = runEvent.outcome { incident = refusal }
      }
      try answer()
    }
    for runEvent in run.advance(to: instant) { note(runEvent) }
  }

  private mutating func complete(_ work: TestCase.Work, _ result: SourcedExpression?) throws(Mismatch) {
    var outcome = Value.null
    if let result { outcome = try value(result) }
    try end(work, .done(outcome))
  }

  private mutating func end(_ work: TestCase.Work, _ outcome: CallOutcome) throws(Mismatch) {
    guard let runEvent = run.end(where: { TestScene.matches($0, work) }, outcome) else {
      throw Mismatch(message: "nothing of that name waits for an answer", details: whatWaits)
    }
    note(runEvent)
    if case .refused(let refusal) = runEvent.outcome { incident = refusal }
    try answer()
  }

  /// Ends mocked calls until none is waiting.
  private mutating func answer() throws(Mismatch) {
    for _ in 0..<VirtualRun.maximumAnswers {
      guard let answered = run.answerOne({ mocks[$0.target] }) else { return }
      note(answered.runEvent)
      if case .refused(let refusal) = answered.runEvent.outcome { incident = refusal }
    }
    throw Mismatch(message: "mocked answers follow each other without end", details: whereItStands)
  }

  private static func matches(_ job: Job, _ work: TestCase.Work) -> Bool {
    switch work {
    case .calls(let calls): job.call.map(calls.contains) ?? false
    case .target(let target): target == job.target
    }
  }

  private mutating func note(_ runEvent: VirtualRun.RunEvent) {
    runEvents.append(runEvent)
    guard case .accepted(let step) = runEvent.outcome else { return }
    coverage.add(step, of: test.flow, in: flow)
    // A refusal of a deferred event is expected like that of any other event.
    if let refused = step.refused.last { refusal = refused.refusal }
    for effect in step.effects {
      switch effect {
      case .job(let job): jobs.append(job)
      case .emit(let event, let payload): emitted.append((event, payload))
      case .log(let line): logged.append(line)
      default: break
      }
    }
  }

  /// Records the false guards of an event, for coverage.
  private mutating func watchGuards(_ event: EventIndex, payload: Value, caller: Caller) {
    guard let instance = run.instance else { return }
    for verdict in stepper.explain(instance, event: event, payload: payload, caller: caller, now: run.now) {
      guard case .guardFalse = verdict.answer,
        let index = flow.transitions.firstIndex(where: { $0.location == verdict.location })
      else { continue }
      coverage.refused[test.flow].insert(index)
    }
  }

  func value(_ expression: SourcedExpression) throws(Mismatch) -> Value {
    switch stepper.evaluate(expression, over: nil, now: run.now) {
    case .success(let value): return value
    case .failure(let error): throw Mismatch(message: "`\(expression.text)`: \(error.message)")
    }
  }
}
