import CCurl
public import FlowJSON

/// A client of a server: sends one request at a time and waits for its response.
///
/// ```swift
/// let client = Client(base: "http://127.0.0.1:8080", key: nil)
/// let flows = try client.send("GET", to: "/v1/flows").json
/// ```
public final class Client {
  /// The reason why there was no response.
  public struct Unreachable: Error, Hashable, Sendable {
    public var message: String
  }

  /// The response of a server.
  public struct Response: Sendable {
    public var status: Int
    public var body: [UInt8]

    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
    public var isSuccess: Bool { status / 100 == 2 }
  }

  private let base: String
  /// The path of the server's socket; nil for a server with a host.
  private let socketPath: String?
  private let key: String?
  private let usesProxy: Bool
  /// Keeps the connection between requests.
  private let easy = curl_easy_init()

  private var isLoopback: Bool {
    ["http://127.", "http://localhost", "http://[::1]", "https://127.", "https://localhost", "https://[::1]"]
      .contains { base.hasPrefix($0) }
  }

  /// - Parameters:
  ///   - base: The address of the server, such as `http://127.0.0.1:8080` or `unix:/run/flow.sock`.
  ///   - key: The API key, sent as a bearer token.
  ///   - usesProxy: False to ignore a proxy that the environment names.
  public init(base: String, key: String?, usesProxy: Bool = true) {
    self.usesProxy = usesProxy
    let local = ["unix:", "http://unix:"].first { base.hasPrefix($0) }
    socketPath = local.map { String(base.dropFirst($0.count)) }
    self.base = socketPath != nil ? "http://localhost" : base.hasSuffix("/") ? String(base.dropLast()) : base
    self.key = key
  }

  deinit { if let easy { curl_easy_cleanup(easy) } }

  /// Sends a request.
  /// - Parameters:
  ///   - path: The path with its query, encoded.
  ///   - seconds: The time to wait for the response.
  /// - Throws: When there is no response in this time.
  public func send(
    _ method: String, to path: String, body: [UInt8]? = nil, type: String = "application/json",
    headers: [String] = [], seconds: Int = 60
  ) throws(Unreachable) -> Response {
    let inbox = ResponseBuffer { _ in true }
    inbox.keepsAll = true
    let status = try perform(
      method, path: path, body: body, headers: headers + ["Content-Type: \(type)"], seconds: seconds, inbox)
    return Response(status: status, body: inbox.bytes)
  }

  /// Reads a streamed response line by line.
  /// - Parameter onLine: Called with each line; false ends the stream.
  /// - Returns: The status, and the body when the status is not 2xx.
  /// - Throws: When there is no response.
  public func follow(
    _ path: String, accept: String, _ onLine: @escaping (String) -> Bool
  ) throws(Unreachable) -> Response {
    let inbox = ResponseBuffer(onLine)
    let status = try perform("GET", path: path, body: nil, headers: ["Accept: \(accept)"], seconds: 0, inbox)
    return Response(status: status, body: inbox.bytes)
  }

  private func perform(
    _ method: String, path: String, body: [UInt8]?, headers: [String], seconds: Int, _ inbox: ResponseBuffer
  ) throws(Unreachable) -> Int {
    guard let easy else { throw Unreachable(message: "out of memory") }
    curl_easy_reset(easy)
    var list: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(list) }
    for header in headers + (key.map { ["Authorization: Bearer \($0)"] } ?? []) {
      list = curl_slist_append(list, header)
    }
    inbox.status = {
      var status = 0
      _ = flow_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
      return status
    }
    _ = flow_curl_set_text(easy, CURLOPT_URL, base + path)
    if let socketPath { _ = flow_curl_set_text(easy, CURLOPT_UNIX_SOCKET_PATH, socketPath) }
    _ = flow_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, method)
    _ = flow_curl_set_list(easy, CURLOPT_HTTPHEADER, list)
    _ = flow_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    // A proxy of the environment applies to other machines only.
    if isLoopback || !usesProxy { _ = flow_curl_set_text(easy, CURLOPT_NOPROXY, "*") }
    _ = flow_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT, 10)
    if seconds > 0 { _ = flow_curl_set_long(easy, CURLOPT_TIMEOUT, seconds) }
    if let body {
      _ = flow_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
      _ = body.withUnsafeBytes { bytes in
        flow_curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, bytes.bindMemory(to: CChar.self).baseAddress)
      }
    }
    _ = flow_curl_set_data(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, user in
      guard let bytes, let user else { return 0 }
      let inbox = Unmanaged<ResponseBuffer>.fromOpaque(user).takeUnretainedValue()
      let isWanted = inbox.add(UnsafeRawBufferPointer(start: bytes, count: size * count))
      return isWanted ? size * count : 0
    }
    _ = flow_curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(inbox).toOpaque())
    let code = withExtendedLifetime(inbox) { curl_easy_perform(easy) }
    let status = inbox.status()
    guard code == CURLE_OK || inbox.isDone else {
      throw Unreachable(message: "\(socketPath ?? base): \(String(cString: curl_easy_strerror(code)))")
    }
    return status
  }
}

/// The received bytes, kept as a whole or split into lines.
private final class ResponseBuffer {
  private let onLine: (String) -> Bool
  var keepsAll = false
  var status: () -> Int = { 0 }
  private(set) var bytes: [UInt8] = []
  /// True after the reader has ended the stream.
  private(set) var isDone = false

  init(_ onLine: @escaping (String) -> Bool) { self.onLine = onLine }

  /// - Returns: False when the reader has ended the stream.
  func add(_ chunk: UnsafeRawBufferPointer) -> Bool {
    bytes.append(contentsOf: chunk)
    guard !keepsAll, status() / 100 == 2 else { return true }
    while let end = bytes.firstIndex(of: 0x0A) {
      let line = String(decoding: bytes[..<end], as: UTF8.self)
      bytes.removeFirst(end + 1)
      guard onLine(line) else {
        isDone = true
        return false
      }
    }
    return true
  }
}
