import CEL
import FlowIR

/// A situation in the middle of a step: what the rest of the step depends on.
///
/// The data are sets of values again, as between two steps, so that equal situations of different ways are one.
struct StepSituation: Hashable {
  enum Phase: Hashable {
    /// Before the selected transitions, or before the first queued signal when none is selected.
    case settling
    /// Between two deferred events.
    case offering
  }

  var phase: Phase
  var cells: [Int32]
  var queue: [StoredSignal]
  var starting: [CallIndex]
  var selected: [Int]
  var isDataChanged: Bool
  var mayHaveEnded: Bool
  var hasCaller: Bool
  var armedNow: UInt32
  var armedInStep: UInt64
  var startedInStep: UInt64
  var entersFirst: UInt64
  var entersSecond: UInt64
  var refusedOffers: Set<AbstractRefusal>
  var emissions: [SentEvent]
  var sender: FlowIndex?
  /// The mistake that `on error` reacts to in this step.
  var recovered: AbstractRefusal?
}

/// A queued signal whose payload is known by its sets.
indirect enum StoredSignal: Hashable {
  case raised(EventIndex, StoredOperand)
  case state(SignalKey, StateIndex, StoredOperand?)
  case called(CallIndex, isEmpty: Bool)
  /// One signal or more.
  case repeated(StoredSignal)
}

/// A structured value as sets.
indirect enum StoredOperand: Hashable {
  case scalar(ValueKind, SetIndex)
  case record(String, [StoredOperand])
  case optional(presence: StoredOperand, StoredOperand)
}

/// An event for other flows.
struct SentEvent: Hashable {
  var event: EventIndex
  var payload: StoredOperand
  /// The flow whose running instances receive it; nil for those that its key reaches.
  var flow: FlowIndex?
  /// True for one event or more, with different payloads.
  var isRepeated = false
}

/// An event on its way from one flow of a group to another.
struct GroupMessage: Hashable {
  var event: EventIndex
  var payload: StoredOperand
  var sender: FlowIndex
}

/// The end of one way through a step, or through a segment of one.
enum PathEnd {
  case result(PathResult)
  case paused(StepSituation)
}

extension Executor {
  // MARK: - Saving

  /// The situation of the path, which has paused.
  func situation(in phase: StepSituation.Phase) -> StepSituation {
    let queue = merged(queue.map { stored($0) })
    commit()
    return StepSituation(
      phase: phase, cells: cells, queue: queue, starting: starting, selected: selected, isDataChanged: isDataChanged,
      mayHaveEnded: mayHaveEnded, hasCaller: hasCaller, armedNow: armedNow, armedInStep: armedInStep,
      startedInStep: startedInStep, entersFirst: entersFirst, entersSecond: entersSecond,
      refusedOffers: Set(refusedOffers), emissions: emissions, sender: sender, recovered: recovered)
  }

  /// Equal signals in a row as one, if there are more than two.
  private func merged(_ signals: [StoredSignal]) -> [StoredSignal] {
    var found: [(signal: StoredSignal, count: Int)] = []
    for signal in signals {
      var (one, count) = (signal, 1)
      if case .repeated(let inner) = signal { (one, count) = (inner, Executor.maximumEqual + 1) }
      if let last = found.last, last.signal == one {
        found[found.count - 1].count += count
      } else {
        found.append((one, count))
      }
    }
    return found.flatMap { signal, count in
      count > Executor.maximumEqual ? [.repeated(signal)] : Array(repeating: signal, count: count)
    }
  }

  private func stored(_ signal: QueuedSignal) -> StoredSignal {
    switch signal {
    case .raised(let event, let payload): .raised(event, stored(payload))
    case .state(let key, let state, let payload): .state(key, state, payload.map { stored($0) })
    case .called(let call, let isEmpty): .called(call, isEmpty: isEmpty)
    case .repeated(let one): .repeated(one)
    }
  }

  func stored(_ operand: TermOperand) -> StoredOperand {
    switch operand {
    case .scalar(let term): .scalar(terms[term].kind, setIndex(of: term))
    case .record(let name, let fields): .record(name, fields.map { stored($0) })
    case .optional(let presence, let content): .optional(presence: stored(.scalar(presence)), stored(content))
    }
  }

  // MARK: - Continuing

  /// Prepares a path that continues from a situation.
  func prepare(_ situation: StepSituation) throws(PathStop) {
    try prepare(situation.cells[...], assumesInvariants: situation.phase == .offering)
    isContinuation = true
    for signal in situation.queue { queue.append(restored(signal)) }
    starting = situation.starting
    selected = situation.selected
    isDataChanged = situation.isDataChanged
    mayHaveEnded = situation.mayHaveEnded
    hasCaller = situation.hasCaller
    armedNow = situation.armedNow
    armedInStep = situation.armedInStep
    startedInStep = situation.startedInStep
    entersFirst = situation.entersFirst
    entersSecond = situation.entersSecond
    refusedOffers = Array(situation.refusedOffers)
    emissions = situation.emissions
    sender = situation.sender
    recovered = situation.recovered
  }

  func restored(_ signal: StoredSignal) -> QueuedSignal {
    switch signal {
    case .raised(let event, let payload): .raised(event, restored(payload))
    case .state(let key, let state, let payload): .state(key, state, payload.map { restored($0) })
    case .called(let call, let isEmpty): .called(call, isEmpty: isEmpty)
    case .repeated(let one): .repeated(one)
    }
  }

  func restored(_ operand: StoredOperand) -> TermOperand {
    switch operand {
    case .scalar(let kind, let set): .scalar(freshTerm(kind, in: set))
    case .record(let name, let fields): .record(name, fields.map { restored($0) })
    case .optional(let presence, let content):
      .optional(presence: restored(presence).leaves[0], restored(content))
    }
  }

  /// Makes the rest of the step of a situation.
  func resume(_ phase: StepSituation.Phase) throws(PathStop) {
    switch phase {
    case .settling:
      if selected.isEmpty { try handle(queue.removeFirst()) } else { try microstep() }
      try finishMacrostep()
    case .offering: try finishOffers()
    }
  }

  // MARK: - Pauses

  /// The longest queue of signals of a situation.
  private static let maximumQueue = 8
  /// The number of equal signals in a row that are counted.
  private static let maximumEqual = 2

  /// Ends the segment before another microstep, if the step is followed in segments.
  func pause(in phase: StepSituation.Phase) throws(PathStop) {
    guard isSegmented, !isOffering else { return }
    if phase == .settling, segmentSteps == 0 || queue.count > Executor.maximumQueue { return }
    throw .paused(phase)
  }
}
