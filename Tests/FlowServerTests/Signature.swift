import FlowCrypto
import Foundation

/// Signs deliveries with HMAC by its definition (RFC 2104, 2), based on SHA-256 only.
enum Signature {
  static func hexadecimal(_ body: String, _ secret: String = System.secret) -> String {
    bytes(Array(body.utf8), Array(secret.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The headers of Standard Webhooks.
  static func standard(
    _ body: String, id: String, at seconds: Int, key: [UInt8], header: String
  ) -> [String: String] {
    let signature = bytes(Array("\(id).\(seconds).\(body)".utf8), key)
    return [
      "webhook-id": id, "webhook-timestamp": "\(seconds)", header: "v1," + Data(signature).base64EncodedString(),
    ]
  }

  private static func bytes(_ message: [UInt8], _ secret: [UInt8]) -> [UInt8] {
    let key = (secret.count > 64 ? sha256(secret) : secret) + Array(repeating: 0, count: 64)
    let block = key.prefix(64)
    return sha256(block.map { $0 ^ 0x5C } + sha256(block.map { $0 ^ 0x36 } + message))
  }

  private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array(Digest(of: bytes).hexadecimal)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
  }
}
