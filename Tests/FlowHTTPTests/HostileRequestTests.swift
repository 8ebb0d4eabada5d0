import Testing

@testable import FlowHTTP

/// A request that must be rejected, and the expected status.
struct HostileRequest: CustomTestStringConvertible, Sendable {
  var name: String
  var bytes: String
  var status: Int
  var testDescription: String { name }

  init(_ name: String, _ bytes: String, _ status: Int = 400) {
    self.name = name
    self.bytes = bytes
    self.status = status
  }

  private static let post = "POST / HTTP/1.1\r\nHost: a\r\n"
  private static let get = "GET / HTTP/1.1\r\nHost: a\r\n"
  private static let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
  private static let upgrade = get + "Connection: Upgrade\r\nUpgrade: websocket\r\n"

  static let all = [
    Self("length then encoding", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Self("encoding then length", post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
    Self("two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    Self("two equal lengths", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    Self("a list of lengths", post + "Content-Length: 3, 3\r\n\r\nabc"),
    Self("a signed length", post + "Content-Length: +3\r\n\r\nabc"),
    Self("a negative length", post + "Content-Length: -3\r\n\r\nabc"),
    Self("a length past 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\n"),
    Self("an unknown encoding", post + "Transfer-Encoding: gzip\r\n\r\n", 501),
    Self("an encoding before chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    Self("an encoding after chunked", post + "Transfer-Encoding: chunked, identity\r\n\r\n", 501),
    Self("two encodings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    Self("an encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    Self("NUL in a value", get + "X: a\0b\r\n\r\n"),
    Self("NUL in a name", get + "X\0: a\r\n\r\n"),
    Self("a control character in a value", get + "X: a\u{1}b\r\n\r\n"),
    Self("a carriage return in a value", get + "X: a\rb\r\n\r\n"),
    Self("a space before the colon", get + "X : a\r\n\r\n"),
    Self("a field without a name", get + ": a\r\n\r\n"),
    Self("a folded value", get + "X: a\r\n b\r\n\r\n"),
    Self("a folded empty value", get + "X:\r\n b\r\n\r\n"),
    Self("a value folded to nothing", get + "X: a\r\n \r\n\r\n"),
    Self("a folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    Self("no Host", "GET / HTTP/1.1\r\n\r\n"),
    Self("two Hosts", get + "Host: a\r\n\r\n"),
    Self("a malformed Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    Self("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    Self("an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    Self("a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    Self("a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    Self("no method", " / HTTP/1.1\r\nHost: a\r\n\r\n"),
    Self("no version", "GET /\r\nHost: a\r\n\r\n"),
    Self("HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    Self("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    Self("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    Self("a target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
    Self("a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    Self("raw UTF-8 in the target", "GET /é HTTP/1.1\r\nHost: a\r\n\r\n"),
    Self("a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    Self("lines without carriage returns", "GET / HTTP/1.1\nHost: a\n\n"),
    Self("a TLS greeting", "\u{16}\u{3}\u{1}\u{2}\0\u{1}"),
    Self("a huge field", get + "X: " + String(repeating: "a", count: 17_000) + "\r\n\r\n", 431),
    Self("a huge target", "GET /" + String(repeating: "a", count: 17_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    Self("too many fields", get + String(repeating: "X: a\r\n", count: 101) + "\r\n", 431),
    Self("a huge body", post + "Content-Length: 1048577\r\n\r\n", 413),
    Self("a huge chunk", chunked + "100001\r\n", 413),
    Self("a chunk size that is no number", chunked + "x\r\n\r\n"),
    Self("a negative chunk size", chunked + "-1\r\n\r\n"),
    Self("a chunk size past 64 bits", chunked + "fffffffffffffffff\r\n\r\n"),
    Self("a chunk longer than its size", chunked + "3\r\nabcd\r\n0\r\n\r\n"),
    Self("a malformed chunk extension", chunked + "3;=\r\nabc\r\n0\r\n\r\n"),
    Self("an endless chunk extension", chunked + "3;a=" + String(repeating: "b", count: 17_000), 431),
    Self(
      "many chunk extensions",
      chunked + String(repeating: "1;a=" + String(repeating: "b", count: 900) + "\r\nx\r\n", count: 20), 431),
    Self("endless trailers", chunked + "0\r\n" + String(repeating: "X: a\r\n", count: 3_000), 431),
    Self("an unknown expectation", post + "Expect: wonders\r\nContent-Length: 3\r\n\r\n", 417),
    Self("an upgrade without a key", upgrade + "Sec-WebSocket-Version: 13\r\n\r\n"),
    Self("an upgrade with a short key", upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n"),
    Self(
      "an upgrade of another version",
      upgrade + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 426),
  ]
}

@Suite("Hostile requests") struct HostileRequestTests {
  @Test(
    "a hostile request is rejected with its status",
    arguments: HostileRequest.all)
  func rejection(_ hostile: HostileRequest) {
    let peer = Transcript()
    peer.send(hostile.bytes)
    #expect(peer.verdict() == "\(hostile.status) close")
    #expect(peer.events.isEmpty)
  }

  /// The result does not depend on how the network splits the bytes.
  @Test(
    "a hostile request that arrives in pieces is rejected with the same status", arguments: HostileRequest.all, [1, 7])
  func rejectionInPieces(_ hostile: HostileRequest, size: Int) {
    let peer = Transcript()
    peer.send(Array(hostile.bytes.utf8), inPiecesOf: size)
    #expect(peer.verdict() == "\(hostile.status) close")
    #expect(peer.events.isEmpty)
  }

  @Test("the total size of header fields is limited when they arrive separately") func fieldLimit() {
    let peer = Transcript { $0.limits.headerFields = 10_000 }
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n")
    for number in 0..<400 { peer.send("X-\(number): " + String(repeating: "a", count: 50) + "\r\n") }
    #expect(peer.verdict() == "431 close")
  }

  @Test("the total size of chunks is limited") func chunkLimit() {
    let peer = Transcript { $0.limits.bodyBytes = 1000 }
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in 0..<1001 { peer.send("1\r\nx\r\n") }
    #expect(peer.verdict() == "413 close")
  }

  @Test("after an error response, input is discarded until the peer closes") func lingeringClose() {
    let peer = Transcript()
    peer.send("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(!peer.connection.isWriteEndDue)
    #expect(peer.drain().contains("Connection: close\r\n"))
    #expect(peer.connection.isWriteEndDue)
    peer.send(String(repeating: "x", count: 100_000))
    #expect(peer.connection.wantsRead && !peer.connection.isClosed)
    peer.end()
    #expect(peer.connection.isClosed)
  }

  @Test("discarding input ends with a timeout") func lingeringTimeout() {
    let peer = Transcript()
    peer.send("BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
    _ = peer.drain()
    for _ in 0..<11 {
      peer.send("more")
      peer.wait(milliseconds: 1_000)
    }
    #expect(peer.connection.isClosed)
  }
}
