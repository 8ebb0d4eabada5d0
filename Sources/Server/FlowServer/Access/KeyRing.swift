import CEL
import FlowCrypto
public import FlowJSON

/// Why a file with keys can't be used, in the operator's words.
public struct KeyFileError: Error, Hashable, Sendable {
  public var message: String

  public init(message: String) { self.message = message }
}

/// The keys that a server believes, and the issuers whose tokens it believes.
public struct KeyRing: Sendable {
  /// The most keys of a file.
  public static let maximumKeys = 10_000
  /// What a key begins with, so that people and scanners know one when they see it.
  public static let prefix = "flow_"
  private static let randomBytesOfKey = 32

  private var entries: [Digest: Principal] = [:]
  private var issuers: [Issuer] = []

  /// Reads `[[key]]` and `[[issuer]]` tables, given as JSON.
  /// - Parameter readFile: Gives the contents of a file that the tables name.
  public init(_ json: JSON, readFile: (String) throws(KeyFileError) -> [UInt8]) throws(KeyFileError) {
    try KeyTable(json, "").knows(["key", "issuer"])
    let keys = try KeyTable.list(json, "key")
    guard keys.count <= KeyRing.maximumKeys else {
      throw KeyFileError(message: "there are more than \(KeyRing.maximumKeys) keys")
    }
    for key in keys { try add(key) }
    for issuer in try KeyTable.list(json, "issuer") {
      let jwks = try readFile(try issuer.text("jwks"))
      issuers.append(try Issuer(issuer, jwks: jwks))
    }
    guard !entries.isEmpty || !issuers.isEmpty else {
      throw KeyFileError(message: "there is neither a key nor an issuer in it")
    }
  }

  private mutating func add(_ table: KeyTable) throws(KeyFileError) {
    try table.knows(["name", "sha256", "scopes", "roles", "flows", "rate", "expires"])
    let name = try table.text("name")
    guard let digest = Digest(hexadecimal: try table.text("sha256")) else {
      throw KeyFileError(message: "the key `\(name)`: `sha256` has 64 hexadecimal digits")
    }
    guard entries[digest] == nil else { throw KeyFileError(message: "the key `\(name)` is there twice") }
    var principal = try table.principal(named: name)
    if let text = try table.optionalText("expires") {
      guard let instant = Timestamp(text) else {
        throw KeyFileError(message: "the key `\(name)`: `expires` is an instant such as 2027-01-01T00:00:00Z")
      }
      principal.expires = instant.seconds * 1000
    }
    entries[digest] = principal
  }

  /// Who sent a bearer token.
  /// - Parameter now: Milliseconds since 1970.
  func principal(of token: String, now: Int64) throws(InvalidToken) -> Principal {
    guard token.hasPrefix(KeyRing.prefix) else { return try principal(ofWebToken: token, now: now) }
    guard let principal = entries[Digest(of: token.utf8)] else { throw InvalidToken(message: "this key is not known") }
    if let expires = principal.expires, expires <= now { throw InvalidToken(message: RequestContext.expired) }
    return principal
  }

  private func principal(ofWebToken text: String, now: Int64) throws(InvalidToken) -> Principal {
    guard !issuers.isEmpty else { throw InvalidToken(message: "this key is not known") }
    let token = try WebToken(text)
    guard let issuer = issuers.first(where: { $0.name == token.issuer }) else {
      throw InvalidToken(message: "nobody here believes the issuer of this token")
    }
    return try issuer.principal(of: token, now: now)
  }

  /// Makes a key that nobody can guess, with what a file keeps of it.
  public static func newKey() -> (key: String, sha256: String)? {
    guard let bytes = randomBytes(randomBytesOfKey) else { return nil }
    let key = prefix + Base64URL.encode(bytes)
    return (key, Digest(of: key.utf8).hexadecimal)
  }

  /// The names that scopes have in a file.
  public static let scopeNames = Scope.allCases.filter { $0 != .open }.map(\.rawValue)
}
