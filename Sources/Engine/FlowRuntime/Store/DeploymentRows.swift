/// The program of new instances of a flow.
public struct DeploymentRow: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  /// `files` or `api`.
  public var origin: String
  /// Milliseconds since 1970.
  public var at: Int64
  public var isRetired: Bool

  public init(flow: String, definition: String, origin: String, at: Int64, isRetired: Bool) {
    self.flow = flow
    self.definition = definition
    self.origin = origin
    self.at = at
    self.isRetired = isRetired
  }
}

/// The next due time of a scheduled start.
public struct ScheduleRow: Hashable, Sendable {
  public var flow: String
  /// The index of the start in its flow.
  public var start: Int
  /// The hash of the program that declares it.
  public var definition: String
  /// Milliseconds since 1970; `Int64.max` for one that will never be due again.
  public var due: Int64

  public init(flow: String, start: Int, definition: String, due: Int64) {
    self.flow = flow
    self.start = start
    self.definition = definition
    self.due = due
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
