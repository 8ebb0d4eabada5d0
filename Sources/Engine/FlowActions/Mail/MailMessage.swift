import Foundation

/// A mail in its wire format: MIME, with CRLF line endings, all ASCII.
struct MailMessage {
  var from: MailAddress
  var to: MailAddress
  var subject: String
  var text: String?
  var html: String?
  /// The key of the job, which identifies the message: a retry has the same message id.
  var key: String

  var identifier: String { "<\(jobName(of: key))@\(from.domain)>" }

  /// - Parameter second: The time of sending, in seconds since 1970.
  func bytes(at second: Int64) -> [UInt8] {
    var lines = [
      "Date: \(MailMessage.date(second))",
      MailMessage.header("From", from),
      MailMessage.header("To", to),
      "Subject: " + MailMessage.words(subject, after: "Subject: ".utf8.count),
      "Message-ID: \(identifier)",
      "MIME-Version: 1.0",
      "Auto-Submitted: auto-generated",
    ]
    switch (text, html) {
    case (let text?, let html?):
      // No line of quoted-printable text contains this sequence.
      let boundary = "=_flow_\(jobName(of: key))"
      lines.append("Content-Type: multipart/alternative;\r\n boundary=\"\(boundary)\"")
      lines.append("")
      lines += ["--\(boundary)"] + MailMessage.part(text, "plain")
      lines += ["--\(boundary)"] + MailMessage.part(html, "html")
      lines.append("--\(boundary)--")
    case (let text, nil): lines += MailMessage.part(text ?? "", "plain")
    case (nil, let html?): lines += MailMessage.part(html, "html")
    }
    return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
  }

  private static func part(_ text: String, _ type: String) -> [String] {
    ["Content-Type: text/\(type); charset=utf-8", "Content-Transfer-Encoding: quoted-printable", ""]
      + QuotedPrintable.lines(of: text)
  }

  private static func header(_ name: String, _ address: MailAddress) -> String {
    guard !address.name.isEmpty else { return "\(name): \(address.address)" }
    // On its own line, the address fits for every length of the name.
    return "\(name): \(words(address.name, after: name.utf8.count + 2, isPhrase: true))\r\n <\(address.address)>"
  }

  /// The text of a header: unchanged where that is safe, otherwise as encoded words of RFC 2047, folded.
  ///
  /// Control characters become spaces, so that no text can start another header line.
  static func words(_ text: String, after used: Int, isPhrase: Bool = false) -> String {
    let bytes = text.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
    let isPlain = bytes.allSatisfy { $0 < 0x80 && (!isPhrase || isWordByte($0)) }
    let clean = String(decoding: bytes, as: UTF8.self)
    if isPlain, used + bytes.count <= 76, !clean.contains("=?"), !clean.hasPrefix(" "), !clean.hasSuffix(" ") {
      return clean
    }
    return encoded(clean, after: used)
  }

  /// True for a byte that may occur in an unquoted name.
  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "'"):
      true
    default: false
    }
  }

  private static func encoded(_ text: String, after used: Int) -> String {
    var words: [String] = []
    var chunk: [UInt8] = []
    // An encoded word has at most 75 columns, 12 of them for its delimiters; the first shares its line with the header
    // name.
    var room = (75 - 12 - used) / 4 * 3
    for scalar in text.unicodeScalars {
      let next = Array(String(scalar).utf8)
      // Characters are not split.
      if chunk.count + next.count > room {
        words.append(word(chunk))
        chunk = []
        room = (75 - 12 - 1) / 4 * 3
      }
      chunk += next
    }
    if !chunk.isEmpty { words.append(word(chunk)) }
    return words.joined(separator: "\r\n ")
  }

  private static func word(_ bytes: [UInt8]) -> String { "=?UTF-8?B?\(Data(bytes).base64EncodedString())?=" }

  /// A date in the format of RFC 5322, in UTC.
  static func date(_ second: Int64) -> String {
    var time = time_t(second)
    var parts = tm()
    gmtime_r(&time, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { ($0 < 10 ? "0" : "") + "\($0)" }
    let day = "\(days[Int(parts.tm_wday)]), \(parts.tm_mday) \(months[Int(parts.tm_mon)]) \(1900 + Int(parts.tm_year))"
    return "\(day) \(clock.joined(separator: ":")) +0000"
  }
}
