internal import CSignature

/// A SHA-256 digest; the time to compare two of them does not depend on their contents.
public struct Digest: Sendable, Hashable {
  private let bytes: [UInt8]

  /// The digest of `message`.
  public init(of message: some Sequence<UInt8>) {
    let message = Array(message)
    bytes = [UInt8](unsafeUninitializedCapacity: Int(CSIGNATURE_DIGEST_LENGTH)) { buffer, count in
      csignature_sha256(message, message.count, buffer.baseAddress)
      count = Int(CSIGNATURE_DIGEST_LENGTH)
    }
  }

  /// A digest as hexadecimal digits; nil when the text is not a digest.
  public init?(hexadecimal text: String) {
    guard text.utf8.count == 2 * Int(CSIGNATURE_DIGEST_LENGTH), text.allSatisfy(\.isHexDigit) else { return nil }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while !rest.isEmpty {
      guard let byte = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    self.bytes = bytes
  }

  /// The digest as 64 hexadecimal digits.
  public var hexadecimal: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Compares all bytes, also after a difference.
  public static func == (one: Digest, other: Digest) -> Bool {
    csignature_is_equal(one.bytes, other.bytes, Int(CSIGNATURE_DIGEST_LENGTH)) == 1
  }
}

/// Bytes that cannot be predicted; nil when the system provides none.
public func randomBytes(_ count: Int) -> [UInt8]? {
  var bytes = [UInt8](repeating: 0, count: count)
  return csignature_random(&bytes, count) == 1 ? bytes : nil
}
