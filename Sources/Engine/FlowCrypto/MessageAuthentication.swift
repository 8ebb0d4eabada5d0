internal import CSignature

/// The length of an HMAC with SHA-256, in bytes.
public let hmacLength = Int(CSIGNATURE_DIGEST_LENGTH)

/// The HMAC with SHA-256 of `message` (RFC 2104). Linear in the length of the message.
public func hmac(of message: [UInt8], secret: [UInt8]) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: hmacLength) { buffer, count in
    let isMade = csignature_hmac(secret, secret.count, message, message.count, buffer.baseAddress) == 1
    precondition(isMade, "libcrypto has HMAC with SHA-256")
    count = hmacLength
  }
}

/// Returns true if `signature` is the HMAC with SHA-256 of `message` (RFC 2104). The time does not depend on where they
/// differ.
public func isHMAC(_ signature: [UInt8], of message: [UInt8], secret: [UInt8]) -> Bool {
  csignature_verify_hmac(secret, secret.count, message, message.count, signature, signature.count) == 1
}

/// Returns true if two byte strings are equal. The time depends on their lengths only.
public func isEqualInConstantTime(_ one: [UInt8], _ other: [UInt8]) -> Bool {
  one.count == other.count && csignature_is_equal(one, other, one.count) == 1
}
