internal import CZlib

/// Compression of whole bodies.
public enum Gzip {
  /// The bytes as gzip (RFC 1952); nil when the result is not shorter.
  public static func compressed(_ bytes: [UInt8]) -> [UInt8]? {
    let size = czlib_bound(bytes.count)
    let result = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = bytes.withUnsafeBufferPointer { czlib_gzip($0.baseAddress, $0.count, buffer.baseAddress, size) }
    }
    return result.isEmpty || result.count >= bytes.count ? nil : result
  }
}
