import CEL
import FlowCrypto
import FlowHTTP
import FlowIR
import FlowJSON

/// The headers of a webhook delivery, checked before its body is read.
struct WebhookHead {
  /// The maximum difference between the clocks of both sides, in seconds; older deliveries may be replays.
  static let maximumSkewSeconds: Int64 = 300
  /// The headers that may identify the delivery, which is the same for each retry.
  static let identifiers = ["webhook-id", "X-GitHub-Delivery", "Idempotency-Key"]
  static let timestamp = "webhook-timestamp"
  /// The maximum number of signatures, because a sender that rotates its secret sends several.
  static let maximumSignatures = 5

  /// The identifier of the delivery.
  let identifier: String?
  /// HMACs of the body alone.
  fileprivate var plain: [[UInt8]] = []
  /// HMACs of the identifier, the timestamp and the body (Standard Webhooks).
  fileprivate var standard: [[UInt8]] = []
  /// The bytes before the body that the standard signatures cover.
  fileprivate let prefix: [UInt8]

  /// - Parameter now: Milliseconds since 1970.
  /// - Throws: 400 and 401.
  init(_ request: HTTPRequest, _ webhook: Webhook, now: Int64) throws(Problem) {
    for name in WebhookHead.identifiers + [WebhookHead.timestamp] where request.headers.values(of: name).count > 1 {
      throw .badRequest("the header `\(name)` is given more than once")
    }
    identifier = WebhookHead.identifiers.lazy.compactMap { request.headers[$0] }.first
    if let identifier, identifier.isEmpty || identifier.utf8.count > IncomingEvent.maximumKeyBytes {
      throw .badRequest("the name of a delivery has 1 to \(IncomingEvent.maximumKeyBytes) bytes")
    }
    prefix = Array("\(request.headers["webhook-id"] ?? "").\(request.headers[WebhookHead.timestamp] ?? "").".utf8)
    try readSignatures(request, webhook)
    try WebhookHead.checkTime(request, now)
  }

  /// Signatures that can't be an HMAC with SHA-256 are dropped here, so that each kind costs one HMAC.
  private mutating func readSignatures(_ request: HTTPRequest, _ webhook: Webhook) throws(Problem) {
    let given = request.headers.values(of: webhook.header)
    guard !given.isEmpty else { throw .unverified("there is no signature in `\(webhook.header)`") }
    let tokens = given.flatMap { $0.split(separator: " ", maxSplits: WebhookHead.maximumSignatures) }
    guard tokens.count <= WebhookHead.maximumSignatures else {
      throw .unverified("there are more than \(WebhookHead.maximumSignatures) signatures in `\(webhook.header)`")
    }
    let hasName = request.headers["webhook-id"] != nil && request.headers[WebhookHead.timestamp] != nil
    for token in tokens {
      if token.hasPrefix("v1,") {
        guard hasName, token.utf8.count <= 64, let bytes = WebhookHead.base64(String(token.dropFirst(3))) else {
          continue
        }
        if bytes.count == hmacLength { standard.append(bytes) }
      } else {
        let digits = token.hasPrefix("sha256=") ? token.dropFirst(7) : token
        if digits.utf8.count == 2 * hmacLength, let bytes = WebhookHead.hexadecimal(digits) { plain.append(bytes) }
      }
    }
    guard !plain.isEmpty || !standard.isEmpty else {
      throw .unverified("the signature in `\(webhook.header)` is not an HMAC with SHA-256")
    }
  }

  private static func checkTime(_ request: HTTPRequest, _ now: Int64) throws(Problem) {
    guard let text = request.headers[timestamp] else { return }
    guard let seconds = Int64(text), seconds.magnitude < 1 << 40 else {
      throw .unverified("`\(timestamp)` must be a number of seconds since 1970")
    }
    guard (now / 1000 - seconds).magnitude <= maximumSkewSeconds else {
      throw .unverified("`\(timestamp)` differs from the server's clock by more than \(maximumSkewSeconds) seconds")
    }
  }

  fileprivate static func base64(_ text: String) -> [UInt8]? {
    guard case .success(.bytes(let bytes)) = Value.from(.string(text), as: .bytes, in: TypeRegistry()) else {
      return nil
    }
    return bytes
  }

  private static func hexadecimal(_ digits: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits.utf8 {
      guard let value = RouteRequest.hexadecimal(digit) else { return nil }
      if let first = high { bytes.append(first << 4 | value) }
      high = high == nil ? value : nil
    }
    return high == nil ? bytes : nil
  }
}

/// A request of another system with a valid signature.
struct WebhookDelivery {
  /// The identifier of the delivery.
  let identifier: String?

  /// Verifies the received bytes of the body, before they are parsed: with one HMAC for each kind of signature, for any
  /// number of signatures.
  /// - Parameter now: Milliseconds since 1970.
  /// - Throws: 400 and 401.
  init(_ request: HTTPRequest, _ webhook: Webhook, secret: String, now: Int64) throws(Problem) {
    let head = try WebhookHead(request, webhook, now: now)
    identifier = head.identifier
    let isGenuine =
      WebhookDelivery.contains(head.plain, hmacOf: request.body, secret: Array(secret.utf8))
      || WebhookDelivery.contains(
        head.standard, hmacOf: head.prefix + request.body, secret: WebhookDelivery.key(secret))
    guard isGenuine else { throw .unverified("the signature in `\(webhook.header)` is not that of the body") }
  }

  private static func contains(_ signatures: [[UInt8]], hmacOf body: [UInt8], secret: [UInt8]) -> Bool {
    guard !signatures.isEmpty else { return false }
    let expected = hmac(of: body, secret: secret)
    return signatures.contains { isEqualInConstantTime($0, expected) }
  }

  /// `whsec_` and Base64, or any other text, which is the key itself.
  private static func key(_ secret: String) -> [UInt8] {
    if secret.hasPrefix("whsec_"), let bytes = WebhookHead.base64(String(secret.dropFirst(6))) { return bytes }
    return Array(secret.utf8)
  }
}

extension Problem {
  static func unverified(_ detail: String) -> Problem { Problem(.webhookUnverified, detail) }
}
