import CCurl
import FlowMachine
import FlowRuntime
import FlowSource

/// One HTTP request of libcurl's, with what has come back of it.
final class Transfer {
  /// How much of an answer is kept.
  static let maximumBody = 1 << 20

  let handle: UnsafeMutableRawPointer
  private let headers: UnsafeMutablePointer<curl_slist>?
  private let finish: @Sendable (JobOutcome) -> Void
  private var body: [UInt8] = []
  private var retryAfter: Int64?
  private var isTooLong = false

  /// - Returns: Nil when libcurl has no memory left.
  init?(
    method: String, url: String, headers pairs: [BoundAction.Header], body: JSON?, _ request: JobRequest,
    finish: @escaping @Sendable (JobOutcome) -> Void
  ) {
    guard let handle = curl_easy_init() else { return nil }
    self.handle = handle
    self.finish = finish
    var list = curl_slist_append(nil, "Idempotency-Key: \(Transfer.oneLine(request.idempotencyKey))")
    list = curl_slist_append(list, "Flow-Attempt: \(request.attempt)")
    if body != nil { list = curl_slist_append(list, "Content-Type: application/json") }
    // Without this libcurl waits for `100 Continue` before a larger body.
    list = curl_slist_append(list, "Expect:")
    for pair in pairs {
      list = curl_slist_append(list, "\(Transfer.oneLine(pair.name)): \(Transfer.oneLine(pair.value))")
    }
    headers = list
    flow_curl_set_headers(handle, list)
    flow_curl_set_text(handle, CURLOPT_URL, url)
    flow_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, method)
    flow_curl_set_text(handle, CURLOPT_USERAGENT, "flow")
    flow_curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    flow_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    flow_curl_set_long(handle, CURLOPT_TIMEOUT_MS, Int(clamping: request.timeoutMilliseconds))
    if let body {
      let bytes = body.bytes()
      flow_curl_set_body(handle, bytes, bytes.count)
    }
    if method == "HEAD" { flow_curl_set_long(handle, CURLOPT_NOBODY, 1) }
    flow_curl_set_receivers(
      handle, { Transfer.receive($0, $1 * $2, $3) { $0.take(body: $1) } },
      { Transfer.receive($0, $1 * $2, $3) { $0.take(header: $1) } }, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    curl_easy_cleanup(handle)
    curl_slist_free_all(headers)
  }

  /// A header that is computed must not bring others along.
  private static func oneLine(_ text: String) -> String {
    String(decoding: text.utf8.filter { $0 >= 0x20 && $0 != 0x7F }, as: UTF8.self)
  }

  private static func receive(
    _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
    _ take: (Transfer, UnsafeRawBufferPointer) -> Bool
  ) -> Int {
    guard let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    return take(transfer, UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
  }

  private func take(body bytes: UnsafeRawBufferPointer) -> Bool {
    guard body.count + bytes.count <= Transfer.maximumBody else {
      isTooLong = true
      return false
    }
    body += bytes
    return true
  }

  private func take(header bytes: UnsafeRawBufferPointer) -> Bool {
    let line = String(decoding: bytes, as: UTF8.self).lowercased()
    if line.hasPrefix("retry-after:") {
      let digits = line.dropFirst(12).filter { $0.isASCII && $0.isNumber }
      retryAfter = Int64(digits.prefix(9)).map { $0 * 1000 }
    }
    return true
  }

  /// Tells whoever asked what came of it.
  func end(_ code: CURLcode) {
    let status = flow_curl_status(handle)
    if isTooLong {
      finish(.unreachable("the answer is longer than \(Transfer.maximumBody) bytes"))
    } else if code != CURLE_OK {
      finish(.unreachable(String(cString: curl_easy_strerror(code))))
    } else if (200..<300).contains(status) {
      finish(.done(body.isEmpty ? .null : (try? JSON(parsing: body)) ?? .string(String(decoding: body, as: UTF8.self))))
    } else {
      let start = String(decoding: body.prefix(500), as: UTF8.self)
      finish(.status(status, message: start, retryAfterMilliseconds: retryAfter))
    }
  }
}
