/// The restoration of limits after a start or an abandoned batch.
enum LimitRestoration {
  /// The running attempts are not counted yet.
  case counting
  /// Waiting jobs with higher numbers than this one are not known yet. Until they are, no job starts under a limit, so
  /// that none overtakes one with a higher priority.
  case reading(after: Int64)
  /// All waiting jobs are known. Those that are due, as those that ran before, are asked first.
  case opening
  case done

  var isDone: Bool { if case .done = self { true } else { false } }

  /// The order in which a job is asked.
  var order: LimitOrder {
    switch self {
    case .counting, .reading: .unknown
    case .opening: .byNumber
    case .done: .byArrival
    }
  }
}

/// The order of jobs of the same priority.
enum LimitOrder {
  /// Some waiting jobs are not known yet.
  case unknown
  case byNumber
  case byArrival
}
