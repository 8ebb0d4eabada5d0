import FlowCrypto
import FlowJSON

/// An issuer of JSON Web Tokens: its keys, and the permissions that its tokens may carry.
struct Issuer: Sendable {
  /// A key is used with one algorithm only, regardless of the token's header (RFC 8725, 3.1).
  private struct Key: Sendable {
    var id: String?
    var algorithm: String
    var key: VerificationKey
  }

  let name: String
  private let audience: String
  private let leeway: Int64
  private let keys: [Key]
  /// The maximum permissions of the issuer's tokens.
  private let template: Principal
  private let claims: (scopes: String, roles: String, flows: String)

  init(_ table: KeyTable, jwks: [UInt8]) throws(KeyFileError) {
    try table.checkNames([
      "name", "audience", "jwks", "leeway", "scopes", "roles", "flows", "rate", "scopes-claim", "roles-claim",
      "flows-claim",
    ])
    name = try table.text("name")
    audience = try table.text("audience")
    leeway = Int64(try table.number("leeway", in: 0...300) ?? 60) * 1000
    template = try table.principal(named: name)
    claims = (
      try table.optionalText("scopes-claim") ?? "scope", try table.optionalText("roles-claim") ?? "roles",
      try table.optionalText("flows-claim") ?? "flows"
    )
    keys = try Issuer.keys(jwks, of: name)
  }

  // MARK: - Keys

  private static func keys(_ jwks: [UInt8], of issuer: String) throws(KeyFileError) -> [Key] {
    guard let json = try? JSON(parsing: jwks), let items = json["keys"]?.array, !items.isEmpty else {
      throw KeyFileError(message: "the keys of the issuer `\(issuer)` are not a JSON Web Key Set")
    }
    var keys: [Key] = []
    for item in items {
      guard let key = key(item) else {
        throw KeyFileError(
          message: "the issuer `\(issuer)` has a key that can't be used: it needs an `alg` of HS256, RS256 or ES256 "
            + "that fits its `kty`, 2048 bits for RSA, the curve P-256, and 32 bytes for a secret")
      }
      guard !keys.contains(where: { $0.id == key.id }) else {
        throw KeyFileError(message: "the issuer `\(issuer)` has two keys with one `kid`")
      }
      keys.append(key)
    }
    return keys
  }

  private static func key(_ json: JSON) -> Key? {
    if let use = json["use"]?.string, use != "sig" { return nil }
    func bytes(_ name: String) -> [UInt8] { json[name]?.string.flatMap { Base64URL.decode($0) } ?? [] }
    let algorithm = json["alg"]?.string ?? ""
    let key: VerificationKey? =
      switch (algorithm, json["kty"]?.string) {
      case ("HS256", "oct"): VerificationKey(secret: bytes("k"))
      case ("RS256", "RSA"): VerificationKey(modulus: bytes("n"), exponent: bytes("e"))
      case ("ES256", "EC") where json["crv"]?.string == "P-256": VerificationKey(x: bytes("x"), y: bytes("y"))
      default: nil
      }
    return key.map { Key(id: json["kid"]?.string, algorithm: algorithm, key: $0) }
  }

  // MARK: - Tokens

  /// The principal of a token, after all of its checks.
  /// - Parameter now: Milliseconds since 1970.
  /// - Throws: For a wrong signature, time, audience or subject.
  func principal(of token: WebToken, now: Int64) throws(InvalidToken) -> Principal {
    // Without a `kid`, the key must be unambiguous.
    let fitting = keys.filter { token.keyID == nil ? keys.count == 1 : $0.id == token.keyID }
    guard let key = fitting.first, key.algorithm == token.algorithm,
      key.key.verifies(token.signature, of: token.signed)
    else { throw InvalidToken(message: "the token's signature is not valid") }
    let expires = try checkTimes(token.claims, now)
    let audiences = token.claims["aud"]?.array?.compactMap(\.string) ?? [token.claims["aud"]?.string ?? ""]
    guard audiences.contains(audience) else { throw InvalidToken(message: "the token was issued for another audience") }
    guard let subject = token.claims["sub"]?.string, !subject.isEmpty else {
      throw InvalidToken(message: "the token has no subject")
    }
    return principal(named: subject, claims: token.claims, expires: expires)
  }

  /// - Returns: The instant at which the token expires.
  private func checkTimes(_ claims: JSON, _ now: Int64) throws(InvalidToken) -> Int64 {
    guard let expires = Issuer.milliseconds(claims["exp"]) else {
      throw InvalidToken(message: "the token has no expiration time")
    }
    guard now < expires + leeway else { throw InvalidToken(message: "the token has expired") }
    for name in ["nbf", "iat"] where claims[name] != nil {
      guard let begins = Issuer.milliseconds(claims[name]), begins - leeway <= now else {
        throw InvalidToken(message: "the token is not valid yet")
      }
    }
    return expires + leeway
  }

  private static func milliseconds(_ json: JSON?) -> Int64? {
    // The year 9999, the limit of instants.
    let last = 253_402_300_799.0
    switch json {
    case .int(let seconds) where seconds >= 0 && Double(seconds) <= last: return seconds * 1000
    case .double(let seconds) where seconds >= 0 && seconds <= last: return Int64(seconds * 1000)
    default: return nil
    }
  }

  /// A token can only narrow the permissions of its issuer.
  private func principal(named subject: String, claims: JSON, expires: Int64) -> Principal {
    var principal = template
    principal.name = subject
    principal.issuer = name
    principal.expires = expires
    principal.scopes.formIntersection(Issuer.words(claims[self.claims.scopes]).compactMap(Scope.init(rawValue:)))
    let roles = Issuer.words(claims[self.claims.roles])
    principal.roles = template.roles.isEmpty ? roles : roles.filter(template.roles.contains)
    if claims[self.claims.flows] != nil {
      let flows = Set(Issuer.words(claims[self.claims.flows]))
      principal.flows = template.flows.map { $0.intersection(flows) } ?? flows
      principal.scopes.remove(.deploy)
    }
    return principal
  }

  /// A list, or a space-separated text (RFC 8693, 4.2).
  private static func words(_ json: JSON?) -> [String] {
    if let list = json?.array { return list.compactMap(\.string) }
    return (json?.string ?? "").split(separator: " ").map(String.init)
  }
}
