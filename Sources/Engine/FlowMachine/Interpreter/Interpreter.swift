import CEL
import FlowIR

/// The algorithm of a step, with the scratch memory that it reuses.
struct Interpreter: ~Copyable {
  let machine: Machine
  let evaluator: Evaluator
  let frame: Frame

  // The step under way. The instance itself is not touched before the end, so that a refusal has nothing to take back.
  var occasion = StepTrigger.called
  var now: Int64 = 0
  var revision = 0
  var key = ""
  var startedAt: Int64 = 0
  var caller = Caller()
  /// Whether somebody has sent what is being looked at: nobody calls a timer or a result.
  var hasCaller = false
  var before = StateSet()
  var active = StateSet()
  var status = Instance.Status.running
  var timers: [ArmedTimer] = []
  var calls: [PendingCall] = []
  var ledger = ExtendedState()
  var isLedgerUsed = false
  var isDataChanged = false
  var areResultsChanged = false
  var areTimersChanged = false
  var areCallsChanged = false
  var isLedgerChanged = false
  var isSelfStale = false
  var mayHaveEnded = false
  var microsteps = 0
  var jobs = 0
  /// Internal events that wait for their microstep.
  var queue: [InternalEvent] = []
  var queueHead = 0
  /// What the last question came to.
  var selected = ScratchArray<Int32>()
  var isIgnored = false
  var isDeferred = false
  /// Calls that begin when the step ends, if their state is still active.
  var starting: [StartingCall] = []
  /// What went wrong in an expression.
  var problem: EvaluationError?

  /// The transitions that the last step took, in order.
  var taken = ScratchArray<Int32>()
  /// What the last step asked for, in order. Holds until the next step.
  var effects: [Effect] = []
  /// What a called flow answered, when the last step ended it well.
  var result: Value?
  var changed = StateSet()

  init(_ machine: Machine, _ evaluator: Evaluator, _ frame: Frame) {
    self.machine = machine
    self.evaluator = evaluator
    self.frame = frame
  }

  /// Gives an instance an event whose payload is ready.
  mutating func advance(
    _ instance: inout Instance, event: Int, payload: Payload, caller: Caller, now: Int64
  ) throws(Refusal) -> Step.Disposition {
    let flow = machine.flows[instance.flow]
    begin(instance, flow, .event(event), now)
    do throws(StepFailure) {
      return try take(event, payload.slot, caller, &instance, flow)
    } catch {
      throw refusal(error, flow)
    }
  }

  /// Gives an instance any input.
  mutating func advance(
    _ instance: inout Instance, _ input: Input, now: Int64
  ) throws(Refusal) -> Step.Disposition {
    let flow = machine.flows[instance.flow]
    begin(instance, flow, StepTrigger(input), now)
    do throws(StepFailure) {
      switch input {
      case .event(let event, let payload, let caller):
        guard machine.program.events.indices.contains(event) else { throw StepFailure(.notHandled) }
        let slot = evaluator.slot(payload, as: .record(machine.program.events[event].name))
        return try take(event, slot, caller, &instance, flow)
      case .timer(let transition, let armed): return try take(transition, armed: armed, &instance, flow)
      case .result(let job, let outcome): return try take(job, outcome, &instance, flow)
      }
    } catch {
      let refusal = refusal(error, flow)
      if flow.hasErrors, let disposition = recover(from: refusal, &instance, input, flow, now) { return disposition }
      throw refusal
    }
  }

  /// The step that was made, as a value.
  func step(_ disposition: Step.Disposition, _ next: Instance) -> Step {
    Step(
      disposition: disposition, next: next, transitions: taken.map { Int($0) }, microsteps: microsteps,
      effects: effects, result: result, areResultsChanged: areResultsChanged, before: before, changed: changed,
      flow: machine.flows[next.flow])
  }

  // MARK: - Begin and end

