internal import CSignature

/// The HMAC with SHA-256 of `message` (RFC 2104).
public func hmac(of message: [UInt8], secret: [UInt8]) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: Int(CSIGNATURE_DIGEST_LENGTH)) { buffer, count in
    let isMade = csignature_hmac(secret, secret.count, message, message.count, buffer.baseAddress) == 1
    precondition(isMade, "libcrypto has HMAC with SHA-256")
    count = Int(CSIGNATURE_DIGEST_LENGTH)
  }
}

/// Whether `signature` is the HMAC with SHA-256 of `message` (RFC 2104), in a time that does not hang on where they
/// differ.
public func isHMAC(_ signature: [UInt8], of message: [UInt8], secret: [UInt8]) -> Bool {
  csignature_verify_hmac(secret, secret.count, message, message.count, signature, signature.count) == 1
}
