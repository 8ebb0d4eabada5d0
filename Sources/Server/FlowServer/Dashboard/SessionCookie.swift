import FlowHTTP

/// The cookie with the key of a browser: scripts cannot read it, and pages of other sites do not send it.
enum SessionCookie {
  static let name = "flow_session"
  private static let maximumBytes = 4_096

  /// Returns true if a key can be the value of a cookie (RFC 6265, 4.1.1).
  static func isValid(_ key: String) -> Bool {
    (1...maximumBytes).contains(key.utf8.count)
      && key.utf8.allSatisfy { 0x21...0x7E ~= $0 && !#"",;\"#.utf8.contains($0) }
  }

  /// The header field that sets the cookie for the browser session; an empty key removes it.
  static func header(_ key: String, isSecure: Bool) -> String {
    "\(name)=\(key); Path=/; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
      + (key.isEmpty ? "; Max-Age=0" : "")
  }

  /// The key sent by a browser; nil without a session.
  static func key(_ request: HTTPRequest) -> String? {
    for field in request.headers.values(of: "Cookie") {
      for pair in field.split(separator: ";") {
        let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
        if parts.count == 2, parts[0] == name { return String(parts[1]) }
      }
    }
    return nil
  }
}
