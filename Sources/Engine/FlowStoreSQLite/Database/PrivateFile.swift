import Glibc

/// Files that only their owner can read, for every umask: they contain the data of instances.
enum PrivateFile {
  /// Creates an empty file with mode 0600. SQLite uses the same mode for the files next to it.
  /// - Returns: False when the path exists or can't be created; nothing has changed then.
  @discardableResult
  static func create(_ path: String) -> Bool {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    return close(descriptor) == 0
  }
}
