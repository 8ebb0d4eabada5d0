/// The SMTP server for mails, with its credentials and trusted authorities.
public struct MailServer: Sendable {
  /// `smtp://host:port` or `smtps://host:port`.
  public var url: String
  public var user: String?
  public var password: String?
  /// A PEM file of trusted certificate authorities; nil for those of the system.
  public var authorities: String?

  /// - Parameter url: May contain a user and a password.
  /// - Returns: Nil when it is not a URL of a mail server.
  public init?(url: String, user: String? = nil, password: String? = nil) {
    guard let parts = ServerURL(url, schemes: ["smtp", "smtps"]) else { return nil }
    self.url = "\(parts.scheme)://\(parts.host):\(parts.port)"
    self.user = parts.user ?? user
    self.password = parts.password ?? password
  }

  /// True if the server is on this machine, so that the connection does not need encryption.
  var isLocal: Bool {
    guard let host = ServerURL(url, schemes: ["smtp", "smtps"])?.plainHost else { return false }
    return host == "localhost" || host == "::1" || host.hasPrefix("127.")
  }
}
