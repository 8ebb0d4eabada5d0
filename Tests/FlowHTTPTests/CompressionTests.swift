import Testing

@testable import FlowHTTP

/// `permessage-deflate` (RFC 7692).
@Suite("WebSocket compression (permessage-deflate)") struct CompressionTests {
  private static let none = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

  private func request(_ extensions: String...) -> String {
    upgradeRequest.dropLast() + extensions.map { "Sec-WebSocket-Extensions: \($0)\r\n" }.joined() + "\r\n"
  }

  private func openSocket(
    _ extensions: String = "permessage-deflate", _ change: (inout HTTPServer.Configuration) -> Void = { _ in }
  ) -> Transcript {
    let peer = Transcript(change)
    peer.send(request(extensions))
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    _ = peer.drain()
    return peer
  }

  private func compressed(_ bytes: [UInt8]) throws -> [UInt8] {
    try #require(MessageCodec().deflated(bytes[...], windowBits: 15))
  }

  private func expand(_ bytes: some Sequence<UInt8>) throws -> [UInt8] {
    try Array(bytes).withUnsafeBufferPointer { try MessageCodec().inflated($0, limit: 1 << 20) }
  }

  private func closeCode(_ bytes: [UInt8]) -> Int? {
    bytes.count >= 4 && bytes[0] == 0x88 ? Int(bytes[2]) << 8 | Int(bytes[3]) : nil
  }

  // MARK: - The handshake

  @Test(
    "a supported offer is accepted",
    arguments: [
      ("permessage-deflate", none), ("PerMessage-Deflate", none), ("permessage-deflate; client_max_window_bits", none),
      ("permessage-deflate; client_max_window_bits=8", none), ("foo; bar=1, permessage-deflate", none),
      (" , permessage-deflate ;\tserver_no_context_takeover; client_no_context_takeover ,", none),
      ("permessage-deflate; server_max_window_bits=10", none + "; server_max_window_bits=10"),
      ("permessage-deflate; server_max_window_bits=\"1\\2\"", none + "; server_max_window_bits=12"),
      // The first supported offer is accepted.
      (
        "permessage-deflate; mode=2, permessage-deflate; server_max_window_bits=15",
        none + "; server_max_window_bits=15"
      ),
      ("permessage-deflate; server_max_window_bits=8, permessage-deflate", none),
    ])
  func acceptedOffer(offer: String, response: String) {
    let peer = Transcript()
    peer.send(request(offer))
    peer.connection.upgrade(subprotocol: "flow.v1", now: peer.now)
    #expect(peer.drain().hasSuffix("\r\nSec-WebSocket-Extensions: \(response)\r\n\r\n"))
  }

  @Test(
    "an unsupported offer is declined without closing the connection",
    arguments: [
      "x-webkit-deflate-frame", "permessage-deflate; unknown", "permessage-deflate; server_max_window_bits",
      "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=16",
      "permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_max_window_bits=+10",
      "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=x",
      "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=true",
      "permessage-deflate; client_max_window_bits; client_max_window_bits",
    ])
  func declinedOffer(offer: String) {
    let peer = Transcript()
    peer.send(request(offer))
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    let head = peer.drain()
    #expect(head.hasPrefix("HTTP/1.1 101") && !head.contains("Extensions"))
    peer.send(clientFrame(0x1, [], rsv: 4))
    #expect(closeCode(peer.takeBytes()) == 1002)
  }

  @Test("offers may be in several header fields") func severalFields() {
    let peer = Transcript()
    peer.send(request("foo", "permessage-deflate"))
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    #expect(peer.drain().contains("Sec-WebSocket-Extensions: permessage-deflate;"))
  }

  @Test(
    "a malformed extension header is rejected",
    arguments: [
      "permessage-deflate;", "; x", "a b", "a; b=", "a; =c", "a; b=\"c", "a; b=\"\"", "a; b=\"c d\"", "a/b", "a;; b",
      "a; b=\"c\\",
    ])
  func malformedHeader(offer: String) {
    let peer = Transcript()
    peer.send(request(offer))
    #expect(peer.requests.isEmpty)
    #expect(peer.verdict() == "400 close")
  }

  // MARK: - Received messages

  /// The examples of RFC 7692, 7.2.3.
  @Test(
    "the examples of RFC 7692 are decompressed",
    arguments: [
      ("one block", [[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]]),
      ("two fragments", [[0xF2, 0x48, 0xCD], [0xC9, 0xC9, 0x07, 0x00]]),
      ("a block without compression", [[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]]),
      ("a last block", [[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]]),
      ("a last block, and nothing after it", [[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]]),
      ("two blocks", [[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00]]),
    ] as [(String, [[UInt8]])], [Int.max, 1])
  func examplesOfStandard(example: (name: String, parts: [[UInt8]]), size: Int) {
    let peer = openSocket()
    for (index, part) in example.parts.enumerated() {
      let isFirst = index == 0
      let isLast = index == example.parts.count - 1
      peer.send(
        clientFrame(isFirst ? 0x1 : 0x0, part, isFinal: isLast, rsv: isFirst ? 4 : 0) + clientFrame(0x9, []),
        inPiecesOf: size)
    }
    peer.send(clientText("plain"))
    #expect(peer.events.suffix(2) == ["text Hello", "text plain"], "\(example.name)")
  }

  @Test("an empty compressed message is received") func emptyMessage() {
    let peer = openSocket()
    peer.send(clientFrame(0x2, [0x00], rsv: 4))
    #expect(peer.events.last == "binary []")
  }

  @Test(
    "an invalid compressed frame closes the socket",
    arguments: [
      ("a compressed ping", clientFrame(0x9, [0x00], rsv: 4), 1002),
      ("a compressed close", clientFrame(0x8, [0x03, 0xE8], rsv: 4), 1002),
      (
        "a bit on a continuation", clientFrame(0x1, [0xF2], isFinal: false, rsv: 4) + clientFrame(0x0, [], rsv: 4), 1002
      ),
      ("another bit", clientFrame(0x1, [0x00], rsv: 6), 1002),
      ("the third bit", clientFrame(0x1, [0x00], rsv: 5), 1002),
      ("what is not compressed", clientFrame(0x1, Array("Hello".utf8), rsv: 4), 1007),
      ("half of a message", clientFrame(0x1, [0xF2, 0x48, 0xCD], rsv: 4), 1007),
      ("nothing", clientFrame(0x1, [], rsv: 4), 1007),
      ("a reference before the beginning", clientFrame(0x1, [0x02, 0x13, 0x00, 0x00], rsv: 4), 1007),
      ("bad UTF-8", clientFrame(0x1, [0x00, 0x01, 0x00, 0xFE, 0xFF, 0xFF, 0x00], rsv: 4), 1007),
    ])
  func invalidFrames(name: String, bytes: [UInt8], code: Int) {
    let peer = openSocket()
    peer.send(bytes)
    #expect(closeCode(peer.takeBytes()) == code, "\(name)")
    #expect(peer.connection.isWriteEndDue)
    #expect(peer.events.suffix(1) == ["closed"])
  }

  @Test(
    "the message limit applies to the decompressed size",
    arguments: [(1 << 20, nil), (1 << 20 + 1, 1009), (64 << 20, 1009)] as [(Int, Int?)])
  func messageLimit(count: Int, code: Int?) throws {
    let peer = openSocket()
    peer.send(clientFrame(0x2, try compressed([UInt8](repeating: 0, count: count)), rsv: 4))
    #expect(closeCode(peer.takeBytes()) == code)
    #expect(peer.events.last == (code == nil ? "binary \([UInt8](repeating: 0, count: count))" : "closed"))
  }

  @Test("the total decompressed size of one read is limited") func limitPerRead() throws {
    let peer = openSocket { $0.limits.messageBytes = 100_000 }
    let bomb = clientFrame(0x2, try compressed([UInt8](repeating: 0, count: 100_000)), rsv: 4)
    for _ in 0..<6 { peer.send(bomb) }
    #expect(peer.events.count == 8)
    peer.send((0..<6).flatMap { _ in bomb })
    #expect(closeCode(peer.takeBytes()) == 1008)
    #expect(peer.events.count == 8 + 4 + 1)
  }

  @Test("random bytes are decompressed or rejected") func randomBytes() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let peer = openSocket()
      let bytes = (0..<Int.random(in: 0...300)).map { _ in UInt8.random(in: 0...255, using: &random) }
      peer.send(clientFrame(0x2, bytes, rsv: 4))
      let code = closeCode(peer.takeBytes())
      #expect(code == nil ? peer.events.count == 3 : code == 1007, "\(bytes)")
    }
  }

  // MARK: - Sent messages

  @Test("a long message is compressed once for all sockets") func sharedCompression() throws {
    let text = String(repeating: "what is said again and again ", count: 20)
    let frame = EncodedFrame(text: text)
    let first = openSocket()
    let second = openSocket()
    for peer in [first, first, second] { peer.connection.send(frame, now: peer.now) }
    let bytes = first.takeBytes()
    let one = second.takeBytes()
    #expect(one[0] == 0xC1 && one.count < 100)
    #expect(bytes == one + one)
    #expect(try expand(one.dropFirst(2)) == Array(text.utf8))
  }

  @Test("short and incompressible messages are sent uncompressed") func incompressibleMessages() throws {
    let short = EncodedFrame(text: String(repeating: "a", count: EncodedFrame.deflatedFrom - 1))
    let noise = EncodedFrame(binary: (0..<1_000).map { _ in UInt8.random(in: 0...255) })
    for frame in [short, noise] {
      let peer = openSocket()
      peer.connection.send(frame, now: peer.now)
      #expect(peer.takeBytes() == frame.bytes)
    }
  }

  @Test("messages are sent uncompressed without an accepted offer") func withoutOffer() {
    let frame = EncodedFrame(text: String(repeating: "a", count: 10_000))
    let peer = openSocket("foo")
    peer.connection.send(frame, now: peer.now)
    #expect(peer.takeBytes() == frame.bytes)
  }

  @Test("control frames are not compressed") func controlFrames() {
    let peer = openSocket()
    peer.wait(milliseconds: 30_000)
    #expect(peer.takeBytes() == [0x89, 0x00])
    peer.send(clientFrame(0x9, [UInt8](repeating: 7, count: 125)))
    #expect(peer.takeBytes().first == 0x8A)
    peer.connection.closeSocket(code: 1000, reason: String(repeating: "a", count: 122), now: peer.now)
    #expect(closeCode(peer.takeBytes()) == 1000)
  }

  /// A repetition after a thousand bytes is inside a window of 32 KiB, and outside one of 512 bytes.
  @Test("the window size requested by the peer is respected") func windowSize() throws {
    let noise = (0..<1_000).map { _ in UInt8.random(in: 0...255) }
    let frame = EncodedFrame(binary: noise + noise)
    let wide = openSocket()
    let narrow = openSocket("permessage-deflate; server_max_window_bits=9")
    for peer in [wide, narrow] { peer.connection.send(frame, now: peer.now) }
    let bytes = wide.takeBytes()
    #expect(bytes.count < 1_100)
    #expect(try expand(bytes.dropFirst(4)) == noise + noise)
    #expect(narrow.takeBytes() == frame.bytes)
  }
}
