import FlowCrypto
import Testing

@Suite("SHA-256 digests and random bytes") struct DigestTests {
  /// From FIPS 180-2, appendix B.
  @Test("a digest equals the example of FIPS 180-2") func exampleOfStandard() {
    let digest = Digest(of: "abc".utf8)
    #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(hexadecimal: digest.hexadecimal.uppercased()) == digest)
    #expect(Digest(of: "abd".utf8) != digest)
  }

  @Test(
    "text that is not a digest is rejected",
    arguments: ["", "ba", String(repeating: "g", count: 64), String(repeating: "é", count: 32)])
  func invalidDigest(_ text: String) { #expect(Digest(hexadecimal: text) == nil) }

  @Test("random bytes differ") func randomBytesAreDifferent() throws {
    let one = try #require(randomBytes(32))
    #expect(one.count == 32 && one != randomBytes(32))
  }
}

@Suite("Verification keys") struct VerificationKeyTests {
  /// From RFC 4231, 4.3, with a longer key made of its first.
  @Test("an HMAC verifies its message only") func hmac() throws {
    let key = try #require(VerificationKey(secret: [UInt8](repeating: 0xAA, count: 131)))
    let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
    let signature: [UInt8] = [
      0x60, 0xE4, 0x31, 0x59, 0x1E, 0xE0, 0xB6, 0x7F, 0x0D, 0x8A, 0x26, 0xAA, 0xCB, 0xF5, 0xB7, 0x7F, 0x8E, 0x0B,
      0xC6, 0x21, 0x37, 0x28, 0xC5, 0x14, 0x05, 0x46, 0x04, 0x0F, 0x0E, 0xE3, 0x7F, 0x54,
    ]
    #expect(key.verifies(signature, of: message))
    #expect(!key.verifies(signature, of: message + [0]))
    #expect(!key.verifies(Array(signature.dropLast()), of: message))
    #expect(!key.verifies([], of: message))
  }

  @Test("weak and malformed keys are rejected") func weakKeys() {
    #expect(VerificationKey(secret: [UInt8](repeating: 1, count: 31)) == nil)
    #expect(VerificationKey(modulus: [UInt8](repeating: 0xFF, count: 128), exponent: [1, 0, 1]) == nil)
    #expect(VerificationKey(modulus: [], exponent: []) == nil)
    #expect(VerificationKey(x: [UInt8](repeating: 1, count: 32), y: [UInt8](repeating: 1, count: 32)) == nil)
    #expect(VerificationKey(x: [], y: []) == nil)
  }
}
