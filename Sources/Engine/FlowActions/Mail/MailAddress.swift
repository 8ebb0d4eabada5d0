/// One address with an optional display name: `ann@example.com` or `Ann Lee <ann@example.com>`.
struct MailAddress {
  static let longest = 254

  var name: String
  var local: String
  var domain: String

  /// - Throws: `RequestProblem` that quotes an invalid address.
  init(_ text: String, for setting: String) throws(RequestProblem) {
    let text = MailAddress.trimmed(text[...])
    var plain = text
    var name: Substring = ""
    if text.hasSuffix(">"), let start = text.lastIndex(of: "<") {
      plain = text[text.index(after: start)...].dropLast()
      name = MailAddress.trimmed(text[..<start])
      if name.count > 1, name.hasPrefix("\""), name.hasSuffix("\"") { name = name.dropFirst().dropLast() }
    }
    guard let at = plain.lastIndex(of: "@") else {
      throw RequestProblem(message: "`\(setting)` is not one mail address: there is no `@` in it")
    }
    self.name = String(name)
    local = String(plain[..<at])
    domain = String(plain[plain.index(after: at)...])
    // A list of addresses is refused, too: data must not be able to add a recipient.
    guard plain.utf8.count <= MailAddress.longest, isLocal(local), isDomain(domain) else {
      throw RequestProblem(message: "`\(setting)` is not one mail address of letters, digits and the usual signs")
    }
    guard !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }), !name.contains(","), !name.contains("@") else {
      throw RequestProblem(message: "`\(setting)` names more than one address, or has control characters in it")
    }
  }

  var address: String { "\(local)@\(domain)" }

  /// The local part of an address: atoms joined by dots.
  private func isLocal(_ text: String) -> Bool {
    text.utf8.count <= 64 && areWords(text) { "!#$%&'*+-/=?^_`{|}~".utf8.contains($0) }
  }

  private func isDomain(_ text: String) -> Bool { areWords(text) { $0 == UInt8(ascii: "-") } }

  private func areWords(_ text: String, orIs sign: (UInt8) -> Bool) -> Bool {
    text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { word in
      !word.isEmpty && word.allSatisfy { MailAddress.isAlphanumeric($0) || sign($0) }
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return text
  }
}
