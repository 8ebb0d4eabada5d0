/// An authenticated caller and its permissions.
struct Principal: Sendable, Equatable {
  /// The `caller.id` that flows see: the name of a key, or the subject of a token.
  var name: String
  /// The issuer of the token; nil for a key. Names of different issuers are different principals.
  var issuer: String?
  var scopes: Set<Scope>
  /// The roles of the principal, for `by`.
  var roles: [String]
  /// The flows that the principal may see; nil for all.
  var flows: Set<String>?
  /// The maximum number of requests in a second; nil for no limit.
  var rate: Int?
  /// The instant at which the credentials expire, in milliseconds since 1970; nil for never.
  var expires: Int64?

  /// The principal in limits, idempotency keys, claims and the audit log: a token never has the identity of a key.
  var identity: String { issuer.map { "token \($0) \(name)" } ?? name }

  func sees(_ flow: String) -> Bool { flows?.contains(flow) ?? true }

  func may(_ scope: Scope) -> Bool { scope == .open || scopes.contains(scope) }

  /// The caller of a server without keys, which only this machine reaches, or with `--insecure`.
  static let anyone = Principal(name: "", scopes: Set(Scope.allCases), roles: [])
}

/// The reason why credentials are not valid.
struct InvalidToken: Error, Equatable {
  var message: String
}
