internal import CZlib

/// Compresses and expands WebSocket messages (RFC 7692) for all peers of a loop, without a context between messages.
final class MessageCodec {
  /// The reason why a message cannot be expanded.
  enum Failure: Error {
    case malformed
    case tooLong
  }

  /// The window sizes that zlib supports.
  static let windowBits = 9...15

  // A compressor needs 256 KiB, too much for one per peer.
  private var deflaters: [Int: OpaquePointer] = [:]
  private var inflater: OpaquePointer?

  private static let pieceBytes = 16 * 1024

  deinit {
    for deflater in deflaters.values { czlib_deflater_free(deflater) }
    if let inflater { czlib_inflater_free(inflater) }
  }

  /// The compressed payload of a frame; nil when it is not shorter.
  func deflated(_ bytes: ArraySlice<UInt8>, windowBits: Int) -> [UInt8]? {
    guard bytes.count > 1, let deflater = deflater(windowBits) else { return nil }
    let size = bytes.count - 1
    let result = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = bytes.withUnsafeBufferPointer {
        czlib_deflate(deflater, $0.baseAddress, $0.count, buffer.baseAddress, size)
      }
    }
    return result.isEmpty ? nil : result
  }

  /// The expanded message; at most `limit` bytes.
  func inflated(_ bytes: UnsafeBufferPointer<UInt8>, limit: Int) throws(Failure) -> [UInt8] {
    if inflater == nil { inflater = czlib_inflater_new() }
    guard let inflater else { throw .tooLong }
    czlib_inflate_begin(inflater, bytes.baseAddress, bytes.count)
    var result: [UInt8] = []
    while result.count <= limit {
      let count = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: MessageCodec.pieceBytes) { piece in
        let count = czlib_inflate_more(inflater, piece.baseAddress, piece.count)
        if count > 0 { result.append(contentsOf: UnsafeBufferPointer(rebasing: piece[..<count])) }
        return count
      }
      if count < 0 { throw .malformed }
      if count == 0 { return result }
    }
    throw .tooLong
  }

  private func deflater(_ windowBits: Int) -> OpaquePointer? {
    if let made = deflaters[windowBits] { return made }
    let made = czlib_deflater_new(Int32(windowBits))
    deflaters[windowBits] = made
    return made
  }
}
