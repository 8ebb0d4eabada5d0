import Glibc

/// Files that only their owner can read, whatever the umask says: they hold the data of instances.
enum PrivateFile {
  /// Creates an empty file with mode 0600. SQLite gives the same mode to the files beside it.
  /// - Returns: False when the path exists already or can't be created; nothing has changed then.
  @discardableResult
  static func create(_ path: String) -> Bool {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    return close(descriptor) == 0
  }
}
