/// A scheduled start: its next due time, and the instance that it started last.
public struct ScheduleRow: Hashable, Sendable {
  public var flow: String
  /// The index of the start in its flow.
  public var start: Int
  /// The hash of the program that declares it.
  public var definition: String
  /// Milliseconds since 1970; `Int64.max` for one that will never be due again.
  public var due: Int64
  /// The key of the instance that it started last; nil once that instance has ended.
  public var running: String?
  /// The due time of the run that waits for the end of the running instance, in milliseconds since 1970.
  public var waiting: Int64?
  /// The instant of the last run, in milliseconds since 1970.
  public var lastRun: Int64?
  /// The due time of the last run that was skipped, in milliseconds since 1970.
  public var lastSkipped: Int64?
  /// The number of runs that were skipped.
  public var skipped = 0

  public init(flow: String, start: Int, definition: String, due: Int64) {
    self.flow = flow
    self.start = start
    self.definition = definition
    self.due = due
  }

  /// The instant at which the engine has to visit the schedule, in milliseconds since 1970: that of the waiting run if
  /// it can start, or else that of the next one.
  var nextVisit: Int64 {
    guard let waiting, running == nil else { return due }
    return min(waiting, due)
  }
}

/// Identifies a scheduled start.
public struct ScheduleID: Hashable, Sendable {
  public var flow: String
  public var start: Int

  public init(flow: String, start: Int) {
    self.flow = flow
    self.start = start
  }
}
