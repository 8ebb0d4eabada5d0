import Foundation

/// A file system of a few megabytes, so that a disk can be full without filling the real one.
public final class SmallDisk {
  /// The folder at which it is mounted.
  public let url: URL

  /// Whether this process may mount one.
  public static var isPossible: Bool {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-mount-\(UUID().uuidString)")
    return (try? SmallDisk(at: folder)) != nil
  }

  /// - Throws: When this process may not mount one.
  public init(at url: URL) throws {
    self.url = url
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    guard mount("tmpfs", url.path, "tmpfs", 0, "size=64m") == 0 else { throw CocoaError(.fileWriteNoPermission) }
  }

  deinit {
    umount2(url.path, Int32(MNT_DETACH))
    try? FileManager.default.removeItem(at: url)
  }

  /// Takes all the room that is left.
  public func fill() throws {
    let file = open(url.appending(path: "filler").path, O_CREAT | O_WRONLY | O_APPEND, 0o600)
    defer { close(file) }
    let chunk = [UInt8](repeating: 0, count: 4096)
    while write(file, chunk, chunk.count) > 0 {}
  }

  /// Gives the room back.
  public func empty() { try? FileManager.default.removeItem(at: url.appending(path: "filler")) }
}
