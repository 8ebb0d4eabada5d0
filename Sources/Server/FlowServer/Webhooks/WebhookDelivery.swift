import CEL
import FlowCrypto
import FlowHTTP
import FlowIR
import FlowJSON

/// A request of another system that has proved to come from whoever shares the secret.
struct WebhookDelivery {
  /// How far the clocks of both sides may be apart, in seconds; what is older may be somebody's copy.
  static let patienceSeconds: Int64 = 300
  /// Where a delivery may say its name, which stays the same when it is sent again.
  static let identifiers = ["webhook-id", "X-GitHub-Delivery", "Idempotency-Key"]
  static let timestamp = "webhook-timestamp"

  /// The name of the delivery.
  let identifier: String?

  /// Verifies the bytes of the body as they came, before anybody reads them.
  /// - Parameter now: Milliseconds since 1970.
  /// - Throws: A 401 problem.
  init(_ request: HTTPRequest, _ webhook: Webhook, secret: String, now: Int64) throws(Problem) {
    identifier = WebhookDelivery.identifiers.lazy.compactMap { request.headers[$0] }.first
    if let identifier, identifier.isEmpty || identifier.utf8.count > IncomingEvent.maximumKeyBytes {
      throw .badRequest("the name of a delivery has 1 to \(IncomingEvent.maximumKeyBytes) bytes")
    }
    let signatures = request.headers.values(of: webhook.header).flatMap { $0.split(separator: " ") }
    guard !signatures.isEmpty else { throw .unverified("there is no signature in `\(webhook.header)`") }
    let isGenuine = signatures.contains { WebhookDelivery.isGenuine($0, request, secret) }
    guard isGenuine else { throw .unverified("the signature in `\(webhook.header)` is not that of the body") }
    try WebhookDelivery.checkTime(request, now)
  }

  /// `v1,` and Base64 covers the name, the time and the body (Standard Webhooks); hexadecimal digits, with or without
  /// `sha256=` before them, cover the body.
  private static func isGenuine(_ signature: Substring, _ request: HTTPRequest, _ secret: String) -> Bool {
    if signature.hasPrefix("v1,") {
      guard let name = request.headers["webhook-id"], let time = request.headers[timestamp],
        let bytes = base64(String(signature.dropFirst(3)))
      else { return false }
      return isHMAC(bytes, of: Array("\(name).\(time).".utf8) + request.body, secret: key(secret))
    }
    let digits = signature.hasPrefix("sha256=") ? signature.dropFirst(7) : signature
    guard let bytes = hexadecimal(digits) else { return false }
    return isHMAC(bytes, of: request.body, secret: Array(secret.utf8))
  }

  private static func checkTime(_ request: HTTPRequest, _ now: Int64) throws(Problem) {
    guard let text = request.headers[timestamp] else { return }
    guard let seconds = Int64(text), seconds.magnitude < 1 << 40 else {
      throw .unverified("`\(timestamp)` has to be a number of seconds since 1970")
    }
    guard (now / 1000 - seconds).magnitude <= patienceSeconds else {
      throw .unverified("the delivery is of another time, by more than \(patienceSeconds) seconds")
    }
  }

  /// `whsec_` and Base64, or any other text, which is then the key as it is.
  private static func key(_ secret: String) -> [UInt8] {
    if secret.hasPrefix("whsec_"), let bytes = base64(String(secret.dropFirst(6))) { return bytes }
    return Array(secret.utf8)
  }

  private static func base64(_ text: String) -> [UInt8]? {
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

extension Problem {
  static func unverified(_ detail: String) -> Problem {
    Problem(status: 401, code: "webhook-unverified", title: "Not verified", detail: detail)
  }
}
