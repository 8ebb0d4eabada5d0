import CEpoll
import Foundation

/// The latency from a committed step to its subscribers: 10,000 sockets, each on one of 1,000 instances, at 1,000
/// events per second.
enum LiveBenchmark {
  static let subscriberCount = 10_000
  static let instanceCount = 1000
  static let eventsPerSecond = 1000
  static let seconds = 10.0

  static func run() {
    var limit = rlimit(rlim_cur: 65_536, rlim_max: 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-live-\(getpid())")
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = folder.appending(path: "counter.flow")
      try ServerBenchmark.counter.write(to: file, atomically: true, encoding: .utf8)
      let server = try BenchmarkServer(file: file.path, store: folder.appending(path: "bench.db").path)
      defer { server.stop() }
      measure(port: server.port)
    } catch {
      report("live", "could not be measured: \(error)")
    }
  }

  private static func measure(port: Int) {
    for index in 0..<instanceCount {
      let body = #"{"event": "Begin", "data": {"id": "c\#(index)"}}"#
      guard
        ServerBenchmark.send(
          ServerBenchmark.request("POST", "/v1/flows/Counter/instances", body: body), to: port)
      else {
        return report("live", "the instances did not start")
      }
    }
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    for index in 0..<subscriberCount {
      guard let socket = LiveBenchmark.subscribe("c\(index % instanceCount)", port) else {
        return report("live", "only \(index) sockets could be opened")
      }
      sockets.append(socket)
    }
    guard let last = sockets.last, awaitSubscriptions(last, port) else {
      return report("live", "the last subscriber received nothing")
    }
    let sender = Thread { send(to: port) }
    sender.start()
    let latencies = listen(sockets)
    guard !latencies.isEmpty else { return report("live", "no frame was received") }
    let expected = Double(subscriberCount / instanceCount * eventsPerSecond) * seconds
    report(
      "live, \(subscriberCount) subscribers", "p50 \(short(latencies[latencies.count / 2])) ms",
      note: """
        p99 \(short(latencies[latencies.count * 99 / 100])) ms from sending an event to each receipt; \
        \(latencies.count) frames, \(short(100 * Double(latencies.count) / expected)) % of the frames for \
        \(eventsPerSecond) events/s
        """)
  }

  /// Waits until the last subscriber receives an event: the server has then accepted all subscriptions before it.
  private static func awaitSubscriptions(_ last: Int32, _ port: Int) -> Bool {
    let path = "/v1/flows/Counter/instances/c\((subscriberCount - 1) % instanceCount)/events"
    let event = ServerBenchmark.request("POST", path, body: #"{"event": "Add", "data": {"n": 1}}"#)
    var scratch = [UInt8](repeating: 0, count: 1 << 16)
    let end = nanoseconds() + UInt64(seconds * 1e9)
    while nanoseconds() < end, ServerBenchmark.send(event, to: port) {
      var waiting = pollfd(fd: last, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 100) > 0 else { continue }
      let count = recv(last, &scratch, scratch.count, 0)
      guard count > 0 else { return false }
      if !instants(scratch[..<count]).isEmpty { return true }
    }
    return false
  }

  /// Opens a socket that subscribes to one instance.
  private static func subscribe(_ key: String, _ port: Int) -> Int32? {
    guard let descriptor = LoadGenerator(port: port, connectionCount: 1).connect() else { return nil }
    let request = """
      GET /v1/live?since=999999999&flow=Counter&key=\(key) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r
      Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
      """
    let bytes = Array(request.replacingOccurrences(of: "\r\n\n", with: "\r\n").utf8)
    _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    var answer = [UInt8](repeating: 0, count: 4096)
    guard recv(descriptor, &answer, answer.count, 0) > 12, answer[9] == UInt8(ascii: "1") else { return nil }
    return descriptor
  }

  /// Sends at a constant rate; each event contains the time at which it was sent.
  private static func send(to port: Int) {
    let connections = (0..<32).compactMap { _ in LoadGenerator(port: port, connectionCount: 1).connect() }
    guard !connections.isEmpty else { return }
    var scratch = [UInt8](repeating: 0, count: 4096)
    let begin = nanoseconds()
    for index in 0..<Int(Double(eventsPerSecond) * (seconds + 1)) {
      let due = begin + UInt64(index) * 1_000_000_000 / UInt64(eventsPerSecond)
      while nanoseconds() < due { usleep(100) }
      let connection = connections[index % connections.count]
      // The answer to what this connection sent before.
      if index >= connections.count { _ = recv(connection, &scratch, scratch.count, 0) }
      let path = "/v1/flows/Counter/instances/c\(index % instanceCount)/events"
      let body = #"{"event": "Add", "data": {"n": \#(nanoseconds() / 1000)}}"#
      let bytes = ServerBenchmark.request("POST", path, body: body)
      _ = bytes.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
    for connection in connections { close(connection) }
  }

  /// - Returns: The latency of each frame in milliseconds, sorted.
  private static func listen(_ sockets: [Int32]) -> [Double] {
    var polls = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    var scratch = [UInt8](repeating: 0, count: 1 << 16)
    var latencies: [Double] = []
    let end = nanoseconds() + UInt64(seconds * 1e9)
    while nanoseconds() < end {
      guard poll(&polls, nfds_t(polls.count), 100) > 0 else { continue }
      for poll in polls where poll.revents != 0 {
        let count = recv(poll.fd, &scratch, scratch.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { continue }
        let now = nanoseconds() / 1000
        for sent in instants(scratch[..<count]) where sent < now { latencies.append(Double(now - sent) / 1000) }
      }
    }
    return latencies.sorted()
  }

  /// The numbers after `"n":` in the received bytes.
  private static func instants(_ bytes: ArraySlice<UInt8>) -> [UInt64] {
    let mark = Array(#""n":"#.utf8)
    var found: [UInt64] = []
    var index = bytes.startIndex
    while index + mark.count < bytes.endIndex {
      guard bytes[index] == mark[0], bytes[index..<(index + mark.count)].elementsEqual(mark) else {
        index += 1
        continue
      }
      index += mark.count
      var number: UInt64 = 0
      while index < bytes.endIndex, (48...57).contains(bytes[index]) {
        number = number &* 10 &+ UInt64(bytes[index] - 48)
        index += 1
      }
      found.append(number)
    }
    return found
  }
}
