/// Identifies a timer.
public struct TimerID: Hashable, Sendable {
  public var instance: Int64
  public var transition: Int
  /// The revision in which it was armed.
  public var armed: Int

  public init(instance: Int64, transition: Int, armed: Int) {
    self.instance = instance
    self.transition = transition
    self.armed = armed
  }
}

/// A timer of an instance.
public struct TimerRow: Hashable, Sendable {
  public var id: TimerID
  /// Milliseconds since 1970; ``suspended`` for a timer of a suspended instance.
  public var due: Int64

  /// The due time of the timers of suspended instances: never.
  public static let suspended = JobDue.onResume.stored

  public init(id: TimerID, due: Int64) {
    self.id = id
    self.due = due
  }
}
