import FlowJSON
import FlowTestSupport
import Foundation
import Testing

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
