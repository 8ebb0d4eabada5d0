internal import Glibc

// Sockets in the file system: accessible from this machine only, with write permission for the socket.
extension Sockets {
  /// The address of a peer that is connected through a socket in the file system.
  static let localPeer = "unix"
  /// Owner and group may connect.
  private static let mode: mode_t = 0o660

  /// Listens on a path; a stale socket of an earlier process is replaced, a listening one is not.
  static func listen(path: String) throws(HTTPServerError) -> Int32 {
    guard var address = localAddress(path) else {
      throw .cannotListenAt(path: path, reason: "a socket path has 1 to \(longestPath) bytes")
    }
    try makeWay(at: path, &address)
    let socket = Glibc.socket(AF_UNIX, streaming | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard socket >= 0 else { throw .cannotListenAt(path: path, reason: lastError()) }
    let result = withAddress(&address) { bind(socket, $0, $1) }
    // Connections are impossible before `listen`, so that they always have these permissions.
    guard result == 0, chmod(path, mode) == 0, Glibc.listen(socket, 1024) == 0 else {
      let reason = lastError()
      close(socket)
      throw .cannotListenAt(path: path, reason: reason)
    }
    return socket
  }

  /// Removes the path of a socket that is no longer listening.
  static func remove(path: String) { unlink(path) }

  private static func makeWay(at path: String, _ address: inout sockaddr_un) throws(HTTPServerError) {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return }
    guard facts.st_mode & S_IFMT == S_IFSOCK else {
      throw .cannotListenAt(path: path, reason: "the path is not a socket")
    }
    let probe = Glibc.socket(AF_UNIX, streaming, 0)
    defer { close(probe) }
    let result = withAddress(&address) { connect(probe, $0, $1) }
    guard result != 0, errno == ECONNREFUSED else {
      throw .cannotListenAt(path: path, reason: result == 0 ? "another process listens on it" : lastError())
    }
    unlink(path)
  }

  /// The address of a listening socket: `unix:PATH`, or the numeric address; nil for any other socket.
  static func path(of socket: Int32) -> String? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    guard result == 0 else { return nil }
    guard Int32(address.ss_family) == AF_UNIX else { return text(of: &address, length) }
    let start = MemoryLayout<sa_family_t>.size
    let path = withUnsafeBytes(of: &address) { $0[start..<max(start, Int(length))].prefix { $0 != 0 } }
    return "unix:" + String(decoding: path, as: UTF8.self)
  }

  private static let streaming = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
  private static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  private static func localAddress(_ path: String) -> sockaddr_un? {
    guard (1...longestPath).contains(path.utf8.count), !path.utf8.contains(0) else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return address
  }

  private static func withAddress(
    _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
