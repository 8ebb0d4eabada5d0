import FlowHTTP

/// Cross-origin requests of the pages that `--origin` names (Fetch, 3.2). They authenticate with `Authorization`: the
/// session of the dashboard is for pages of the server itself, so credentials are not allowed.
enum CrossOrigin {
  private static let methods = "GET, HEAD, POST, PUT, DELETE"
  private static let requestFields = [
    "Accept", "Authorization", "Content-Type", "Flow-Caller", "Flow-Roles", "Idempotency-Key", "If-Match",
    "If-None-Match", "Last-Event-ID", "Prefer", "Traceparent", "X-Request-Id",
  ].joined(separator: ", ")
  private static let responseFields = [
    "ETag", "Location", "Retry-After", "Idempotent-Replay", "WWW-Authenticate", "X-Request-Id",
  ].joined(separator: ", ")
  /// The time for which browsers cache the response to a preflight, in seconds.
  private static let maximumAge = 600

  /// The response to a preflight request; nil for any other request.
  static func preflight(_ request: HTTPRequest, _ hosts: HostPolicy) -> HTTPResponse? {
    guard request.method == "OPTIONS", request.headers["Access-Control-Request-Method"] != nil,
      hosts.addedOrigin(request) != nil
    else { return nil }
    return HTTPResponse(
      status: 204,
      headers: [
        ("Access-Control-Allow-Methods", methods), ("Access-Control-Allow-Headers", requestFields),
        ("Access-Control-Max-Age", String(maximumAge)),
      ])
  }

  /// The header fields that permit a page to read a response.
  /// - Parameter origin: The origin of the page, if it may read the response.
  static func fields(origin: String?) -> [(String, String)] {
    guard let origin else { return [("Vary", "Origin")] }
    return [
      ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", responseFields),
    ]
  }
}
