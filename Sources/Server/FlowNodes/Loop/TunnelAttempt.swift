import CCurl
import FlowHTTP
import FlowServer
import Glibc

/// An attempt of a request to upgrade to WebSocket. After the owner has accepted it, the bytes of both sides are
/// relayed as they are.
final class TunnelAttempt: Attempt {
  private enum Phase {
    case connecting
    case awaitingHead
    case open
    /// A response other than 101: its body is collected.
    case collecting(ResponseHead)
    case ended
  }

  private static let maximumHead = 64 << 10
  /// The maximum number of bytes of the client that wait for the owner.
  private static let maximumOutput = 4 << 20

  private var phase = Phase.connecting
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private(set) var socket: curl_socket_t = -1

  override func setUp(_ easy: UnsafeMutableRawPointer) {
    flow_curl_set_long(easy, CURLOPT_CONNECT_ONLY, 1)
    // The connection must not be one of the pool.
    flow_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1)
  }

  /// Sends the request on the new connection.
  /// - Returns: The failure of the attempt.
  func connected(_ result: CURLcode) -> AttemptFailure? {
    guard result == CURLE_OK, let easy else { return .notExecuted(owner: nil) }
    flow_curl_get_socket(easy, CURLINFO_ACTIVESOCKET, &socket)
    guard socket >= 0 else { return .notExecuted(owner: nil) }
    var head = "GET \(exchange.target) HTTP/1.1\r\n"
    for (name, value) in exchange.fields { head += "\(name): \(value)\r\n" }
    output = Array((head + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n").utf8)
    phase = .awaitingHead
    return pump()
  }

  /// The events of the socket that matter.
  var events: Int16 {
    var events: Int16 = 0
    if pending <= Attempt.pendingBytes { events |= Int16(CURL_WAIT_POLLIN) }
    if !output.isEmpty { events |= Int16(CURL_WAIT_POLLOUT) }
    return events
  }

  var isEnded: Bool { if case .ended = phase { true } else { false } }

  /// Sends bytes of the client.
  func send(_ bytes: [UInt8]) {
    guard output.count + bytes.count <= TunnelAttempt.maximumOutput else { return abort() }
    output += bytes
  }

  /// Relays what is possible without waiting.
  /// - Returns: The failure of the attempt when the client has received nothing.
  func pump() -> AttemptFailure? {
    guard flush() else { return lose() }
    while pending <= Attempt.pendingBytes, !isEnded {
      var count = 0
      var buffer = [UInt8](repeating: 0, count: 16 << 10)
      let result = curl_easy_recv(easy, &buffer, buffer.count, &count)
      if result == CURLE_AGAIN { return nil }
      guard result == CURLE_OK, count > 0 else { return lose() }
      if let failure = receive(Array(buffer.prefix(count))) { return failure }
    }
    return nil
  }

  private func flush() -> Bool {
    while !output.isEmpty {
      var count = 0
      let result = output.withUnsafeBytes { curl_easy_send(easy, $0.baseAddress, $0.count, &count) }
      if result == CURLE_AGAIN { return true }
      guard result == CURLE_OK else { return false }
      output.removeFirst(count)
    }
    return true
  }

  private func receive(_ bytes: [UInt8]) -> AttemptFailure? {
    switch phase {
    case .open:
      exchange.respond.send(chunk: bytes)
      didSend(bytes.count)
    case .awaitingHead:
      input += bytes
      guard let end = input.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else {
        return input.count > TunnelAttempt.maximumHead ? lose() : nil
      }
      return readHead(upTo: end)
    case .collecting(let head):
      input += bytes
      return complete(head)
    case .connecting, .ended: break
    }
    return nil
  }

  private func readHead(upTo end: Int) -> AttemptFailure? {
    var head = ResponseHead()
    for line in String(decoding: input[..<end], as: UTF8.self).split(separator: "\r\n") { head.add(line) }
    guard head.status == 101 else {
      input.removeFirst(end)
      phase = .collecting(head)
      return complete(head)
    }
    phase = .open
    isAnswering = true
    exchange.respond.tunnel(input)
    didSend(input.count)
    input = []
    return nil
  }

  private func complete(_ head: ResponseHead) -> AttemptFailure? {
    let length = min(head.length ?? 0, Attempt.collectedBytes)
    guard input.count >= length else { return nil }
    phase = .ended
    let body = Array(input.prefix(length))
    if StandbyAccess.isNotExecuted(status: head.status, body: body) { return .notExecuted(owner: head.owner) }
    isAnswering = true
    exchange.respond.send(HTTPResponse(status: head.status, headers: head.headers, body: body))
    return nil
  }

  /// The connection to the owner has ended.
  private func lose() -> AttemptFailure? {
    phase = .ended
    guard isAnswering else { return .ambiguous }
    exchange.respond.finish()
    return nil
  }

  private func abort() {
    phase = .ended
    exchange.respond.abort()
  }
}
