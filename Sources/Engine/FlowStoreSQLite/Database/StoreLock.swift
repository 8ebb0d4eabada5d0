import FlowRuntime
import Glibc

/// Ensures that only one process uses a store, because two writers would invalidate each other's caches.
///
/// The lock applies to the file, not to its name: symbolic links are resolved, and a file with several names is
/// rejected.
final class StoreLock {
  private let descriptor: Int32
  /// The path without symbolic links.
  let path: String
  private var identity: Identity?

  private struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
  }

  /// - Throws: `.unusable` when another process has the store open, or its file has more than one name.
  init(path: String) throws(StoreError) {
    self.path = StoreLock.resolved(path)
    let name = self.path + ".lock"
    descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unusable("cannot write `\(name)`: \(String(cString: strerror(errno)))") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .unusable("another process serves this store, and holds `\(name)`")
    }
    guard let status = StoreLock.status(of: self.path), status.st_nlink > 1 else { return }
    close(descriptor)
    throw .unusable("`\(path)` has \(status.st_nlink) names (hard links), so that another process could serve it too")
  }

  /// Unlocks explicitly: a child process between `fork` and `exec` holds a copy of the descriptor, and would keep the
  /// lock of a closed one.
  deinit {
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Remembers the file that is at the path now.
  func remember() { identity = current }

  /// - Throws: `.fatal` when the file has been deleted or replaced, or its volume is gone.
  func verify() throws(StoreError) {
    guard let identity else { return }
    guard let current else { throw .fatal("the store `\(path)` has been deleted, or its volume is gone") }
    guard current == identity else { throw .fatal("the store `\(path)` has been replaced by another file") }
  }

  private var current: Identity? {
    StoreLock.status(of: path).map { Identity(device: UInt64($0.st_dev), inode: UInt64($0.st_ino)) }
  }

  private static func status(of path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// The path without symbolic links; a file that is still to be made has those of its folder resolved.
  static func resolved(_ path: String) -> String {
    if let whole = realpath(path, nil) {
      defer { free(whole) }
      return String(cString: whole)
    }
    guard let slash = path.lastIndex(of: "/") else { return path }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    guard let real = realpath(folder, nil) else { return path }
    defer { free(real) }
    return String(cString: real) + "/" + path[path.index(after: slash)...]
  }
}
