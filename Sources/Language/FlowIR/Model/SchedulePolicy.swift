/// The behaviour of a scheduled start that is due while the instance that it started last is running.
public enum OverlapPolicy: String, Hashable, Sendable, CaseIterable {
  /// Starts another instance.
  case allow
  /// Starts none.
  case skip
  /// Starts one as soon as the running instance has ended. At most one run waits.
  case queue
  /// Cancels the running instance, as an operator does, and starts another.
  case replace
}

/// The behaviour of a scheduled start for the runs that it has missed while the server was down.
public enum CatchUpPolicy: String, Hashable, Sendable, CaseIterable {
  case none
  /// Starts one instance for all of them.
  case one
  /// Starts an instance for each.
  case all
}
