import CCurl
public import FlowJSON

/// Asks a server, one request at a time, and waits for the answer.
public final class Client {
  /// Why there was no answer.
  public struct Unreachable: Error, Hashable, Sendable {
    public var message: String
  }

  /// What a server has said.
  public struct Answer: Sendable {
    public var status: Int
    public var body: [UInt8]

    public var json: JSON { (try? JSON(parsing: body)) ?? .null }
    public var isFine: Bool { status / 100 == 2 }
  }

  private let base: String
  /// The place of the server in the file system; nil for one that has a host.
  private let place: String?
  private let key: String?

  /// - Parameters:
  ///   - base: The address of the server, such as `http://127.0.0.1:8080` or `unix:/run/flow.sock`.
  ///   - key: What proves who asks; sent as a bearer token.
  public init(base: String, key: String?) {
    let local = ["unix:", "http://unix:"].first { base.hasPrefix($0) }
    place = local.map { String(base.dropFirst($0.count)) }
    self.base = place != nil ? "http://localhost" : base.hasSuffix("/") ? String(base.dropLast()) : base
    self.key = key
  }

  /// Sends a request.
  /// - Parameter path: With its query, encoded.
  public func send(
    _ method: String, _ path: String, _ body: [UInt8]? = nil, type: String = "application/json",
    headers: [String] = []
  ) throws(Unreachable) -> Answer {
    let inbox = ResponseBuffer { _ in true }
    inbox.keepsAll = true
    let status = try perform(method, path, body, headers + ["Content-Type: \(type)"], seconds: 60, inbox)
    return Answer(status: status, body: inbox.bytes)
  }

  /// Follows what a server sends as lines, until it ends or `take` says so.
  /// - Parameter take: Is given each line; false ends it.
  /// - Returns: The status, and what came instead of lines when that was not 2xx.
  public func follow(
    _ path: String, accept: String, _ take: @escaping (String) -> Bool
  ) throws(Unreachable) -> Answer {
    let inbox = ResponseBuffer(take)
    let status = try perform("GET", path, nil, ["Accept: \(accept)"], seconds: 0, inbox)
    return Answer(status: status, body: inbox.bytes)
  }

  private func perform(
    _ method: String, _ path: String, _ body: [UInt8]?, _ headers: [String], seconds: Int, _ inbox: ResponseBuffer
  ) throws(Unreachable) -> Int {
    guard let easy = curl_easy_init() else { throw Unreachable(message: "out of memory") }
    defer { curl_easy_cleanup(easy) }
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
    if let place { _ = flow_curl_set_text(easy, CURLOPT_UNIX_SOCKET_PATH, place) }
    _ = flow_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, method)
    _ = flow_curl_set_list(easy, CURLOPT_HTTPHEADER, list)
    _ = flow_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
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
      throw Unreachable(message: "\(place ?? base): \(String(cString: curl_easy_strerror(code)))")
    }
    return status
  }
}

/// What comes in, as a whole or line by line.
private final class ResponseBuffer {
  private let take: (String) -> Bool
  var keepsAll = false
  var status: () -> Int = { 0 }
  private(set) var bytes: [UInt8] = []
  /// Whether the reader has had enough.
  private(set) var isDone = false

  init(_ take: @escaping (String) -> Bool) { self.take = take }

  /// - Returns: Whether more is wanted.
  func add(_ chunk: UnsafeRawBufferPointer) -> Bool {
    bytes.append(contentsOf: chunk)
    guard !keepsAll, status() / 100 == 2 else { return true }
    while let end = bytes.firstIndex(of: 0x0A) {
      let line = String(decoding: bytes[..<end], as: UTF8.self)
      bytes.removeFirst(end + 1)
      guard take(line) else {
        isDone = true
        return false
      }
    }
    return true
  }
}
