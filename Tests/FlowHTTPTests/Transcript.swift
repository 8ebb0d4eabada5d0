@testable import FlowHTTP

/// The peer of an `HTTPConnection`, with input and output as text and a manual clock.
final class Transcript {
  let connection: HTTPConnection
  private(set) var events: [String] = []
  private(set) var requests: [HTTPRequest] = []
  private var milliseconds = 1_000

  init(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) {
    var configuration = HTTPServer.Configuration()
    change(&configuration)
    connection = HTTPConnection(
      configuration: configuration, codec: MessageCodec(), remoteAddress: "10.0.0.1", now: Self.instant(1_000))
  }

  var now: Instant { Self.instant(milliseconds) }

  private static func instant(_ milliseconds: Int) -> Instant {
    Instant(milliseconds: milliseconds, date: Array("Date: now\r\n".utf8))
  }

  /// Sends `text` in one piece.
  func send(_ text: String) { send(Array(text.utf8)) }

  /// Sends `bytes` in pieces of `size`.
  func send(_ bytes: [UInt8], inPiecesOf size: Int = .max) {
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + min(size, bytes.count))
      connection.receive(bytes.span.extracting(start..<end), now: now)
      start = end
      collect()
    }
  }

  func end() {
    connection.receiveEnd(now: now)
    collect()
  }

  func wait(milliseconds interval: Int) {
    milliseconds += interval
    connection.tick(now: now)
    collect()
  }

  func answer(_ status: Int = 200, _ body: String = "", headers: [(String, String)] = []) {
    connection.respond(HTTPResponse(status: status, headers: headers, body: Array(body.utf8)), now: now)
    collect()
  }

  /// Removes and returns the output of the connection.
  func takeBytes() -> [UInt8] {
    var result: [UInt8] = []
    while !connection.output.isEmpty {
      let part = [UInt8](unsafeUninitializedCapacity: 1000) { $1 = connection.output.gather(into: $0) }
      result += part
      connection.wrote(part.count, now: now)
    }
    collect()
    return result
  }

  func drain() -> String { String(decoding: takeBytes(), as: UTF8.self) }

  /// The status of the next response, and whether the connection is about to close.
  func verdict() -> String {
    let text = drain()
    let line = text.prefix { $0 != "\r\n" }.dropFirst(9).prefix(3)
    return connection.isWriteEndDue || connection.isClosed ? "\(line) close" : "\(line)"
  }

  /// The response to requests whose body is missing; nil admits them.
  var refusal: HTTPResponse?
  private(set) var heads: [HTTPRequest] = []

  private func announced(_ head: HTTPRequest) {
    heads.append(head)
    if let refusal { connection.refuseHead(refusal, now: now) } else { connection.admitHead(context: "admitted") }
  }

  private func collect() {
    while let event = connection.dequeueEvent() {
      switch event {
      case .head(let head): announced(head)
      case .request(let request):
        requests.append(request)
        events.append("\(request.method) \(request.target)")
      case .opened: events.append("opened")
      case .message(.text(let text)): events.append("text \(text)")
      case .message(.binary(let bytes)): events.append("binary \(bytes)")
      case .closed: events.append("closed")
      case .abandoned: events.append("abandoned")
      case .tunnelled(let bytes): events.append("tunnelled \(String(decoding: bytes, as: UTF8.self))")
      case .drained: events.append("drained")
      }
    }
  }
}