  /// Makes the scratch ready for a step of an instance.
  mutating func begin(_ instance: Instance, _ flow: LoadedFlow, _ occasion: StepTrigger, _ now: Int64) {
    evaluator.reset()
    forget()
    self.occasion = occasion
    hasCaller = if case .event = occasion { true } else { false }
    self.now = now
    revision = instance.revision
    status = instance.status
    before.assign(instance.active)
    active.assign(instance.active)
    if flow.hasTimers { timers.append(contentsOf: instance.timers) }
    if flow.hasCalls { calls.append(contentsOf: instance.calls) }
    if flow.hasLedger {
      ledger = instance.ledger
      isLedgerUsed = true
    } else if isLedgerUsed {
      ledger = ExtendedState()
      isLedgerUsed = false
    }
    frame.reload(instance.data, at: FrameLayout.firstField, end: flow.frameSize)
    if flow.usesNow { frame[FrameLayout.now] = .timestamp(Timestamp(milliseconds: now)) }
    if flow.usesCaller { bind(Caller()) }
    if flow.usesSelf {
      key = instance.key
      startedAt = instance.startedAt
      isSelfStale = true
    }
  }

  private mutating func forget() {
    if !timers.isEmpty { timers.removeAll(keepingCapacity: true) }
    if !calls.isEmpty { calls.removeAll(keepingCapacity: true) }
    if !queue.isEmpty { queue.removeAll(keepingCapacity: true) }
    if !starting.isEmpty { starting.removeAll(keepingCapacity: true) }
    taken.removeAll()
    if !effects.isEmpty { effects.removeAll(keepingCapacity: true) }
    if result != nil { result = nil }
    if problem != nil { problem = nil }
    changed.removeAll()
    isDataChanged = false
    areResultsChanged = false
    areTimersChanged = false
    areCallsChanged = false
    isLedgerChanged = false
    mayHaveEnded = false
    microsteps = 0
    jobs = 0
    queueHead = 0
  }

  /// Makes the step final: one revision on, the data kept, the end noticed.
  mutating func commit(
    _ disposition: Step.Disposition, _ instance: inout Instance, _ flow: LoadedFlow
  ) throws(StepFailure) -> Step.Disposition {
    if isDataChanged {
      do throws(EvaluationError) {
        try FrozenSlots.update(&instance.data, from: frame, at: FrameLayout.firstField, count: flow.keptCount)
      } catch {
        problem = error
        throw StepFailure(.failed)
      }
    }
    instance.revision = revision + 1
    instance.status = status
    instance.active.assign(active)
    if areTimersChanged { keep(timers, in: &instance.timers) }
    if areCallsChanged { keep(calls, in: &instance.calls) }
    if isLedgerChanged { instance.box = ExtendedStateBox(ledger) }
    return disposition
  }

  /// Uses the memory that the instance has already.
  private func keep<Row>(_ rows: [Row], in kept: inout [Row]) {
    kept.removeAll(keepingCapacity: true)
    kept.append(contentsOf: rows)
  }
}

extension StepTrigger {
  init(_ input: Input) {
    switch input {
    case .event(let event, _, _): self = .event(event)
    case .timer(let transition, _): self = .timer(transition)
    case .result(let job, _): self = .result(job)
    }
  }
}

/// Why a step can't be made, small enough to be thrown for nothing.
struct StepFailure: Error, BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    case notHandled, raised, notStarted, ended, failed, invariant, tooManyMicrosteps, tooManyDeferred
  }

  var kind: Kind
  /// The program that failed.
  var program: Int32
  var place: Int32
  /// The event that was raised and that nothing takes.
  var event: Int32

  init(_ kind: Kind, program: Int32 = none, place: Int32 = none, event: Int32 = none) {
    self.kind = kind
    self.event = event
    self.program = program
    self.place = place
  }
}

/// An event of the instance's own.
enum InternalEvent: BitwiseCopyable {
  case raised(Int, Slot)
  case state(StateTrigger, Int, Slot)
  /// A call that was over before it began.
  case called(Int, Slot)
}

extension StateTrigger: BitwiseCopyable {}

/// A call that begins if its state is still active at the end of the step.
struct StartingCall {
  let call: Int
  let item: Int?
  let arguments: [Value]
  let once: String?
}
