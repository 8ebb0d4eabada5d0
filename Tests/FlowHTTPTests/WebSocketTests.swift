import Testing

@testable import FlowHTTP

/// A client's frame, masked by default.
func clientFrame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true, rsv: UInt8 = 0)
  -> [UInt8]
{
  let mask: [UInt8] = [0x11, 0x22, 0x33, 0x44]
  var frame = [(isFinal ? 0x80 : 0) | rsv << 4 | opcode]
  let bit: UInt8 = isMasked ? 0x80 : 0
  switch payload.count {
  case 0..<126: frame.append(bit | UInt8(payload.count))
  case 126..<65536: frame += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
  default:
    frame.append(bit | 127)
    for shift in stride(from: 56, through: 0, by: -8) {
      frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
    }
  }
  if !isMasked { return frame + payload }
  return frame + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
}

func clientText(_ text: String) -> [UInt8] { clientFrame(0x1, Array(text.utf8)) }

let upgradeRequest =
  "GET /live HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
  + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

@Suite("WebSocket") struct WebSocketTests {
  private func openSocket(_ change: (inout HTTPServer.Configuration) -> Void = { _ in }) -> Transcript {
    let peer = Transcript(change)
    peer.send(upgradeRequest)
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    _ = peer.drain()
    return peer
  }

