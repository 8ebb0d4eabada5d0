public import FlowJSON

/// A blocking WebSocket client for text messages.
public final class WebSocketClient {
  public struct Refused: Error { public var head: String }

  private let socket: TestSocket

  public init(port: Int, path: String, subprotocol: String = "flow.v1", headers: [String: String] = [:]) throws {
    socket = try TestSocket(port: port)
    let head = """
      GET \(path) HTTP/1.1\r
      Host: 127.0.0.1:\(port)\r
      Upgrade: websocket\r
      Connection: Upgrade\r
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
      Sec-WebSocket-Version: 13\r
      Sec-WebSocket-Protocol: \(subprotocol)\r

      """
    let more = headers.map { "\($0): \($1)\r\n" }.joined()
    try socket.write(Array((head + more + "\r\n").utf8))
    let answer = try socket.takeHead()
    guard answer.hasPrefix("HTTP/1.1 101") else { throw Refused(head: answer) }
  }

  /// Sends a text message, masked as required of clients (RFC 6455, 5.3).
  public func send(_ json: JSON) throws {
    try send(text: json.text())
  }

  /// Sends any text.
  public func send(text: String) throws {
    let payload = Array(text.utf8)
    precondition(payload.count < 1 << 16, "the tests send short messages")
    var length = [0x80 | UInt8(min(payload.count, 126))]
    if payload.count >= 126 { length += [UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] }
    let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
    let masked = payload.enumerated().map { $1 ^ mask[$0 % 4] }
    try socket.write([0x81] + length + mask + masked)
  }

  /// The close code of the server; earlier text messages are skipped.
  public func receiveClose() throws -> Int {
    while true {
      do {
        _ = try receive()
      } catch let refused as Refused {
        return Int(refused.head.drop { !$0.isNumber }) ?? 0
      }
    }
  }

  /// The next text message; pings are skipped, also those of the live protocol, which arrive at any time.
  public func receive() throws -> JSON {
    while true {
      let start = try socket.take(2)
      var length = Int(start[1] & 0x7F)
      if length == 126 {
        length = try socket.take(2).reduce(0) { $0 << 8 | Int($1) }
      } else if length == 127 {
        length = try socket.take(8).reduce(0) { $0 << 8 | Int($1) }
      }
      let payload = try socket.take(length)
      if start[0] & 0x0F == 1, case let message = try JSON(parsing: payload), message["op"] != "ping" { return message }
      if start[0] & 0x0F == 8 { throw Refused(head: "closed \(payload.prefix(2).reduce(0) { $0 << 8 | Int($1) })") }
    }
  }
}
