import FlowCrypto
public import FlowHTTP

/// The header with which a node forwards a request to the owner of the store.
///
/// It names the client and carries a key that identifies the request, so that an event whose response was lost can be
/// repeated. The secret of the nodes signs it together with the method and the target: a header from anywhere else has
/// no effect.
public struct Hop: Hashable, Sendable {
  /// The name of the header. A node never forwards a request that has one, valid or not.
  public static let header = "Flow-Hop"
  private static let version = "1"
  private static let noClient = "-"
  private static let maximumClientBytes = 64

  /// The numeric address of the client; empty for a client on a socket in the file system.
  public var client: String
  /// The idempotency key of an event that has no other.
  public var key: String

  /// A hop for a new request.
  public init(client: String) {
    self.client = String(client.filter { Hop.isAddressCharacter($0) }.prefix(Hop.maximumClientBytes))
    key = "hop-" + (0..<2).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 16) }.joined()
  }

  /// The hop that `request` carries; nil without one whose signature is valid.
  public init?(_ request: HTTPRequest, secret: [UInt8]) {
    let values = request.headers.values(of: Hop.header)
    guard values.count == 1 else { return nil }
    let parts = values[0].split(separator: " ").map(String.init)
    guard parts.count == 4, parts[0] == Hop.version, let signature = Digest(hexadecimal: parts[3]) else { return nil }
    client = parts[1] == Hop.noClient ? "" : parts[1]
    key = parts[2]
    guard signature == self.signature(method: request.method, target: request.target, secret: secret) else {
      return nil
    }
  }

  /// The value of the header for a request.
  public func value(method: String, target: String, secret: [UInt8]) -> String {
    let signature = signature(method: method, target: target, secret: secret)
    return "\(Hop.version) \(shownClient) \(key) \(signature.hexadecimal)"
  }

  private var shownClient: String { client.isEmpty ? Hop.noClient : client }

  /// A digest of the authentication code, which is compared in constant time.
  private func signature(method: String, target: String, secret: [UInt8]) -> Digest {
    let message = ["flow-hop", Hop.version, method, target, shownClient, key].joined(separator: "\n")
    return Digest(of: hmac(of: Array(message.utf8), secret: secret))
  }

  private static func isAddressCharacter(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || ".:%_".contains(character))
  }
}
