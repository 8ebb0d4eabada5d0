/// The reason why a store could not do what it was asked.
public enum StoreError: Error, Hashable, Sendable {
  /// The disk is full, busy or unreadable; the same may work later.
  case unavailable(String)
  /// Written data may be lost: the process has to stop, and start again from what is on the disk.
  case fatal(String)
  /// The file is not a store of this version.
  case unusable(String)

  public var message: String {
    switch self {
    case .unavailable(let message), .fatal(let message), .unusable(let message): message
    }
  }
}
