/// Encodes response heads by appending bytes, without intermediate strings.
enum ResponseEncoder {
  /// The framing of the body.
  enum Framing {
    case length(Int)
    case chunked
    case untilClose
  }

  /// The state of the connection after this response.
  enum Persistence {
    case keptAlive
    case keptAliveLegacy
    case close
  }

  static func appendHead(
    of response: HTTPResponse, framing: Framing, persistence: Persistence, date: [UInt8], to out: inout [UInt8]
  ) {
    out.append("HTTP/1.1 ")
    out.append(decimal: response.status)
    out.append(UInt8(ascii: " "))
    out.append(HTTPStatus.reason(response.status))
    out.append("\r\n")
    out.append(contentsOf: date)
    for (name, value) in response.headers where isAllowed(name) {
      out.append(contentsOf: name.utf8)
      out.append(": ")
      out.append(fieldValue: value)
      out.append("\r\n")
    }
    appendFraming(framing, status: response.status, to: &out)
    switch persistence {
    case .keptAlive: out.append("\r\n")
    case .keptAliveLegacy: out.append("Connection: keep-alive\r\n\r\n")
    case .close: out.append("Connection: close\r\n\r\n")
    }
  }

  static func appendChunk(_ bytes: [UInt8], to out: inout [UInt8]) {
    out.append(hexadecimal: bytes.count)
    out.append("\r\n")
    out.append(contentsOf: bytes)
    out.append("\r\n")
  }

  static func appendLastChunk(to out: inout [UInt8]) {
    out.append("0\r\n\r\n")
  }

  static func appendContinue(to out: inout [UInt8]) {
    out.append("HTTP/1.1 100 Continue\r\n\r\n")
  }

  static func appendSwitch(
    accept: [UInt8], subprotocol: String?, extensions: String?, date: [UInt8], to out: inout [UInt8]
  ) {
    out.append("HTTP/1.1 101 Switching Protocols\r\n")
    out.append(contentsOf: date)
    out.append("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
    out.append(contentsOf: accept)
    if let subprotocol, isToken(subprotocol) {
      out.append("\r\nSec-WebSocket-Protocol: ")
      out.append(contentsOf: subprotocol.utf8)
    }
    if let extensions {
      out.append("\r\nSec-WebSocket-Extensions: ")
      out.append(contentsOf: extensions.utf8)
    }
    out.append("\r\n\r\n")
  }

  private static func appendFraming(_ framing: Framing, status: Int, to out: inout [UInt8]) {
    if !HTTPStatus.mayHaveBody(status) { return }
    switch framing {
    case .length(let count):
      out.append("Content-Length: ")
      out.append(decimal: count)
      out.append("\r\n")
    case .chunked: out.append("Transfer-Encoding: chunked\r\n")
    case .untilClose: break
    }
  }

  /// Fields that frame a message are written by the server only, and a name that is not a token could end a line.
  private static func isAllowed(_ name: String) -> Bool {
    guard isToken(name) else { return false }
    switch name.utf8.count {
    case 4: return !isSame(name, "date")
    case 10: return !isSame(name, "connection")
    case 14: return !isSame(name, "content-length")
    case 17: return !isSame(name, "transfer-encoding")
    default: return true
    }
  }

  private static func isSame(_ name: String, _ lowercased: String) -> Bool {
    zip(name.utf8, lowercased.utf8).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 }
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { append(contentsOf: $0) }
  }

  fileprivate mutating func append(decimal value: Int) {
    if value >= 10 { append(decimal: value / 10) }
    append(UInt8(ascii: "0") + UInt8(value.magnitude % 10))
  }

  fileprivate mutating func append(hexadecimal value: Int) {
    if value >= 16 { append(hexadecimal: value / 16) }
    let digit = UInt8(value.magnitude % 16)
    append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
  }

  /// A value may contain arbitrary text: characters that could end the line become spaces.
  fileprivate mutating func append(fieldValue value: String) {
    let start = count
    append(contentsOf: value.utf8)
    for index in start..<count where self[index] < 0x20 || self[index] == 0x7F { self[index] = 0x20 }
  }
}
