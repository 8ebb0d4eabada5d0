import CEL
import FlowIR

/// The algorithm of a step, with memory that is reused from step to step.
struct Interpreter: ~Copyable {
  let machine: Machine
  let evaluator: Evaluator
  let frame: Frame

  // The step in progress. The instance itself is unchanged until the commit, so that a refusal has nothing to restore.
  /// The flow of the instance.
  var flow: LoadedFlow
  var trigger = StepTrigger.called
  var now: Int64 = 0
  var revision = 0
  var key = ""
  var startedAt: Int64 = 0
  var caller = Caller()
  /// True if the input in progress has a caller: a timer and a result have none.
  var hasCaller = false
  var before = StateSet()
  var active = StateSet()
  var status = Instance.Status.running
  var timers: [ArmedTimer] = []
  var calls: [PendingCall] = []
  var extended = ExtendedState()
  var isExtendedStateUsed = false
  var isDataChanged = false
  var areResultsChanged = false
  var areTimersChanged = false
  var areCallsChanged = false
  var isExtendedStateChanged = false
  var isSelfStale = false
  var mayHaveEnded = false
  var microsteps = 0
  var jobs = 0
  /// Internal events that have not been handled.
  var queue: [InternalEvent] = []
  var queueHead = 0
  /// The transitions of the last selection.
  var selected = ScratchArray<Int32>()
  /// The arguments of the selected transitions, in the microstep in progress.
  var given = ScratchArray<GivenValue>()
  /// The states with fields that the microstep in progress has left.
  var left = ScratchArray<StateIndex>()
  var isIgnored = false
  var isDeferred = false
  /// Calls that start at the end of the step if their state is still active.
  var starting: [StartingCall] = []
  /// The error of an expression that failed.
  var problem: EvaluationError?
  /// The transitions whose guard was false, while they are recorded for coverage.
  var falseGuards = BitSet()
  var recordsGuards = false

  /// The transitions of the last step, in order.
  var taken = ScratchArray<Int32>()
  /// The effects of the last step, in order. Valid until the next step.
  var effects: [Effect] = []
  /// The result of a called flow that the last step ended in a `final` state.
  var result: Value?
  var changed = BitSet()
  /// The deferred events that the last step has refused.
  var refused: [RefusedEvent] = []
  /// The number of firings before this one without time in between; nil unless a timer is the trigger.
  var chain: Int?

  init(_ machine: Machine, _ evaluator: Evaluator, frame: Frame) {
    self.machine = machine
    self.evaluator = evaluator
    self.frame = frame
    self.flow = machine.flows.first ?? machine.emptyFlow
  }

  /// The step that was made, as a value.
  func step(_ disposition: Step.Disposition, _ next: Instance) -> Step {
    Step(
      disposition: disposition, next: next, transitions: taken.map { Int($0) }, microsteps: microsteps,
      effects: effects, refused: refused, result: result, areResultsChanged: areResultsChanged, before: before,
      changed: changed,
      flow: flow)
  }

  // MARK: - Preparation and commit

  /// Prepares a step of an instance.
  mutating func prepare(_ instance: Instance, _ trigger: StepTrigger, now: Int64) {
    evaluator.reset()
    clear()
    flow = machine.flows[instance.flow]
    self.trigger = trigger
    hasCaller = if case .event = trigger { true } else { false }
    self.now = now
    revision = instance.revision
    status = instance.status
    before.assign(instance.active)
    active.assign(instance.active)
    if flow.hasTimers { timers.append(contentsOf: instance.timers) }
    if flow.hasCalls { calls.append(contentsOf: instance.calls) }
    if flow.hasExtendedState {
      extended = instance.extended
      isExtendedStateUsed = true
    } else if isExtendedStateUsed {
      extended = ExtendedState()
      isExtendedStateUsed = false
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

  private mutating func clear() {
    if !timers.isEmpty { timers.removeAll(keepingCapacity: true) }
    if !calls.isEmpty { calls.removeAll(keepingCapacity: true) }
    if !queue.isEmpty { queue.removeAll(keepingCapacity: true) }
    if !starting.isEmpty { starting.removeAll(keepingCapacity: true) }
    taken.removeAll()
    given.removeAll()
    left.removeAll()
    if !effects.isEmpty { effects.removeAll(keepingCapacity: true) }
    if result != nil { result = nil }
    if !refused.isEmpty { refused.removeAll(keepingCapacity: true) }
    chain = nil
    if problem != nil { problem = nil }
    changed.removeAll()
    isDataChanged = false
    areResultsChanged = false
    areTimersChanged = false
    areCallsChanged = false
    isExtendedStateChanged = false
    mayHaveEnded = false
    microsteps = 0
    jobs = 0
    queueHead = 0
  }

  /// Writes the step to the instance: the next revision, its status, and all changes.
  mutating func commit(
    _ disposition: Step.Disposition, to instance: inout Instance
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
    if areTimersChanged { copy(timers, to: &instance.timers) }
    if areCallsChanged { copy(calls, to: &instance.calls) }
    if isExtendedStateChanged { instance.box = ExtendedStateBox(extended) }
    return disposition
  }

  /// Copies rows into memory that the instance already owns.
  private func copy<Row>(_ rows: [Row], to target: inout [Row]) {
    target.removeAll(keepingCapacity: true)
    target.append(contentsOf: rows)
  }
}

/// An internal event of an instance.
enum InternalEvent: BitwiseCopyable {
  case raised(EventIndex, Slot)
  case state(StateTrigger, StateIndex, Slot)
  /// A call that completed without a job.
  case called(CallIndex, Slot)
}

extension StateTrigger: BitwiseCopyable {}

/// A call that starts at the end of the step if its state is still active.
struct StartingCall {
  let call: CallIndex
  let item: Int?
  let arguments: [Value]
  let once: String?
  let priority: Int64
}
