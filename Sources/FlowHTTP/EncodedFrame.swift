/// A WebSocket message as a server sends it: unmasked, so the same bytes serve every peer.
public struct EncodedFrame: Sendable {
  /// Header and payload.
  let bytes: [UInt8]

  static let ping = EncodedFrame(opcode: 0x9, payload: EmptyCollection())

  /// Encodes a text message once for any number of sockets.
  public init(text: String) {
    self.init(opcode: 0x1, payload: text.utf8)
  }

  /// Encodes a binary message once for any number of sockets.
  public init(binary: [UInt8]) {
    self.init(opcode: 0x2, payload: binary)
  }

  /// Bytes that are frames already.
  init(raw bytes: [UInt8]) {
    self.bytes = bytes
  }

  private init(opcode: UInt8, payload: some Collection<UInt8>) {
    let count = payload.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 10)
    bytes.append(0x80 | opcode)
    switch count {
    case 0..<126:
      bytes.append(UInt8(count))
    case 126..<65536:
      bytes.append(126)
      for shift in [8, 0] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
    default:
      bytes.append(127)
      for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }
    bytes.append(contentsOf: payload)
    self.bytes = bytes
  }
}
