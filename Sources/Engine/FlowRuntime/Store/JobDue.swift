/// The due time of a job.
public enum JobDue: Hashable, Comparable, Sendable {
  /// Due from this instant on, in milliseconds since 1970.
  case at(Int64)
  /// Due when an attempt ends that counts to the same limit `at once`.
  case onTurn
  /// Due when an operator resumes the instance.
  case onResume
  /// Due when other work has ended: the job with the same `once` key, or a called flow.
  case onEnd

  /// The due time of a stored integer.
  public init(stored: Int64) {
    switch stored {
    case .max: self = .onEnd
    case .max - 1: self = .onResume
    case .max - 2: self = .onTurn
    default: self = .at(stored)
    }
  }

  /// The stored integer: instants order before all due times without an instant.
  public var stored: Int64 {
    switch self {
    case .at(let instant): min(instant, JobDue.latest)
    case .onTurn: .max - 2
    case .onResume: .max - 1
    case .onEnd: .max
    }
  }

  /// The instant in milliseconds since 1970; nil when the job is not due by the clock.
  public var instant: Int64? {
    guard case .at(let instant) = self else { return nil }
    return instant
  }

  /// The latest instant at which a job can be due.
  public static let latest = Int64.max - 3
}
