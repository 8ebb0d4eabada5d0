/// One offer of `Sec-WebSocket-Extensions` (RFC 6455, 9.1).
struct ExtensionOffer: Equatable {
  struct Parameter: Equatable {
    var name: String
    var value: String?
  }

  var name: String
  var parameters: [Parameter] = []

  /// Reads the offers of all fields with that name, in order of preference; nil when they are malformed.
  static func list(_ fields: [String]) -> [ExtensionOffer]? {
    var offers: [ExtensionOffer] = []
    for field in fields {
      var scanner = Scanner(rest: Array(field.utf8)[...])
      repeat {
        // A list may have empty elements (RFC 9110, 5.6.1).
        if scanner.isAtEndOfElement { continue }
        guard let offer = scanner.offer() else { return nil }
        offers.append(offer)
      } while scanner.skip(",")
      guard scanner.rest.isEmpty else { return nil }
    }
    return offers
  }

  private struct Scanner {
    var rest: ArraySlice<UInt8>

    var isAtEndOfElement: Bool {
      mutating get {
        skipBlanks()
        return rest.isEmpty || rest.first == UInt8(ascii: ",")
      }
    }

    mutating func offer() -> ExtensionOffer? {
      guard let name = token() else { return nil }
      var offer = ExtensionOffer(name: name)
      while skip(";") {
        guard let name = token() else { return nil }
        var parameter = Parameter(name: name)
        if skip("=") {
          guard let value = value() else { return nil }
          parameter.value = value
        }
        offer.parameters.append(parameter)
      }
      return isAtEndOfElement ? offer : nil
    }

    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
      skipBlanks()
      guard rest.first == UInt8(ascii: mark) else { return false }
      rest.removeFirst()
      return true
    }

    private mutating func skipBlanks() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }

    private mutating func token() -> String? {
      skipBlanks()
      let token = rest.prefix(while: ExtensionOffer.isTokenByte)
      rest = rest.dropFirst(token.count)
      return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
    }

    /// A token or a quoted token.
    private mutating func value() -> String? {
      guard skip("\"") else { return token() }
      var text: [UInt8] = []
      while var byte = rest.popFirst() {
        if byte == UInt8(ascii: "\"") { return text.isEmpty ? nil : String(decoding: text, as: UTF8.self) }
        if byte == UInt8(ascii: "\\") { byte = rest.popFirst() ?? 0 }
        guard ExtensionOffer.isTokenByte(byte) else { return nil }
        text.append(byte)
      }
      return nil
    }
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "a")...UInt8(ascii: "z"): true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}

/// The agreement with a peer on `permessage-deflate` (RFC 7692, 7.1).
///
/// Neither side keeps a context between messages, so that a message is compressed once for all receivers, and ten
/// thousand peers need no more memory than one.
struct DeflateAgreement: Equatable {
  /// The window of messages to the peer, in bits.
  var windowBits = 15
  /// The extension parameters of the response.
  var response = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

  /// Accepts the first acceptable offer; nil when no offer is.
  init?(_ offers: [ExtensionOffer]) {
    for offer in offers {
      guard let agreement = DeflateAgreement(offer) else { continue }
      self = agreement
      return
    }
    return nil
  }

  /// An offer with an unknown, repeated or invalid parameter is declined as a whole (RFC 7692, 7.1).
  private init?(_ offer: ExtensionOffer) {
    guard offer.name.lowercased() == "permessage-deflate" else { return nil }
    var seen: Set<String> = []
    for parameter in offer.parameters {
      let name = parameter.name.lowercased()
      guard seen.insert(name).inserted else { return nil }
      switch (name, parameter.value) {
      case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil): break
      // An unused hint: messages from the peer may use the largest window.
      case ("client_max_window_bits", nil): break
      case ("client_max_window_bits", let value?):
        guard DeflateAgreement.bits(value) != nil else { return nil }
      case ("server_max_window_bits", let value?):
        guard let bits = DeflateAgreement.bits(value), MessageCodec.windowBits.contains(bits) else { return nil }
        windowBits = bits
        response += "; server_max_window_bits=\(bits)"
      default: return nil
      }
    }
  }

  private static func bits(_ text: String) -> Int? {
    guard let bits = Int(text), (8...15).contains(bits), String(bits) == text else { return nil }
    return bits
  }
}
