import Foundation

/// Connections to a server that do nothing.
public final class IdleConnections {
  private let server: PostgresServer
  private var sockets: [Int32] = []

  public init(_ server: PostgresServer) { self.server = server }

  deinit { close() }

  public var count: Int { sockets.count }

  public func close() {
    for socket in sockets { Glibc.close(socket) }
    sockets = []
  }

  /// Opens connections until there are so many, or the server accepts no more.
  public func open(upTo count: Int) {
    while sockets.count < count, let socket = connection() { sockets.append(socket) }
  }

  /// - Returns: Nil when the server rejects the connection.
  private func connection() -> Int32? {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { path in
      path.copyBytes(from: Array("\(server.socketFolder)/.s.PGSQL.5432".utf8).prefix(path.count - 1))
    }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    // The first message of the protocol: its length, the version 3.0, and the user and the database.
    let names = Array("user\0flow\0database\0postgres\0\0".utf8)
    let message: [UInt8] = [0, 0, 0, UInt8(names.count + 8), 0, 3, 0, 0] + names
    guard result == 0, message.withUnsafeBytes({ send(descriptor, $0.baseAddress, $0.count, 0) }) == message.count,
      isReady(descriptor)
    else {
      Glibc.close(descriptor)
      return nil
    }
    return descriptor
  }

  /// Reads until the server is ready for a query; false after an error.
  private func isReady(_ descriptor: Int32) -> Bool {
    while let head = read(5, from: descriptor) {
      let length = head[1...].reduce(0) { $0 << 8 | Int($1) } - 4
      guard head[0] != UInt8(ascii: "E"), length >= 0, read(length, from: descriptor) != nil else { return false }
      if head[0] == UInt8(ascii: "Z") { return true }
    }
    return false
  }

  private func read(_ count: Int, from descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      var chunk = [UInt8](repeating: 0, count: count - bytes.count)
      let received = recv(descriptor, &chunk, chunk.count, 0)
      guard received > 0 else { return nil }
      bytes += chunk[..<received]
    }
    return bytes
  }
}
