import Glibc

/// A blocking TCP connection to the local machine.
final class TestSocket {
  struct Broken: Error {}

  private let descriptor: Int32
  private(set) var buffer: [UInt8] = []

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Broken() }
  }

  deinit { close(descriptor) }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Broken() }
      rest = rest.dropFirst(count)
    }
  }

  /// Waits until this number of bytes is buffered.
  func fill(_ wanted: Int) throws {
    while buffer.count < wanted { try readMore() }
  }

  /// Removes bytes from the front.
  func take(_ count: Int) throws -> [UInt8] {
    try fill(count)
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  /// Removes the head of an HTTP message, including the empty line.
  func takeHead() throws -> String {
    var searched = 0
    while true {
      if buffer.count >= 4 {
        for index in max(0, searched - 3)...(buffer.count - 4)
        where buffer[index..<(index + 4)].elementsEqual([13, 10, 13, 10]) {
          return String(decoding: try take(index + 4), as: UTF8.self)
        }
        searched = buffer.count
      }
      try readMore()
    }
  }

  /// Removes a line, including its end.
  func takeLine() throws -> String {
    while true {
      if let end = buffer.firstIndex(of: 10) { return String(decoding: try take(end + 1), as: UTF8.self) }
      try readMore()
    }
  }

  /// Removes a chunk of a body (RFC 9112, 7.1); nil is the end.
  func takeChunk() throws -> [UInt8]? {
    let line = try takeLine()
    guard let size = Int(line.prefix { $0.isHexDigit }, radix: 16) else { throw Broken() }
    let chunk = try take(size)
    _ = try takeLine()
    return size == 0 ? nil : chunk
  }

  private func readMore() throws {
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { throw Broken() }
    buffer += chunk[..<count]
  }
}

/// A peer that sends only the given bytes.
public final class TestPeer {
  private let socket: TestSocket

  public init(port: Int) throws { socket = try TestSocket(port: port) }

  public func send(_ text: String) throws { try socket.write(Array(text.utf8)) }

  /// The head of the response.
  public func head() throws -> String { try socket.takeHead() }

  public func take(_ count: Int) throws -> [UInt8] { try socket.take(count) }
}
