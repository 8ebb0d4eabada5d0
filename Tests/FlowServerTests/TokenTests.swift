import FlowCrypto
import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// JSON Web Tokens made by the Python package `cryptography`, valid and forged.
@Suite("JSON Web Tokens", .serialized) struct TokenTests {
  @Test("valid tokens are accepted and forged ones rejected") func tokens() throws {
    let made = try runProgram(
      "python3", packageRoot.appending(path: "Tests/FlowServerTests/tokens.py").path)
    try #require(made.code == 0, "the package `cryptography` is needed")
    let tokens = try JSON(parsing: made.output)
    let folder = try TestFolder()
    let server = try TokenTests.serve(folder, jwks: tokens["jwks"] ?? .null)
    let client = HTTPClient(port: server.port)
    let good = tokens["good"]?.members ?? []
    #expect(good.count >= 6)
    for token in good {
      let answer = try client.send("GET", "/v1/flows", headers: bearer(token.value.string ?? ""))
      #expect(answer.status == 200, "\(token.name): \(answer.text)")
    }
    let bad = tokens["bad"]?.members ?? []
    #expect(bad.count >= 25)
    for token in bad {
      let answer = try client.send("GET", "/v1/flows", headers: bearer(token.value.string ?? ""))
      #expect(answer.status == 401, "\(token.name)")
    }
    try theIssuerIsTheLimit(client, tokens)
  }

  /// A token cannot grant more than the permissions of its issuer.
  private func theIssuerIsTheLimit(_ client: HTTPClient, _ tokens: JSON) throws {
    let operatorToken = bearer(tokens["operator"]?.string ?? "")
    #expect(try client.send("GET", "/v1/flows", headers: operatorToken).status == 200)
    #expect(try client.send("POST", "/v1/anything", [:], headers: operatorToken).status == 403)
    #expect(try client.send("GET", "/v1/flows/Other/instances", headers: operatorToken).status == 403)
  }

  static func serve(_ folder: TestFolder, jwks: JSON) throws -> ServerProcess {
    let set = try folder.write("jwks.json", jwks.text())
    let keys = try folder.write(
      "keys.toml",
      """
      [[issuer]]
      name = "https://login.example"
      audience = "flow"
      jwks = "jwks.json"
      scopes = ["read", "send"]
      roles = ["manager"]
      flows = ["Order"]
      """)
    for file in [set, keys] {
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
    }
    return try ServerProcess([EndToEndTests.order, "--store", folder.store, "--keys", keys])
  }

  /// A token of the issuer below, signed with its shared secret.
  private static func token(subject: String, secret: [UInt8]) -> String {
    let header: JSON = ["alg": "HS256", "typ": "JWT"]
    let claims: JSON = [
      "iss": "https://login.example", "aud": "flow", "sub": .string(subject), "exp": 2_000, "scope": "read operate",
    ]
    let signed = [header, claims].map { Base64URL.encode($0.bytes()) }.joined(separator: ".")
    return signed + "." + Base64URL.encode(Array(hmac(of: Array(signed.utf8), secret: secret)))
  }

  @Test("A token whose subject is the name of a key is not that key")
  func aTokenIsNoKey() throws {
    let secret = [UInt8](repeating: 7, count: 32)
    let jwks: JSON = ["keys": [["kty": "oct", "alg": "HS256", "k": .string(Base64URL.encode(secret))]]]
    let (key, hash) = try #require(KeyRing.newKey())
    let table: JSON = [
      "key": [["name": "ops", "sha256": .string(hash), "scopes": ["operate"]]],
      "issuer": [
        ["name": "https://login.example", "audience": "flow", "jwks": "jwks.json", "scopes": ["read", "operate"]]
      ],
    ]
    let ring = try KeyRing(table) { _ throws(KeyFileError) in jwks.bytes() }
    #expect(try ring.principal(of: key, now: 1_000_000).identity == "ops")
    for subject in ["ops", "webhook"] {
      #expect(throws: InvalidToken.self, "\(subject)") {
        try ring.principal(of: TokenTests.token(subject: subject, secret: secret), now: 1_000_000)
      }
    }
    let ann = try ring.principal(of: TokenTests.token(subject: "ann", secret: secret), now: 1_000_000)
    #expect(ann.name == "ann")
    #expect(ann.identity == "token https://login.example ann", "a key of this name would be another principal")
  }

  @Test(
    "a key set with an unusable key is a startup error",
    arguments: [
      #"{"kty": "oct", "kid": "h", "alg": "HS256", "k": "c2hvcnQ"}"#, #"{"kty": "oct", "kid": "h", "k": "AAAA"}"#,
      #"{"kty": "RSA", "alg": "HS256", "n": "AQAB", "e": "AQAB"}"#, #"{"kty": "RSA", "alg": "RS256", "n": "AQAB"}"#,
      #"{"kty": "EC", "alg": "ES256", "crv": "P-384", "x": "AA", "y": "AA"}"#,
      #"{"kty": "oct", "alg": "none", "k": ""}"#,
    ])
  func unusableKey(_ key: String) throws {
    let folder = try TestFolder()
    #expect(throws: ServerProcess.NotStarted.self) {
      try TokenTests.serve(folder, jwks: ["keys": [try JSON(parsing: key)]])
    }
  }
}
