import CCurl
import FlowRuntime
import FlowSource

/// One request under way, and what has come back of it so far. Belongs to the loop's thread.
final class Transfer {
  /// The longest answer that is read.
  static let maximumAnswer = 1 << 20
  /// The longest time that making a connection may take, in milliseconds.
  static let connectTimeout: Int64 = 10_000
  /// How many redirects a GET follows.
  static let maximumRedirects = 5
  /// How much of an answer that is no success is kept to be shown.
  static let maximumMessage = 1000
  /// The longest that a callee may ask to be left alone, in milliseconds: one day.
  static let maximumRetryAfter: Int64 = 86_400_000

  let easy: UnsafeMutableRawPointer
  let finish: @Sendable (JobOutcome) -> Void
  private let headers: UnsafeMutablePointer<curl_slist>?
  private var answer: [UInt8] = []
  private var isTooLong = false

  init(_ request: JobRequest, _ finish: @escaping @Sendable (JobOutcome) -> Void) throws(RequestProblem) {
    let outgoing = try OutgoingRequest(request)
    guard let easy = curl_easy_init() else { throw RequestProblem(message: "out of memory") }
    self.easy = easy
    self.finish = finish
    var list: UnsafeMutablePointer<curl_slist>?
    for line in outgoing.headers { list = curl_slist_append(list, line) ?? list }
    headers = list
    setUp(outgoing)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(headers)
  }

  private func setUp(_ request: OutgoingRequest) {
    flow_curl_set_text(easy, CURLOPT_URL, request.url)
    flow_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    flow_curl_set_text(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
    flow_curl_set_long(easy, CURLOPT_NOSIGNAL, 1)
    flow_curl_set_long(easy, CURLOPT_TIMEOUT_MS, Int(request.timeoutMilliseconds))
    flow_curl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Int(Transfer.connectTimeout))
    flow_curl_set_headers(easy, headers)
    setUpBody(request)
    // The loop holds the transfer for as long as libcurl has its handle, and drops both together.
    flow_curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
    flow_curl_set_writer(easy) { bytes, size, count, user in
      guard let bytes, let user else { return 0 }
      let transfer = Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
      return transfer.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
  }

  private func setUpBody(_ request: OutgoingRequest) {
    switch request.method {
    case "GET" where request.body == nil:
      flow_curl_set_long(easy, CURLOPT_HTTPGET, 1)
      // Only here: a redirected write would go out again, or as another method.
      flow_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 1)
      flow_curl_set_long(easy, CURLOPT_MAXREDIRS, Transfer.maximumRedirects)
    case "HEAD": flow_curl_set_long(easy, CURLOPT_NOBODY, 1)
    default:
      flow_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
      guard request.body != nil || ["POST", "PUT", "PATCH"].contains(request.method) else { return }
      let body = request.body ?? []
      flow_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
      body.withUnsafeBytes { bytes in
        // The copy is made within the call.
        var empty: CChar = 0
        if let start = bytes.baseAddress {
          flow_curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, start.assumingMemoryBound(to: CChar.self))
        } else {
          flow_curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, &empty)
        }
      }
    }
  }

  /// - Returns: How many bytes were taken; fewer than came ends the transfer.
  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard answer.count + bytes.count <= Transfer.maximumAnswer else {
      isTooLong = true
      return 0
    }
    answer += bytes
    return bytes.count
  }

  // MARK: - The end

  func outcome(_ result: CURLcode) -> JobOutcome {
    if isTooLong {
      return .impossible(code: "ANSWER_TOO_LONG", message: "the answer has more than \(Transfer.maximumAnswer) bytes")
    }
    guard result == CURLE_OK else { return .unreachable(String(cString: curl_easy_strerror(result))) }
    var status = 0
    flow_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    if 200..<300 ~= status { return .done(value()) }
    return .status(status, message: message(), retryAfterMilliseconds: retryAfter())
  }

  /// The answer as JSON when it says that it is, or says nothing; else its text.
  private func value() -> JSON {
    if answer.isEmpty { return .null }
    var type: UnsafeMutablePointer<CChar>?
    flow_curl_get_text(easy, CURLINFO_CONTENT_TYPE, &type)
    let isJSON = type.map { String(cString: $0).lowercased().contains("json") } ?? true
    if isJSON, let json = try? JSON(parsing: answer) { return json }
    return .string(String(decoding: answer, as: UTF8.self))
  }

  private func message() -> String {
    String(decoding: answer.prefix(Transfer.maximumMessage), as: UTF8.self)
  }

  private func retryAfter() -> Int64? {
    var seconds: curl_off_t = 0
    flow_curl_get_size(easy, CURLINFO_RETRY_AFTER, &seconds)
    guard seconds > 0 else { return nil }
    return min(Int64(seconds), Transfer.maximumRetryAfter / 1000) * 1000
  }
}
