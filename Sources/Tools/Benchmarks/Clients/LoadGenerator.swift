import Glibc

/// Sends requests over many persistent connections from one thread, one in flight on each, and counts the responses.
struct LoadGenerator {
  /// The result of a run.
  struct Result {
    var requestsPerSecond: Double
    /// Milliseconds.
    var median: Double
    var percentile99: Double
    /// Responses other than 2xx.
    var failures: Int
  }

  private struct Connection {
    var descriptor: Int32
    var buffer: [UInt8] = []
    var sentAt: UInt64 = 0
    /// The number of requests sent.
    var count = 0
  }

  let port: Int
  let connectionCount: Int

  /// Runs for some seconds. `request` returns the bytes of the n-th request of all connections.
  func run(seconds: Double, request: (Int) -> [UInt8]) -> Result? {
    var sent = 0
    return run(
      seconds: seconds,
      requestOfConnection: { _, _ in
        defer { sent += 1 }
        return request(sent)
      })
  }

  /// Runs for some seconds. `request` returns the bytes of the n-th request of a connection.
  func run(seconds: Double, requestOfConnection request: (_ connection: Int, _ number: Int) -> [UInt8]) -> Result? {
    var connections: [Connection] = []
    for _ in 0..<connectionCount {
      guard let descriptor = connect() else { return nil }
      connections.append(Connection(descriptor: descriptor))
    }
    defer { for connection in connections { close(connection.descriptor) } }
    var latencies: [UInt64] = []
    var failures = 0
    let start = nanoseconds()
    let end = start + UInt64(seconds * 1e9)
    for index in connections.indices { send(&connections[index], request(index, 0)) }
    var polls = connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    while nanoseconds() < end {
      guard poll(&polls, nfds_t(polls.count), 100) >= 0 else { return nil }
      for index in polls.indices where polls[index].revents != 0 {
        guard let status = receive(&connections[index]) else { return nil }
        guard status > 0 else { continue }
        latencies.append(nanoseconds() - connections[index].sentAt)
        if status / 100 != 2 { failures += 1 }
        send(&connections[index], request(index, connections[index].count))
      }
    }
    let elapsed = Double(nanoseconds() - start) / 1e9
    latencies.sort()
    guard !latencies.isEmpty else { return nil }
    return Result(
      requestsPerSecond: Double(latencies.count) / elapsed, median: Double(latencies[latencies.count / 2]) / 1e6,
      percentile99: Double(latencies[latencies.count * 99 / 100]) / 1e6, failures: failures)
  }

  /// Sends one request and returns the status of its response.
  func single(_ bytes: [UInt8]) -> Int? {
    guard let descriptor = connect() else { return nil }
    defer { close(descriptor) }
    var connection = Connection(descriptor: descriptor)
    send(&connection, bytes)
    while true {
      guard let status = receive(&connection) else { return nil }
      if status > 0 { return status }
    }
  }

  func connect() -> Int32? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    return result == 0 ? descriptor : nil
  }

  private func send(_ connection: inout Connection, _ bytes: [UInt8]) {
    connection.sentAt = nanoseconds()
    connection.count += 1
    _ = bytes.withUnsafeBytes { Glibc.send(connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  /// The status of a complete response, 0 while it is incomplete, nil when the connection broke.
  private func receive(_ connection: inout Connection) -> Int? {
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    let count = recv(connection.descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { return nil }
    connection.buffer += chunk[..<count]
    guard let (status, length) = LoadGenerator.answer(connection.buffer), connection.buffer.count >= length else {
      return 0
    }
    connection.buffer.removeFirst(length)
    return status
  }

  /// The status and the total length of a response whose head is complete.
  private static func answer(_ bytes: [UInt8]) -> (status: Int, length: Int)? {
    guard bytes.count > 12,
      let end = (0..<(bytes.count - 3)).first(where: { bytes[$0..<($0 + 4)].elementsEqual([13, 10, 13, 10]) })
    else { return nil }
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    let status = Int(head.dropFirst(9).prefix(3)) ?? 0
    var length = 0
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
      length = Int(line.dropFirst(15).filter { $0 != " " }) ?? 0
    }
    return (status, end + 4 + length)
  }
}
