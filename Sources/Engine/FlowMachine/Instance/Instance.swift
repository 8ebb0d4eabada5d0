public import CEL
public import FlowIR

/// One execution of a flow: its active states, its data, and its pending work.
///
/// A value: a step returns the next one and leaves this one unchanged.
public struct Instance: Sendable {
  public enum Status: String, Sendable { case running, done, failed }

  /// The index of the flow in its program.
  public let flow: FlowIndex
  /// The key, which is unique among the instances of its flow.
  public let key: String
  public internal(set) var status: Status
  /// The number of steps it has made.
  public internal(set) var revision: Int
  /// Milliseconds since 1970.
  public let startedAt: Int64
  /// The active states, with all their ancestors.
  public internal(set) var active: StateSet
  /// The data fields and the results of calls.
  public internal(set) var data: FrozenSlots
  public internal(set) var timers: [ArmedTimer]
  /// The calls with a pending result, except those over lists.
  public internal(set) var calls: [PendingCall]
  /// The state that only some flows need; nil for an instance without it.
  var box: ExtendedStateBox?

  /// The deferred events, oldest first.
  public var deferred: [DeferredEvent] { extended.deferred }
  /// The compensations that a rollback would perform, oldest first.
  public var undos: [ArmedUndo] { extended.undos }

  var extended: ExtendedState { box?.state ?? ExtendedState() }
}

/// A timer that has not fired.
public struct ArmedTimer: Hashable, Sendable {
  /// The index of the transition that it triggers.
  public var transition: Int
  /// Milliseconds since 1970.
  public var due: Int64
  /// The revision in which it was armed. It distinguishes the timer from one armed later for the same transition.
  public var armed: Int
  /// The interval of `every`, in milliseconds.
  public var period: Int64?
  /// The number of timers before it, each due as soon as the one before it had fired.
  public var chain = 0
}

/// The name of a job within its instance: the step that requested it, and its number in that step.
public struct JobReference: Hashable, Sendable {
  public var revision: Int
  public var number: Int

  public init(revision: Int, number: Int) {
    self.revision = revision
    self.number = number
  }
}

/// A call with a pending result.
public struct PendingCall: Hashable, Sendable {
  public var call: CallIndex
  public var job: JobReference
  /// The position of its item, when the call is over a list.
  public var item: Int?
  /// The key of `once`, for a call with an `undo`.
  public var once: String?
}
