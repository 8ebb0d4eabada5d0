import FlowRuntime
import Glibc

/// Keeps a store to one process: two that write to one file would be two truths.
final class FileLock {
  private let descriptor: Int32

  /// - Throws: `.unusable` when another process has the store.
  init(path: String) throws(StoreError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unusable("cannot write `\(path)`: \(String(cString: strerror(errno)))") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw .unusable("another process serves this store, and holds `\(path)`")
    }
  }

  deinit { close(descriptor) }
}
