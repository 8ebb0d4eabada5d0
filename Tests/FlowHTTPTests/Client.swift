import Glibc

/// A blocking client on a loopback socket with a timeout of five seconds.
final class Client {
  struct Failure: Error { var what: String }

  struct Answer {
    var status: Int
    var head: String
    var body: String
  }

  private let socket: Int32
  private var buffer: [UInt8] = []
  private var start = 0

  /// Connects to a Unix socket.
  init(path: String) throws {
    socket = Client.socket(AF_UNIX)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Failure(what: "connect") }
  }

  private static func socket(_ family: Int32) -> Int32 {
    let socket = Glibc.socket(family, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    return socket
  }

  init(port: Int) throws {
    socket = Client.socket(AF_INET)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure(what: "connect") }
  }

  deinit { close(socket) }

  /// Closes with a reset, as after a crash of the peer.
  func reset() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    shutdown(socket, Int32(SHUT_RDWR))
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Failure(what: "send") }
      sent += count
    }
  }

  func get(_ target: String) throws -> Answer {
    try send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
    return try answer()
  }

  /// Reads a response with a `Content-Length`.
  func answer() throws -> Answer {
    let head = try head()
    let fields = head.split(separator: "\r\n").map { $0.split(separator: ": ", maxSplits: 1) }
    let length = fields.first { $0[0] == "Content-Length" }.flatMap { Int($0[1]) } ?? 0
    let body = String(decoding: try read(length), as: UTF8.self)
    return Answer(status: Int(head.dropFirst(9).prefix(3)) ?? 0, head: head, body: body)
  }

  func head() throws -> String {
    var head: [UInt8] = []
    while head.suffix(4) != [13, 10, 13, 10] { head += try read(1) }
    return String(decoding: head, as: UTF8.self)
  }

  /// Reads a frame with up to 65,535 bytes.
  func frame() throws -> (opcode: UInt8, payload: [UInt8]) {
    let header = try read(2)
    var length = Int(header[1])
    if length == 126 { length = try read(2).reduce(0) { $0 << 8 | Int($1) } }
    return (header[0] & 15, try read(length))
  }

  func text() throws -> String {
    String(decoding: try frame().payload, as: UTF8.self)
  }

  func upgrade() throws -> Self {
    try send(upgradeRequest)
    guard try head().hasPrefix("HTTP/1.1 101") else { throw Failure(what: "upgrade") }
    return self
  }

  /// Whether the server has closed the connection.
  func isAtEnd() -> Bool {
    start == buffer.count && receive() == 0
  }

  func read(_ count: Int) throws -> [UInt8] {
    while buffer.count - start < count {
      if receive() <= 0 { throw Failure(what: "read \(count)") }
    }
    defer { start += count }
    return Array(buffer[start..<start + count])
  }

  /// Reads until the server closes, or has sent this many bytes.
  /// - Returns: The number of bytes.
  func countToEnd(atMost limit: Int) -> Int {
    var total = 0
    while total < limit, case let count = receive(), count > 0 {
      total += count
      start = buffer.count
    }
    return total
  }

  private func receive() -> Int {
    buffer.removeFirst(start)
    start = 0
    var part = [UInt8](repeating: 0, count: 65536)
    let count = recv(socket, &part, part.count, 0)
    if count > 0 { buffer += part[..<count] }
    return count
  }
}
