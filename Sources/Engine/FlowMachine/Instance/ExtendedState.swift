public import CEL

/// What an instance keeps beside states, data, timers and calls, when its flow has a use for it.
struct ExtendedState: Hashable, Sendable {
  /// Where states that are a target of `history` were left.
  var history: [HistoryEntry] = []
  var deferred: [DeferredEvent] = []
  /// The calls that go over a list, while they do.
  var fanOuts: [FanOut] = []
  /// Steps of active states that were begun or passed over, by call.
  var stepsBegun = StateSet()
  /// Steps that count as done.
  var stepsDone = StateSet()
  /// States of which a step has failed: no further one begins.
  var stopped = StateSet()
  var undos: [ArmedUndo] = []
  /// Calls that were left while in flight and whose outcome decides whether there is something to undo.
  var doubts: [UncertainCall] = []
  /// The states that roll back.
  var rolling = StateSet()
  /// The undo that is under way, always the newest.
  var rollingJob: JobReference?
}

/// Holds a ledger, so that an instance without one stays small.
final class ExtendedStateBox: Sendable {
  let ledger: ExtendedState

  init(_ ledger: ExtendedState) { self.ledger = ledger }
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
  /// Who sent it, or whose event made the instance raise it; nil when that was a timer or a result.
  public var caller: Caller?
}

/// A compensation that waits for a `rollback`.
public struct ArmedUndo: Hashable, Sendable {
  public var action: Int
  /// A record that has the action's name.
  public var arguments: Value
  /// The call that it takes back.
  public var call: Int
}

/// A call with an `undo` that was left in flight.
struct UncertainCall: Hashable, Sendable {
  var call: Int
  var job: JobReference
  /// The item of the list that it was for.
  var item: Value?
}

/// A call that goes over a list: what was answered, and what has still to begin.
struct FanOut: Hashable, Sendable {
  struct Item: Hashable, Sendable {
    var value: Value
    /// What it begins with; empty once it has begun.
    var arguments: [Value]
    var once: String?
    var result: Value?
  }

  var call: Int
  var items: [Item]
  /// How many have begun.
  var begun = 0
}
