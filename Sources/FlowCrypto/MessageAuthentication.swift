internal import CSignature

/// Whether `signature` is the HMAC with SHA-256 of `message` (RFC 2104), in a time that does not hang on where they
/// differ.
public func isHMAC(_ signature: [UInt8], of message: [UInt8], secret: [UInt8]) -> Bool {
  csignature_verify_hmac(secret, secret.count, message, message.count, signature, signature.count) == 1
}
