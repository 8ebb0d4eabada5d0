import CCurl
import FlowIR

/// The parts of a server URL as parsed by libcurl, so that checks and connections use the same interpretation.
struct ServerURL {
  var scheme: String
  var host: String
  /// The port of the URL, or the default port of the scheme.
  var port: String
  var user: String?
  var password: String?
  /// The path after the host, without the first slash.
  var path: String

  private static let ports = [
    "http": "80", "https": "443",
    "smtp": "25", "smtps": "465", "amqp": "5672", "amqps": "5671", "redis": "6379", "rediss": "6379",
    "postgres": "5432", "postgresql": "5432",
  ]

  /// - Returns: Nil when the URL is malformed or has another scheme.
  init?(_ url: String, schemes: Set<String>) {
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    // libcurl supports only some of the schemes, but parses all.
    guard curl_url_set(handle, CURLUPART_URL, url, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK,
      let scheme = ServerURL.part(CURLUPART_SCHEME, flags: 0, handle: handle), schemes.contains(scheme),
      let host = ServerURL.part(CURLUPART_HOST, flags: 0, handle: handle), !host.isEmpty
    else { return nil }
    let decode = UInt32(CURLU_URLDECODE)
    self.scheme = scheme
    self.host = host
    port = ServerURL.part(CURLUPART_PORT, flags: 0, handle: handle) ?? ServerURL.ports[scheme] ?? "0"
    user = ServerURL.part(CURLUPART_USER, flags: decode, handle: handle)
    password = ServerURL.part(CURLUPART_PASSWORD, flags: decode, handle: handle)
    path = String((ServerURL.part(CURLUPART_PATH, flags: decode, handle: handle) ?? "/").dropFirst())
  }

  private static func part(_ part: CURLUPart, flags: UInt32, handle: OpaquePointer) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, part, &text, flags) == CURLUE_OK, let text else { return nil }
    defer { curl_free(text) }
    return String(cString: text)
  }

  /// The schemes of the servers of a binding, the usual one first.
  static func schemes(of kind: Binding.Kind) -> [String] {
    switch kind {
    case .publish: ["amqp", "amqps"]
    case .redis: ["redis"]
    case .sql: ["postgres", "postgresql"]
    case .email: ["smtp", "smtps"]
    case .exec: []
    }
  }

  /// The host without the brackets of an IPv6 address.
  var plainHost: String { host.filter { $0 != "[" && $0 != "]" } }
}
