import FlowCrypto
import Testing

@Suite("Message authentication codes") struct MessageAuthenticationTests {
  /// From RFC 4231, 4.3: a secret of four bytes, as webhooks may have them.
  @Test("an HMAC verifies its message and secret only") func hmac() {
    let message = Array("what do ya want for nothing?".utf8)
    let signature: [UInt8] = [
      0x5B, 0xDC, 0xC1, 0x46, 0xBF, 0x60, 0x75, 0x4E, 0x6A, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xC7, 0x5A, 0x00,
      0x3F, 0x08, 0x9D, 0x27, 0x39, 0x83, 0x9D, 0xEC, 0x58, 0xB9, 0x64, 0xEC, 0x38, 0x43,
    ]
    let secret = Array("Jefe".utf8)
    #expect(isHMAC(signature, of: message, secret: secret))
    #expect(!isHMAC(signature, of: message + [0], secret: secret))
    #expect(!isHMAC(signature, of: message, secret: secret + [1]))
    #expect(!isHMAC(Array(signature.dropLast()), of: message, secret: secret))
    #expect(!isHMAC(signature + [0], of: message, secret: secret))
    #expect(!isHMAC([], of: message, secret: secret))
  }
}
