import CEL
import FlowCrypto
public import FlowJSON

/// The reason why a key file is invalid.
public struct KeyFileError: Error, Hashable, Sendable {
  public var message: String

  public init(message: String) { self.message = message }
}

/// The keys that a server accepts, and the issuers whose tokens it accepts.
public struct KeyRing: Sendable {
  /// The maximum number of keys in a file.
  public static let maximumKeys = 10_000
  /// The prefix of every key, by which secret scanners recognize one.
  public static let prefix = "flow_"
  private static let randomBytesOfKey = 32

  private var entries: [Digest: Principal] = [:]
  private var names: Set<String> = []
  private var issuers: [Issuer] = []

  /// Reads `[[key]]` and `[[issuer]]` tables, given as JSON.
  /// - Parameter readFile: Returns the contents of a file that the tables name.
  /// - Throws: `KeyFileError` for a misspelt setting, a malformed value or an unreadable file.
  public init(_ json: JSON, readFile: (String) throws(KeyFileError) -> [UInt8]) throws(KeyFileError) {
    try KeyTable(json, "").checkNames(["key", "issuer"])
    let keys = try KeyTable.list(json, "key")
    guard keys.count <= KeyRing.maximumKeys else {
      throw KeyFileError(message: "there are more than \(KeyRing.maximumKeys) keys")
    }
    for key in keys { try add(key) }
    for issuer in try KeyTable.list(json, "issuer") {
      let jwks = try readFile(try issuer.text("jwks"))
      issuers.append(try Issuer(issuer, jwks: jwks))
    }
  }

  /// A ring without keys: every request that needs one is rejected.
  public static let empty = KeyRing()

  private init() {}

  /// True if no key and no issuer is accepted.
  public var isEmpty: Bool { entries.isEmpty && issuers.isEmpty }

  /// The principals of the keys, by name.
  var principals: [Principal] { entries.values.sorted { $0.name < $1.name } }

  /// The names of the issuers whose tokens are accepted.
  var issuerNames: [String] { issuers.map(\.name) }

  /// Names with which flows identify other kinds of callers.
  private static let reservedNames = ["webhook", "amqp", "redis"]

  private mutating func add(_ table: KeyTable) throws(KeyFileError) {
    try table.checkNames(["name", "sha256", "scopes", "roles", "flows", "rate", "expires"])
    let name = try table.text("name")
    guard !KeyRing.reservedNames.contains(name), !name.contains("/") else {
      throw KeyFileError(
        message: "the key `\(name)`: `webhook`, `amqp`, `redis` and names with `/` stand for other senders")
    }
    guard let digest = Digest(hexadecimal: try table.text("sha256")) else {
      throw KeyFileError(message: "the key `\(name)`: `sha256` must be 64 hexadecimal digits")
    }
    guard entries[digest] == nil else { throw KeyFileError(message: "the key `\(name)` is listed twice") }
    var principal = try table.principal(named: name)
    if let text = try table.optionalText("expires") {
      guard let instant = Timestamp(text) else {
        throw KeyFileError(message: "the key `\(name)`: `expires` must be an instant such as 2027-01-01T00:00:00Z")
      }
      principal.expires = instant.seconds * 1000
    }
    entries[digest] = principal
    names.insert(name)
  }

  /// The principal of a bearer token.
  /// - Parameter now: Milliseconds since 1970.
  /// - Throws: For a token that is unknown, expired or not valid.
  func principal(of token: String, now: Int64) throws(InvalidToken) -> Principal {
    guard token.hasPrefix(KeyRing.prefix) else { return try principal(ofWebToken: token, now: now) }
    guard let principal = entries[Digest(of: token.utf8)] else { throw InvalidToken(message: "the key is unknown") }
    if let expires = principal.expires, expires <= now { throw InvalidToken(message: RequestContext.expired) }
    return principal
  }

  private func principal(ofWebToken text: String, now: Int64) throws(InvalidToken) -> Principal {
    guard !issuers.isEmpty else { throw InvalidToken(message: "the key is unknown") }
    let token = try WebToken(text)
    guard let issuer = issuers.first(where: { $0.name == token.issuer }) else {
      throw InvalidToken(message: "the token's issuer is not trusted")
    }
    let principal = try issuer.principal(of: token, now: now)
    // Flows see names only, so that no token may contain the name of a key.
    guard !names.contains(principal.name), !KeyRing.reservedNames.contains(principal.name) else {
      throw InvalidToken(message: "the token's subject is the name of a key")
    }
    return principal
  }

  /// Generates a random key, and its hash for a key file; nil when the system provides no randomness.
  public static func newKey() -> (key: String, sha256: String)? {
    guard let bytes = randomBytes(randomBytesOfKey) else { return nil }
    let key = prefix + Base64URL.encode(bytes)
    return (key, Digest(of: key.utf8).hexadecimal)
  }

  /// The names of the scopes in a key file.
  public static let scopeNames = Scope.allCases.filter { $0 != .open }.map(\.rawValue)
}
