import FlowJSON

/// The parts of a JSON Web Token (RFC 7519), before its signature is checked.
struct WebToken {
  static let maximumBytes = 8 * 1024

  let algorithm: String
  let keyID: String?
  let claims: JSON
  /// The signed bytes, and the signature.
  let signed: [UInt8]
  let signature: [UInt8]

  var issuer: String { claims["iss"]?.string ?? "" }

  init(_ text: String) throws(InvalidToken) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= WebToken.maximumBytes, parts.count == 3,
      let header = WebToken.object(parts[0]), let claims = WebToken.object(parts[1]),
      let signature = Base64URL.decode(parts[2]), let algorithm = header["alg"]?.string
    else { throw InvalidToken(message: "the credentials are neither a key nor a token") }
    // Critical extensions change the meaning of the other parameters (RFC 7515, 4.1.11).
    guard header["crit"] == nil else { throw InvalidToken(message: "the token requires extensions") }
    self.algorithm = algorithm
    self.keyID = header["kid"]?.string
    self.claims = claims
    self.signature = signature
    signed = Array("\(parts[0]).\(parts[1])".utf8)
  }

  private static func object(_ part: Substring) -> JSON? {
    guard let bytes = Base64URL.decode(part), let json = try? JSON(parsing: bytes), json.members != nil else {
      return nil
    }
    return json
  }
}
