import CEL
import FlowIR

/// The meaning of the cells of an abstract state: one 32-bit number for each.
///
/// Status, active states, histories, timers, calls, the progress of steps and rollbacks, deferred events, one set for
/// each scalar part of the data, and the known answers of conditions over data.
struct StateLayout {
  /// 0 running, 1 done, 2 failed, 3 not started.
  let status = 0
  let active = 1
  let activeWords: Int
  /// For each state that a transition goes back to: the active leaves inside of it, as words.
  let history: Int
  let armed: Int
  /// For each timer: the timers that are due before it, as a bit set.
  let earlier: Int
  let timerCount: Int
  /// For each call: 0 not running, 1 running, 2 running without a result to come.
  let calls: Int
  let callCount: Int
  /// For each call: bits of ``CallBits``.
  let callBits: Int
  /// States whose steps have stopped, and states that roll back, as words.
  let stopped: Int
  let rolling: Int
  /// 0 no undo is running, 1 one is, 2 one is whose result will not come.
  let rollingJob: Int
  /// For each deferrable event: whether one is deferred.
  let deferred: Int
  let deferredCount: Int
  /// The sets of the scalar parts of fields and results.
  let data: Int
  let dataCount: Int
  /// For each field and result: its type, and the position of its first part.
  let slots: [(shape: Shape, first: Int)]
  let leafTypes: [ValueType]
  /// The largest sizes of the scalar parts, as far as bounds of fields limit them.
  let leafMaxima: [Int?]
  /// Answers of conditions; their number is known after the conditions are chosen.
  let predicates: Int

  init(_ flow: Flow, types: TypeRegistry, timers: Int, remembered: Int, deferrable: Int) {
    activeWords = (flow.states.count + 31) / 32
    history = active + activeWords
    armed = history + remembered * activeWords
    earlier = armed + (timers + 31) / 32
    timerCount = timers
    calls = earlier + (timers <= 32 ? timers : 0)
    callCount = flow.calls.count
    callBits = calls + callCount
    stopped = callBits + callCount
    rolling = stopped + activeWords
    rollingJob = rolling + activeWords
    deferred = rollingJob + 1
    deferredCount = deferrable
    data = deferred + deferrable
    var slotTypes = flow.fields.map(\.type)
    let maxima = flow.fields.map(\.maximum)
    let results = flow.calls.reduce(into: [Int: String]()) { $0[$1.resultSlot] = $1.resultRecord }
    for slot in FrameLayout.firstField + flow.fields.count..<FrameLayout.firstField + flow.keptCount {
      slotTypes.append(results[slot].map { .record($0) } ?? .dyn)
    }
    var slots: [(shape: Shape, first: Int)] = []
    var leafTypes: [ValueType] = []
    var leafMaxima: [Int?] = []
    for (slot, type) in slotTypes.enumerated() {
      let shape = Shape(type, types: types)
      slots.append((shape, leafTypes.count))
      leafTypes += shape.leaves
      leafMaxima += shape.maxima(types: types, whole: maxima.indices.contains(slot) ? maxima[slot] : nil)
    }
    self.slots = slots
    self.leafTypes = leafTypes
    self.leafMaxima = leafMaxima
    dataCount = leafTypes.count
    predicates = data + dataCount
  }

  /// The progress of a call.
  enum CallBits {
    /// The step was started or skipped.
    static let begun: Int32 = 1
    /// The step counts as done.
    static let done: Int32 = 2
    /// At least one undo is armed.
    static let undo: Int32 = 4
    /// At least one call was left in flight, and its result is not known.
    static let uncertain: Int32 = 8
    /// As `uncertain`, without a result to come.
    static let lostUncertain: Int32 = 16
  }
}
