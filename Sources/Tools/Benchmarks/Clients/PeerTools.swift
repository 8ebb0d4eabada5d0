import CEpoll
import FlowGenerator
import Foundation

/// Clients and inputs that Flow and its peers are measured with alike; `Tests/Peers` runs them.
enum PeerTools {
  static let all: [String: @Sendable ([String]) -> Void] = [
    "listen": listen, "publish": publish, "project": project, "check-growth": ShapeBenchmark.check,
  ]

  /// Opens WebSockets and counts the frames that arrive: `listen PORT COUNT SECONDS PATH`.
  ///
  /// Prints `ready` when all sockets are open, and the frames per second from the first frame on.
  private static func listen(_ arguments: [String]) {
    guard arguments.count == 4, let port = Int(arguments[0]), let count = Int(arguments[1]),
      let seconds = Double(arguments[2])
    else { return fail("usage: listen PORT COUNT SECONDS PATH") }
    var limit = rlimit(rlim_cur: 65_536, rlim_max: 65_536)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let epoll = epoll_create1(0)
    for index in 0..<count {
      guard let socket = webSocket(port: port, path: arguments[3]) else { return fail("socket \(index) was refused") }
      var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: socket))
      epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event)
    }
    FileHandle.standardOutput.write(Data("ready\n".utf8))
    var counters = [Int32: FrameCounter]()
    var events = [epoll_event](repeating: epoll_event(), count: 1024)
    var scratch = [UInt8](repeating: 0, count: 1 << 18)
    var (begin, end): (UInt64, UInt64) = (0, .max)
    var bytes = 0
    while nanoseconds() < end {
      let ready = epoll_wait(epoll, &events, Int32(events.count), 1000)
      if ready == 0 && begin == 0 { continue }
      for event in events.prefix(Int(max(ready, 0))) {
        let count = recv(event.data.fd, &scratch, scratch.count, Int32(MSG_DONTWAIT))
        guard count > 0 else { continue }
        if begin == 0 {
          begin = nanoseconds()
          end = begin + UInt64(seconds * 1e9)
        }
        bytes += count
        counters[event.data.fd, default: FrameCounter()].count(scratch[..<count])
      }
    }
    let elapsed = Double(nanoseconds() - begin) / 1e9
    let frames = counters.values.reduce(0) { $0 + $1.frames }
    report("frames", "\(Int(Double(frames) / elapsed)) /s", note: "\(bytes / max(frames, 1)) bytes each")
  }

  /// Posts one body again and again: `publish PORT CONNECTIONS SECONDS PATH BODY`.
  private static func publish(_ arguments: [String]) {
    guard arguments.count == 5, let port = Int(arguments[0]), let count = Int(arguments[1]),
      let seconds = Double(arguments[2])
    else { return fail("usage: publish PORT CONNECTIONS SECONDS PATH BODY") }
    let request = ServerBenchmark.request("POST", arguments[3], body: arguments[4])
    guard
      let result = LoadGenerator(port: port, connectionCount: count).run(seconds: seconds, request: { _ in request })
    else { return fail("a connection broke") }
    report("published", "\(Int(result.requestsPerSecond)) /s", note: "\(result.failures) refused")
  }

  /// Writes a generated project of about a number of lines: `project FOLDER LINES`.
  private static func project(_ arguments: [String]) {
    guard arguments.count == 2, let lines = Int(arguments[1]) else { return fail("usage: project FOLDER LINES") }
    let folder = URL(filePath: arguments[0])
    var count = 0
    for file in generateProject(lines: lines) {
      count += file.text.utf8.count { $0 == UInt8(ascii: "\n") }
      let url = folder.appending(path: file.path)
      try? FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      guard (try? file.text.write(to: url, atomically: true, encoding: .utf8)) != nil else {
        return fail("cannot write \(url.path)")
      }
    }
    report("lines", "\(count) lines")
  }

  private static func fail(_ message: String) {
    FileHandle.standardError.write(Data("\(message)\n".utf8))
    exit(2)
  }

  private static func webSocket(port: Int, path: String) -> Int32? {
    guard let descriptor = LoadGenerator(port: port, connectionCount: 1).connect() else { return nil }
    let request =
      "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    let bytes = Array(request.utf8)
    _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    var answer = [UInt8](repeating: 0, count: 4096)
    guard recv(descriptor, &answer, answer.count, 0) > 12, answer[9] == UInt8(ascii: "1") else { return nil }
    return descriptor
  }
}

/// Counts the data frames of a WebSocket in the bytes of its stream (RFC 6455, 5.2), without keeping them.
private struct FrameCounter {
  private(set) var frames = 0
  private var skipped = 0
  private var head: [UInt8] = []

  mutating func count(_ bytes: ArraySlice<UInt8>) {
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if skipped > 0 {
        let step = min(skipped, bytes.endIndex - index)
        skipped -= step
        index += step
        continue
      }
      head.append(bytes[index])
      index += 1
      guard head.count >= 2 else { continue }
      let short = Int(head[1] & 127)
      let width = short == 126 ? 2 : short == 127 ? 8 : 0
      guard head.count == 2 + width else { continue }
      skipped = width == 0 ? short : head[2...].reduce(0) { $0 << 8 | Int($1) }
      if head[0] & 15 < 8 { frames += 1 }
      head.removeAll(keepingCapacity: true)
    }
  }
}
