import CCrypto

/// Hashes and signatures, by libcrypto.
enum Digest {
  static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    SHA256(bytes, bytes.count, &out)
    return out
  }

  static func hmacSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    var count: UInt32 = 0
    HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &out, &count)
    return out
  }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
  }

  /// The name that a job goes by where its key could not stand: the same for every try.
  static func name(of key: String) -> String { hex(sha256(Array(key.utf8)).prefix(16)) }
}
