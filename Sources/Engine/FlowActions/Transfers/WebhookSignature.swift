import FlowCrypto
import Foundation

/// The headers of Standard Webhooks, by which a receiver verifies the sender and the content.
struct WebhookSignature {
  var identifier: String
  /// Seconds since 1970.
  var timestamp: Int64
  var signature: String

  /// - Parameter secret: `whsec_` and Base64, or any other text, which is then the key as it is.
  init(key: String, timestamp: Int64, body: [UInt8], secret: String) {
    identifier = "msg_" + jobName(of: key)
    self.timestamp = timestamp
    signature = WebhookSignature.sign(identifier: identifier, timestamp: timestamp, body: body, secret: secret)
  }

  static func sign(identifier: String, timestamp: Int64, body: [UInt8], secret: String) -> String {
    let signed = Array("\(identifier).\(timestamp).".utf8) + body
    return "v1," + Data(hmac(of: signed, secret: bytes(of: secret))).base64EncodedString()
  }

  var headers: [String] {
    ["webhook-id: \(identifier)", "webhook-timestamp: \(timestamp)", "webhook-signature: \(signature)"]
  }

  static let names: Set<String> = ["webhook-id", "webhook-timestamp", "webhook-signature"]

  private static func bytes(of secret: String) -> [UInt8] {
    if secret.hasPrefix("whsec_"), let data = Data(base64Encoded: String(secret.dropFirst(6))) { return Array(data) }
    return Array(secret.utf8)
  }
}
