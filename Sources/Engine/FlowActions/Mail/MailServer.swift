/// Where mail goes, and as whom.
public struct MailServer: Sendable {
  /// `smtp://host:port` or `smtps://host:port`.
  public var url: String
  public var user: String?
  public var password: String?
  /// A file of the authorities whose certificates are believed, as PEM; nil for those of the system.
  public var authorities: String?

  /// - Parameter url: May hold a user and a password, as one from the environment does.
  /// - Returns: Nil when it is no URL of a mail server.
  public init?(url: String, user: String? = nil, password: String? = nil) {
    guard let parts = ServerURL(url, schemes: ["smtp", "smtps"]) else { return nil }
    self.url = "\(parts.scheme)://\(parts.host):\(parts.port)"
    self.user = parts.user ?? user
    self.password = parts.password ?? password
  }

  /// True if it is on this machine, so that nobody is in between.
  var isLocal: Bool {
    guard let host = ServerURL(url, schemes: ["smtp", "smtps"])?.plainHost else { return false }
    return host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }
}
