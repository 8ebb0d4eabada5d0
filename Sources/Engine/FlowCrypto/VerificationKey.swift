internal import CSignature

/// A key that signatures are held against, for one algorithm only.
public final class VerificationKey: Sendable {
  private enum Kind: Sendable {
    case hmac([UInt8])
    case rsa
    case p256
  }

  private let kind: Kind
  // Unsafe because of the pointer: a key is only read once it is made.
  private nonisolated(unsafe) let pointer: OpaquePointer?

  /// The fewest bytes of a shared secret (RFC 7518, 3.2).
  public static let minimumSecret = 32

  /// HS256: HMAC with SHA-256; nil when the secret is too short.
  public init?(secret: [UInt8]) {
    guard secret.count >= VerificationKey.minimumSecret else { return nil }
    kind = .hmac(secret)
    pointer = nil
  }

  /// RS256: RSASSA-PKCS1-v1_5 with SHA-256; nil when it is no key of 2048 bits or more.
  public init?(modulus: [UInt8], exponent: [UInt8]) {
    guard let key = csignature_rsa(modulus, modulus.count, exponent, exponent.count) else { return nil }
    kind = .rsa
    pointer = key
  }

  /// ES256: ECDSA on P-256 with SHA-256; nil when the point is not on the curve.
  public init?(x: [UInt8], y: [UInt8]) {
    guard x.count == 32, y.count == 32, let key = csignature_p256(x, y) else { return nil }
    kind = .p256
    pointer = key
  }

  deinit { csignature_key_free(pointer) }

  /// Returns true if `signature` is a valid signature of `message`.
  public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    switch kind {
    case .hmac(let secret):
      csignature_verify_hmac(secret, secret.count, message, message.count, signature, signature.count) == 1
    case .rsa: csignature_verify_rsa(pointer, message, message.count, signature, signature.count) == 1
    case .p256:
      signature.count == 64 && csignature_verify_p256(pointer, message, message.count, signature) == 1
    }
  }
}
