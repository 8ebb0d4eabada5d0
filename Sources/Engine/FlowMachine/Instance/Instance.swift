public import CEL

/// One run of a flow: where it is and what it knows. A value; a step makes the next one and leaves this as it was.
public struct Instance: Sendable {
  public enum Status: String, Sendable { case running, done, failed }

  /// The index of the flow in its program.
  public let flow: Int
  /// What names it among the instances of its flow.
  public let key: String
  public internal(set) var status: Status
  /// How many steps it has made.
  public internal(set) var revision: Int
  /// Milliseconds since 1970.
  public let startedAt: Int64
  /// The active states, with all that lie around them.
  public internal(set) var active: StateSet
  /// The data fields and the results of calls.
  public internal(set) var data: FrozenSlots
  public internal(set) var timers: [ArmedTimer]
  public internal(set) var calls: [PendingCall]
  /// What only some flows have to keep; nil when there is nothing.
  var box: ExtendedStateBox?

  /// The events that were put off, oldest first.
  public var deferred: [DeferredEvent] { ledger.deferred }
  /// The compensations that a rollback would carry out, oldest first.
  public var undos: [ArmedUndo] { ledger.undos }

  var ledger: ExtendedState { box?.ledger ?? ExtendedState() }
}

/// A timer that waits.
public struct ArmedTimer: Hashable, Sendable {
  /// The index of the transition that it sets off.
  public var transition: Int
  /// Milliseconds since 1970.
  public var due: Int64
  /// The revision in which it was armed; tells it from one that was armed later for the same transition.
  public var armed: Int
  /// For `every`: the distance in milliseconds.
  public var period: Int64?
}

/// What a job is known by within its instance: the step that asked for it, and its place there.
public struct JobReference: Hashable, Sendable {
  public var revision: Int
  public var number: Int

  public init(revision: Int, number: Int) {
    self.revision = revision
    self.number = number
  }
}

/// A call whose answer the instance waits for.
public struct PendingCall: Hashable, Sendable {
  public var call: Int
  public var job: JobReference
  /// Which item of the list it is for, when the call goes over one.
  public var item: Int?
}
