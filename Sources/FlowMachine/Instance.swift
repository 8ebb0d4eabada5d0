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
  /// Where states that are a target of `history` were left.
  var history: [HistoryEntry]
  public internal(set) var deferred: [DeferredEvent]
  /// Calls for each item of a list that are under way.
  var fans: [FanOut] = []
  /// Steps that are done, of states that are active.
  var finishedSteps: [Int] = []
  /// States whose steps have failed, so that no more of them start.
  var haltedStates: [Int] = []
  /// What succeeded and can be undone, oldest first.
  public internal(set) var undos: [ArmedUndo] = []
  /// Calls that were left while in flight and may have to be undone.
  public internal(set) var doubts: [PendingCall] = []
  /// The rollback that is under way.
  var rollback: Rollback?
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
  /// For `cron`: the time zone.
  public var zone: String?
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
  /// Of a call for each item: which one.
  public var item: Int?
}

/// A call for each item of a list: what is still to start, and what has come back.
struct FanOut: Hashable, Sendable {
  var call: Int
  /// One record of arguments for each item, and its key.
  var arguments: [Value]
  var keys: [String?]
  /// The item that starts next.
  var next: Int
  var results: [Value?]
}

/// Something that a rollback undoes.
public struct ArmedUndo: Hashable, Sendable {
  public var call: Int
  public var action: Int
  public var arguments: Value
}

/// A rollback in a state: the undo that is being carried out, or none yet.
struct Rollback: Hashable, Sendable {
  var state: Int
  var job: JobReference?
  var undo: ArmedUndo?
}

/// The states that were active inside of `state` when it was left.
struct HistoryEntry: Hashable, Sendable {
  var state: Int
  var leaves: [Int]
}

/// An event that a state has put off.
public struct DeferredEvent: Hashable, Sendable {
  public var event: Int
  public var payload: Value
  public var caller: Caller
}
