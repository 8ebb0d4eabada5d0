import FlowGenerator
import Testing

@testable import FlowHTTP

/// For any input, a connection sends well-formed output only, and ends when its peer does.
@Suite("Mutated input") struct MutationTests {
  private static let requests = [
    "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
  ]

  private func mutate(_ bytes: inout [UInt8], with generator: inout SplitMix64) {
    for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
      let offset = Int.random(in: bytes.indices, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes[offset] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes.remove(at: offset)
      case 2: bytes.insert(bytes[offset], at: offset)
      default: bytes.removeSubrange(offset..<min(bytes.count, offset + 5))
      }
    }
  }

  @Test("mutated requests give the same result in any pieces and never crash", arguments: 0..<8)
  func mutatedRequests(block: Int) {
    for seed in 0..<250 {
      var generator = SplitMix64(state: UInt64(block * 1_000 + seed))
      var bytes =
        (Self.requests.shuffled(using: &generator) + [HostileRequest.all.randomElement(using: &generator)?.bytes ?? ""])
        .flatMap { Array($0.utf8) }
      mutate(&bytes, with: &generator)
      let whole = outcome(of: bytes, size: .max)
      let pieces = outcome(of: bytes, size: Int.random(in: 1...40, using: &generator))
      #expect(whole.requests == pieces.requests, "seed \(block * 1_000 + seed)")
      #expect(whole.text.isEmpty || whole.text.hasPrefix("HTTP/1.1 "))
    }
  }

  private func outcome(of bytes: [UInt8], size: Int) -> (requests: [String], text: String) {
    let peer = Transcript()
    peer.send(bytes, inPiecesOf: size)
    for _ in 0..<10 { peer.answer(200, "fine") }
    peer.end()
    let text = peer.drain()
    #expect(peer.connection.isClosed)
    return (peer.events, text)
  }

  @Test("mutated frames never crash, and the connection closes with its peer", arguments: 0..<8)
  func mutatedFrames(block: Int) {
    for seed in 0..<250 {
      var generator = SplitMix64(state: UInt64(block * 1_000 + seed))
      var bytes = clientText("one") + clientFrame(0x1, [65], isFinal: false) + clientFrame(0x9, [1])
      bytes +=
        clientFrame(0x0, [66]) + clientFrame(0x2, [UInt8](repeating: 7, count: 300)) + clientFrame(0x8, [3, 232])
      mutate(&bytes, with: &generator)
      let peer = Transcript()
      peer.send(upgradeRequest)
      peer.connection.upgrade(subprotocol: nil, now: peer.now)
      _ = peer.drain()
      peer.send(bytes, inPiecesOf: Int.random(in: 1...40, using: &generator))
      _ = peer.takeBytes()
      peer.end()
      #expect(peer.connection.isClosed)
      #expect(peer.events.filter { $0 == "closed" }.count == 1, "seed \(block * 1_000 + seed)")
    }
  }
}
