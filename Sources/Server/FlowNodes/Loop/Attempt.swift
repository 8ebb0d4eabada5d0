import CCurl
import FlowHTTP

/// The response of a server, without its body.
struct ResponseHead {
  var status = 0
  var headers: [(String, String)] = []
  var length: Int?
  /// The URL of the owner, in the response of a node that is not the owner.
  var owner: String?

  /// Adds a line of the head; a new status line, after an informational response, starts again.
  mutating func add(_ line: some StringProtocol) {
    if line.hasPrefix("HTTP/") {
      self = ResponseHead()
      status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      return
    }
    guard let colon = line.firstIndex(of: ":") else { return }
    let name = String(line[..<colon])
    let value = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
    switch name.lowercased() {
    case "content-length": length = Int(value)
    case "flow-owner":
      owner = value
      headers.append((name, value))
    case let lower where Exchange.isForConnection(lower) || lower == "date": break
    default: headers.append((name, value))
    }
  }
}

/// The result of an attempt that has sent nothing to the client.
enum AttemptFailure {
  /// The server has not executed the request; it may have named the owner.
  case notExecuted(owner: String?)
  /// The connection was lost after the request was sent.
  case ambiguous
}

/// One attempt to send a request to the owner. Used by the forwarder's thread only.
class Attempt {
  /// The time to establish a connection, in milliseconds.
  private static let connectMilliseconds = 1000
  /// The maximum size of a response that is collected before it is relayed, in bytes.
  static let collectedBytes = 256 << 10
  /// The maximum number of bytes that wait for the client, before the owner has to wait.
  static let pendingBytes = 256 << 10

  let exchange: Exchange
  /// The URL of the server.
  let address: String
  private(set) var easy: UnsafeMutableRawPointer?
  /// The instant at which the attempt ends if there is no response, because the server is not the owner any more.
  var cancelAt: Int64?
  /// True if the client has received a part of the response.
  var isAnswering = false
  /// The number of bytes that the client has not received.
  var pending = 0
  var awaitsDrain = false

  init(_ exchange: Exchange, address: String) {
    self.exchange = exchange
    self.address = address
  }

  deinit { curl_easy_cleanup(easy) }

  /// Creates the handle for libcurl.
  func prepare() -> UnsafeMutableRawPointer? {
    guard let handle = curl_easy_init() else { return nil }
    easy = handle
    flow_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    flow_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Attempt.connectMilliseconds)
    flow_curl_set_text(handle, CURLOPT_PROXY, "")
    flow_curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    // A host that disappears without closing its connections.
    flow_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    flow_curl_set_long(handle, CURLOPT_TCP_KEEPIDLE, 5)
    flow_curl_set_long(handle, CURLOPT_TCP_KEEPINTVL, 2)
    flow_curl_set_text(handle, CURLOPT_URL, base + "/")
    if let socketPath { flow_curl_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, socketPath) }
    setUp(handle)
    return handle
  }

  func setUp(_ easy: UnsafeMutableRawPointer) {}

  /// Records that data was passed to the client.
  func didSend(_ count: Int) {
    pending += count
    guard pending >= Attempt.pendingBytes / 4, !awaitsDrain else { return }
    awaitsDrain = true
    exchange.respond.notifyWhenDrained()
  }

  /// The client has received everything.
  func drained() {
    pending = 0
    awaitsDrain = false
  }

  private static let local = "http://unix:"
  private var socketPath: String? {
    address.hasPrefix(Attempt.local) ? String(address.dropFirst(Attempt.local.count)) : nil
  }
  private var base: String {
    socketPath != nil ? "http://localhost" : address.hasSuffix("/") ? String(address.dropLast()) : address
  }
}
