/// The reason why an operation of a store failed.
public enum StoreError: Error, Hashable, Sendable {
  /// The disk is full, busy or unreadable; a retry may succeed.
  case unavailable(String)
  /// Written data may be lost: the process has to stop, and restart from the state on the disk.
  case fatal(String)
  /// The file is not a store of this version.
  case unusable(String)

  /// True if a retry may succeed.
  public var isTemporary: Bool {
    if case .unavailable = self { true } else { false }
  }

  public var message: String {
    switch self {
    case .unavailable(let message), .fatal(let message), .unusable(let message): message
    }
  }
}
