import FlowGenerator
import Testing

@testable import FlowHTTP

/// A WebSocket peer sends random bytes in random pieces, while the server sends, closes and loses the connection.
@Suite("Hostile WebSocket peers") struct HostileSocketTests {
  @Test(
    "with a random peer, all sent frames are valid",
    arguments: [false, true])
  func randomPeers(isCompressed: Bool) {
    for seed in 1...300 {
      var peer = RandomPeer(seed: UInt64(seed), isCompressed: isCompressed)
      let problem = peer.run()
      #expect(problem == nil, "seed \(seed)")
      if problem != nil { return }
    }
  }
}

/// A random exchange of messages, determined by a seed.
private struct RandomPeer {
  private let peer: Transcript
  private var random: SplitMix64
  private let isCompressed: Bool
  private var output: [UInt8] = []
  private let codec = MessageCodec()

  init(seed: UInt64, isCompressed: Bool) {
    random = SplitMix64(state: seed)
    self.isCompressed = isCompressed
    peer = Transcript { configuration in
      configuration.limits.messageBytes = 20_000
      configuration.limits.messageFrames = 20
      configuration.limits.queuedBytes = 50_000
    }
    let offer = isCompressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""
    peer.send(upgradeRequest.dropLast() + offer + "\r\n")
    peer.connection.upgrade(subprotocol: nil, now: peer.now)
    _ = peer.drain()
  }

  /// - Returns: A violation by the server; nil if there is none.
  mutating func run() -> String? {
    for _ in 0..<Int.random(in: 1...25, using: &random) { act() }
    peer.end()
    output += peer.takeBytes()
    peer.connection.abort()
    peer.wait(milliseconds: 1)
    let closings = peer.events.filter { $0 == "closed" }.count
    if closings != 1 || peer.events.last != "closed" { return "\(closings) ends: \(peer.events.suffix(3))" }
    if peer.events.contains(where: { $0.utf8.count > 150_000 }) { return "a message is longer than it may be" }
    return problem(in: output)
  }

  private mutating func act() {
    switch Int.random(in: 0..<12, using: &random) {
    case 0: peer.connection.send(EncodedFrame(binary: payload()), now: peer.now)
    case 1: peer.connection.closeSocket(code: Int.random(in: 0...5_000, using: &random), reason: "é", now: peer.now)
    case 2: peer.wait(milliseconds: Int.random(in: 0...31_000, using: &random))
    case 3: output += peer.takeBytes()
    case 4: takeSome()
    default: peer.send(frames(), inPiecesOf: Int.random(in: 1...400, using: &random))
    }
  }

  /// The socket accepts a part of the output.
  private mutating func takeSome() {
    let part = [UInt8](unsafeUninitializedCapacity: Int.random(in: 1...200, using: &random)) {
      $1 = peer.connection.output.gather(into: $0)
    }
    guard !part.isEmpty else { return }
    output += part
    peer.connection.wrote(part.count, now: peer.now)
  }

  /// Frames that are usually valid, with single bytes changed.
  private mutating func frames() -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let isOdd = Int.random(in: 0..<6, using: &random) == 0
      let opcode =
        isOdd ? UInt8.random(in: 0...15, using: &random) : [0, 1, 2, 8, 9, 10].randomElement(using: &random) ?? 1
      var payload = payload()
      if opcode >= 8, !isOdd { payload = Array(payload.prefix(125)) }
      if opcode == 8, !isOdd { payload = [3, 0xE8] }
      let isShort = isCompressed && Bool.random(using: &random) && (1...2).contains(opcode)
      if isShort { payload = codec.deflated(payload[...], windowBits: 15) ?? [0] }
      bytes += clientFrame(
        opcode, payload, isFinal: Int.random(in: 0..<4, using: &random) > 0 || (opcode >= 8 && !isOdd),
        isMasked: Int.random(in: 0..<40, using: &random) > 0, rsv: isShort ? 4 : isOdd ? 1 : 0)
    }
    if Int.random(in: 0..<4, using: &random) == 0, let index = bytes.indices.randomElement(using: &random) {
      bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
    }
    return bytes
  }

  private mutating func payload() -> [UInt8] {
    let count = [0, 1, 100, 130, 300, 3_000, 25_000].randomElement(using: &random) ?? 0
    let byte = UInt8.random(in: 97...200, using: &random)
    return [UInt8](repeating: byte, count: count)
  }

  /// Checks that the server sent complete and valid frames, and nothing after a close frame.
  private func problem(in bytes: [UInt8]) -> String? {
    var rest = bytes[...]
    var hasClosed = false
    while let first = rest.popFirst() {
      if hasClosed { return "something comes behind the close frame" }
      guard let length = rest.popFirst() else { return "a frame ends within its head" }
      var count = length < 126 ? Int(length) : 0
      for _ in 0..<(length < 126 ? 0 : length == 126 ? 2 : 8) { count = count << 8 | Int(rest.popFirst() ?? 0) }
      let allowed: Set<UInt8> = isCompressed ? [0x82, 0xC2, 0x88, 0x89, 0x8A] : [0x82, 0x88, 0x89, 0x8A]
      guard allowed.contains(first) else { return "a frame begins with \(first)" }
      if first >= 0x88, first < 0xC0, count > 125 { return "a control frame of \(count) bytes" }
      if rest.count < count { return "a frame ends within its payload" }
      if first == 0x88, count == 1 { return "a close frame with half a code" }
      hasClosed = first == 0x88
      rest = rest.dropFirst(count)
    }
    return nil
  }
}
