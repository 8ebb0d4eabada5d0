internal import Synchronization

/// A WebSocket message in the encoding of a server: unmasked, so that the same bytes serve every peer.
public struct EncodedFrame: Sendable {
  /// The minimum size of a compressed payload, in bytes.
  static let deflatedFrom = 256

  /// Header and payload.
  let bytes: [UInt8]
  /// The compressed forms, for peers that have agreed on compression; nil for frames that are never compressed.
  private let forms: CompressedForms?

  static let ping = EncodedFrame(opcode: 0x9, payload: EmptyCollection())

  /// Encodes a text message once for any number of sockets.
  public init(text: String) {
    self.init(opcode: 0x1, payload: text.utf8)
  }

  /// Encodes a binary message once for any number of sockets.
  public init(binary: [UInt8]) {
    self.init(opcode: 0x2, payload: binary)
  }

  /// Bytes that are already encoded as frames.
  init(raw bytes: [UInt8]) {
    self.bytes = bytes
    forms = nil
  }

  private init(opcode: UInt8, payload: some Collection<UInt8>) {
    let bytes = EncodedFrame.encode(first: 0x80 | opcode, payload)
    self.bytes = bytes
    let isCompressible = payload.count >= EncodedFrame.deflatedFrom
    forms = isCompressible ? CompressedForms(header: bytes.count - payload.count) : nil
  }

  /// The message compressed with this window (RFC 7692); unchanged when that is shorter.
  func deflated(windowBits: Int, by codec: MessageCodec) -> EncodedFrame {
    guard let bytes = forms?.form(of: bytes, windowBits: windowBits, by: codec) else { return self }
    return EncodedFrame(raw: bytes)
  }

  fileprivate static func encode(first: UInt8, _ payload: some Collection<UInt8>) -> [UInt8] {
    let count = payload.count
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 10)
    bytes.append(first)
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
    return bytes
  }
}

/// The compressed forms of a message: each is created once, by the first loop that needs it, and serves every peer.
private final class CompressedForms: Sendable {
  private let header: Int
  /// By window; nil when compression would not shorten it.
  private let made = Mutex<[Int: [UInt8]?]>([:])

  init(header: Int) { self.header = header }

  func form(of bytes: [UInt8], windowBits: Int, by codec: MessageCodec) -> [UInt8]? {
    made.withLock { made in
      if let form = made[windowBits] { return form }
      let payload = codec.deflated(bytes[header...], windowBits: windowBits)
      let form = payload.map { EncodedFrame.encode(first: bytes[0] | FrameReader.compressedBit << 4, $0) }
      made[windowBits] = .some(form)
      return form
    }
  }
}