  /// A server's frame with a short payload.
  private func serverFrame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [0x80 | opcode, UInt8(payload.count)] + payload
  }

  /// The code of a close frame, 1005 if it has none.
  private func closeCode(_ bytes: [UInt8]) -> Int? {
    if bytes == [0x88, 0x00] { return 1005 }
    guard bytes.count >= 4, bytes[0] == 0x88 else { return nil }
    return Int(bytes[2]) << 8 | Int(bytes[3])
  }

  @Test("an upgrade is accepted") func upgrade() {
    let peer = Transcript()
    peer.send(upgradeRequest)
    #expect(peer.requests.first?.isUpgrade == true)
    peer.connection.upgrade(subprotocol: "flow.v1", now: peer.now)
    #expect(
      peer.drain() == "HTTP/1.1 101 Switching Protocols\r\nDate: now\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: flow.v1\r\n\r\n")
    #expect(peer.events == ["GET /live", "opened"])
  }

  @Test("a handler can reject an upgrade") func rejectedUpgrade() {
    let peer = Transcript()
    peer.send(upgradeRequest)
    peer.answer(403)
    #expect(peer.drain().hasPrefix("HTTP/1.1 403"))
    peer.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(peer.requests.count == 2)
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    #expect(peer.drain().hasPrefix("HTTP/1.1 426"))
  }

  @Test("frames sent together with the upgrade are received") func earlyFrames() {
    let peer = Transcript()
    peer.send(Array(upgradeRequest.utf8) + clientText("early"))
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    _ = peer.drain()
    #expect(peer.events == ["GET /live", "opened", "text early"])
  }

  @Test("messages arrive complete and in order, in any pieces", arguments: [Int.max, 1, 5])
  func messages(size: Int) {
    let peer = openSocket()
    var bytes = clientText("one") + clientFrame(0x2, [0, 255])
    bytes += clientFrame(0x1, Array("fra".utf8), isFinal: false) + clientFrame(0x9, [7])
    bytes += clientFrame(0x0, Array("gme".utf8), isFinal: false) + clientFrame(0x0, Array("nt é".utf8))
    peer.send(bytes, inPiecesOf: size)
    #expect(peer.events.dropFirst(2) == ["text one", "binary [0, 255]", "text fragment é"])
    #expect(peer.takeBytes() == serverFrame(0xA, [7]))
  }

  @Test("frames have the shortest length encoding", arguments: [125, 126, 65535, 65536])
  func frameLength(count: Int) {
    let payload = [UInt8](repeating: 7, count: count)
    let header = count < 126 ? 2 : count < 65536 ? 4 : 10
    #expect(EncodedFrame(binary: payload).bytes.count == header + count)
    let peer = openSocket()
    peer.send(clientFrame(0x2, payload))
    #expect(peer.events.last == "binary \(payload)")
  }

  @Test(
    "an invalid frame closes the socket with its code",
    arguments: [
      ("bad UTF-8", clientFrame(0x1, [0xC3, 0x28]), 1007),
      ("an unmasked frame", clientFrame(0x1, [], isMasked: false), 1002),
      ("a reserved bit", clientFrame(0x1, [], rsv: 4), 1002), ("an unknown opcode", clientFrame(0x3, []), 1002),
      ("a fragmented ping", clientFrame(0x9, [], isFinal: false), 1002),
      ("a long ping", clientFrame(0x9, [UInt8](repeating: 0, count: 126)), 1002),
      ("a continuation of nothing", clientFrame(0x0, []), 1002),
      ("a message inside of a message", clientFrame(0x1, [], isFinal: false) + clientFrame(0x1, []), 1002),
      ("a close code on its own", clientFrame(0x8, [3]), 1005),
      ("a forbidden close code", clientFrame(0x8, [3, 237]), 1002),
      ("an oversize message", Array(clientFrame(0x2, [UInt8](repeating: 0, count: 1_048_577)).prefix(20)), 1009),
      ("an oversize length", [0x82, 0xFF, 0x7F, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0], 1009),
    ])
  func invalidFrames(name: String, bytes: [UInt8], code: Int) {
    let peer = openSocket()
    peer.send(bytes)
    #expect(closeCode(peer.takeBytes()) == code, "\(name)")
    #expect(peer.connection.isWriteEndDue)
    #expect(peer.events.last == "closed")
    peer.end()
    #expect(peer.connection.isClosed)
    #expect(peer.events.filter { $0 == "closed" }.count == 1)
  }

  @Test("the number of fragments of a message is limited") func fragmentLimit() {
    let peer = openSocket()
    peer.send(clientFrame(0x1, [], isFinal: false))
    for _ in 0..<1024 { peer.send(clientFrame(0x0, [], isFinal: false)) }
    #expect(closeCode(peer.takeBytes()) == 1008)
    #expect(peer.events.last == "closed")
  }

  @Test("many messages in one read do not count as fragments") func manyMessages() {
    let peer = openSocket()
    peer.send((0..<3_000).flatMap { _ in clientText("") })
    #expect(peer.events.count == 3_002)
  }

  @Test("a close frame of the peer is answered") func closeByPeer() {
    let peer = openSocket()
    peer.send(clientText("last") + clientFrame(0x8, [0x03, 0xE8]) + clientText("late"))
    #expect(closeCode(peer.takeBytes()) == 1000)
    #expect(peer.connection.isWriteEndDue)
    #expect(peer.events.suffix(2) == ["text last", "closed"])
  }

  @Test("after a close frame, the connection waits for the peer's") func close() {
    let peer = openSocket()
    peer.connection.closeSocket(code: 1001, reason: String(repeating: "é", count: 100), now: peer.now)
    peer.connection.send(EncodedFrame(text: "late"), now: peer.now)
    let bytes = peer.takeBytes()
    #expect(closeCode(bytes) == 1001)
    #expect(bytes.count == 2 + 2 + 122)
    peer.send(clientText("ignored"))
    #expect(!peer.connection.isWriteEndDue)
    peer.send(clientFrame(0x8, [0x03, 0xE9]))
    #expect(peer.connection.isWriteEndDue)
    #expect(peer.events.last == "closed")
    #expect(peer.takeBytes().isEmpty)
  }

  @Test("waiting for the peer's close frame ends with a timeout") func closeTimeout() {
    let peer = openSocket()
    peer.connection.closeSocket(code: 1000, reason: "", now: peer.now)
    _ = peer.takeBytes()
    peer.wait(milliseconds: 10_000)
    #expect(peer.connection.isClosed)
    #expect(peer.events.last == "closed")
  }

  @Test("a silent peer is pinged and then disconnected") func ping() {
    let peer = openSocket()
    peer.wait(milliseconds: 30_000)
    #expect(peer.takeBytes() == serverFrame(0x9, []))
    peer.send(clientFrame(0xA, []))
    peer.wait(milliseconds: 30_000)
    #expect(peer.takeBytes() == serverFrame(0x9, []))
    peer.wait(milliseconds: 30_000)
    #expect(peer.connection.isClosed)
    #expect(peer.events.last == "closed")
  }

  @Test("a slow reader is disconnected at a frame boundary") func slowReader() {
    let peer = openSocket { $0.limits.queuedBytes = 1_000 }
    let frame = EncodedFrame(binary: [UInt8](repeating: 7, count: 98))
    peer.connection.send(frame, now: peer.now)
    peer.connection.wrote(50, now: peer.now)
    for _ in 0..<20 { peer.connection.send(frame, now: peer.now) }
    let bytes = peer.takeBytes()
    #expect(bytes.prefix(50) == [UInt8](repeating: 7, count: 50)[...])
    #expect(closeCode(Array(bytes.dropFirst(50))) == 1013)
  }

  @Test("shared frames are written in order") func sharedFrames() {
    let peer = openSocket()
    let frames = ["a", "b", String(repeating: "c", count: 5_000), "d"].map(EncodedFrame.init(text:))
    for frame in frames { peer.connection.send(frame, now: peer.now) }
    #expect(peer.takeBytes() == frames.flatMap(\.bytes))
  }

  @Test("a lost connection is reported once") func lostPeer() {
    let peer = openSocket()
    peer.end()
    peer.connection.abort()
    peer.wait(milliseconds: 60_000)
    #expect(peer.events == ["GET /live", "opened", "closed"])
  }
}
