/// The lifecycle status of an instance.
///
/// The raw values are those of the store.
public enum InstanceStatus: Int, Hashable, Sendable, CaseIterable {
  case running
  case done
  case failed
  /// Ended by an operator.
  case cancelled
  /// Held by an operator: its timers, results and jobs wait.
  case suspended

  /// The name in the API, the journal and the archive.
  public var name: String {
    switch self {
    case .running: "running"
    case .done: "done"
    case .failed: "failed"
    case .cancelled: "cancelled"
    case .suspended: "suspended"
    }
  }

  /// - Returns: Nil when there is no status of this name.
  public init?(name: String) {
    guard let status = InstanceStatus.allCases.first(where: { $0.name == name }) else { return nil }
    self = status
  }

  /// The status of a stored number; an unknown number, which only damage causes, stops the instance.
  public init(stored number: Int64) {
    self = InstanceStatus(rawValue: Int(clamping: number)) ?? .suspended
  }

  /// True if nothing more can happen to the instance.
  public var hasEnded: Bool { self == .done || self == .failed || self == .cancelled }
}
