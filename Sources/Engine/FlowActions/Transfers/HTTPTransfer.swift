import CCurl
import FlowJSON
import FlowRuntime
import Foundation

/// An HTTP request.
final class HTTPTransfer: Transfer {
  /// The maximum size of a response, in bytes.
  static let maximumAnswer = 1 << 20
  /// The maximum accepted `Retry-After`, in milliseconds: one day.
  static let maximumRetryAfter: Int64 = 86_400_000

  private let outgoing: OutgoingRequest
  private var headers: UnsafeMutablePointer<curl_slist>?
  private var answer: [UInt8] = []
  private var isTooLong = false

  init(
    _ request: JobRequest, reach: NetworkPolicy, finish: @escaping @Sendable (JobOutcome) -> Void
  ) throws(RequestProblem) {
    outgoing = try OutgoingRequest(request)
    try super.init(request, url: outgoing.url, reach: reach, finish: finish)
  }

  deinit { curl_slist_free_all(headers) }

  override func setUp(_ easy: UnsafeMutableRawPointer, _ me: UnsafeMutableRawPointer) {
    flow_curl_set_text(easy, CURLOPT_URL, outgoing.url)
    flow_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    // Signed at the time of sending, so that a receiver can detect a replayed request.
    for line in outgoing.headers(at: Int64(Date().timeIntervalSince1970)) {
      headers = curl_slist_append(headers, line) ?? headers
    }
    flow_curl_set_list(easy, CURLOPT_HTTPHEADER, headers)
    setUpBody(easy)
    flow_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
    flow_curl_set_data(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, user in
      guard let bytes, let user else { return 0 }
      let transfer = Unmanaged<HTTPTransfer>.fromOpaque(user).takeUnretainedValue()
      return transfer.append(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
  }

  private func setUpBody(_ easy: UnsafeMutableRawPointer) {
    switch outgoing.method {
    case "GET" where outgoing.body == nil: flow_curl_set_long(easy, CURLOPT_HTTPGET, 1)
    case "HEAD": flow_curl_set_long(easy, CURLOPT_NOBODY, 1)
    default:
      flow_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, outgoing.method)
      guard outgoing.body != nil || ["POST", "PUT", "PATCH"].contains(outgoing.method) else { return }
      let body = outgoing.body ?? []
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

  /// - Returns: The number of accepted bytes; fewer than `bytes` ends the transfer.
  private func append(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard answer.count + bytes.count <= HTTPTransfer.maximumAnswer else {
      isTooLong = true
      return 0
    }
    answer += bytes
    return bytes.count
  }

  // MARK: - The end

  override func outcome(of easy: UnsafeMutableRawPointer, _ result: CURLcode) -> JobOutcome {
    if isTooLong {
      return .impossible(
        code: "ANSWER_TOO_LONG", message: "the answer has more than \(HTTPTransfer.maximumAnswer) bytes")
    }
    guard result == CURLE_OK else { return .unreachable(Transfer.text(of: result)) }
    var status = 0
    flow_curl_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    if 200..<300 ~= status { return response(easy) }
    return .status(status, message: request.shown(answer), retryAfterMilliseconds: retryAfter(easy))
  }

  /// The response as JSON if its type says so, or if it has no type and is valid JSON; otherwise its text.
  private func response(_ easy: UnsafeMutableRawPointer) -> JobOutcome {
    if answer.isEmpty { return .done(.null) }
    var type: UnsafeMutablePointer<CChar>?
    flow_curl_get_text(easy, CURLINFO_CONTENT_TYPE, &type)
    let isDeclared = type.map { String(cString: $0).lowercased().contains("json") }
    guard isDeclared != false else { return .done(.string(String(decoding: answer, as: UTF8.self))) }
    do throws(JSONError) {
      return .done(try JSON(parsing: answer))
    } catch {
      guard isDeclared == true else { return .done(.string(String(decoding: answer, as: UTF8.self))) }
      return .impossible(
        code: "INVALID_RESULT",
        message: "the response is not JSON, as its type says: byte \(error.offset + 1): \(error.message)")
    }
  }

  private func retryAfter(_ easy: UnsafeMutableRawPointer) -> Int64? {
    var seconds: curl_off_t = 0
    flow_curl_get_size(easy, CURLINFO_RETRY_AFTER, &seconds)
    guard seconds > 0 else { return nil }
    return min(Int64(seconds), HTTPTransfer.maximumRetryAfter / 1000) * 1000
  }
}
