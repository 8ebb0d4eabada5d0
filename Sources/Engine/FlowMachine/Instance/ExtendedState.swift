public import CEL
public import FlowIR

/// The parts of an instance other than active states, data, timers and calls, for flows that need them.
struct ExtendedState: Hashable, Sendable {
  /// The last configurations of states that are a target of `history`.
  var history: [HistoryEntry] = []
  var deferred: [DeferredEvent] = []
  /// The calls over a list that are not complete.
  var fanOuts: [FanOut] = []
  /// Steps of active states that were started or skipped, by call.
  var stepsBegun = BitSet()
  /// Steps that count as done, by call.
  var stepsDone = BitSet()
  /// States with a failed step: no further step starts.
  var stopped = StateSet()
  var undos: [ArmedUndo] = []
  /// Calls whose state was left while they were in flight. Their outcome decides whether an undo is armed.
  var uncertainCalls: [UncertainCall] = []
  /// The states that are rolling back.
  var rolling = StateSet()
  /// The job of the undo in progress, which is that of the newest undo.
  var rollingJob: JobReference?
}

/// Holds an extended state, so that an instance without one stays small.
final class ExtendedStateBox: Sendable {
  let state: ExtendedState

  init(_ state: ExtendedState) { self.state = state }
}

/// The states that were active inside of `state` when it was left.
struct HistoryEntry: Hashable, Sendable {
  var state: StateIndex
  var leaves: [StateIndex]
}

/// An event that a state has deferred. The parts are on the heap, so that a list of them is cheap to copy: each event
/// that is deferred or offered copies the list of its instance.
public struct DeferredEvent: Hashable, Sendable {
  private struct Parts: Hashable {
    let event: EventIndex
    let payload: Value
    let caller: Caller?
  }

  private final class Box: Sendable {
    let parts: Parts

    init(_ parts: Parts) { self.parts = parts }
  }

  private let box: Box

  public init(event: EventIndex, payload: Value, caller: Caller?) {
    box = Box(Parts(event: event, payload: payload, caller: caller))
  }

  public var event: EventIndex { box.parts.event }
  public var payload: Value { box.parts.payload }
  /// The caller that sent it, or whose event caused the instance to raise it; nil for a timer or a result.
  public var caller: Caller? { box.parts.caller }

  public static func == (one: DeferredEvent, other: DeferredEvent) -> Bool {
    one.box === other.box || one.box.parts == other.box.parts
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(box.parts) }
}

/// A compensation that waits for a `rollback`.
public struct ArmedUndo: Hashable, Sendable {
  public var action: Int
  /// A record that has the action's name.
  public var arguments: Value
  /// The call that it compensates.
  public var call: CallIndex
  /// The key of `once` of that call.
  public var once: String?
}

/// A call with an `undo` that was left in flight.
struct UncertainCall: Hashable, Sendable {
  var call: CallIndex
  var job: JobReference
  /// The key of `once`.
  var once: String?
  /// The item of the list for which it was called.
  var item: Value?
}
