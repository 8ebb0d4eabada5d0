import CCurl
import FlowHTTP
import FlowServer

/// An attempt of an ordinary request. Responses of known, moderate length are relayed as a whole; longer ones, and
/// streams, as they arrive, at the pace of the client.
final class TransferAttempt: Attempt {
  private var list: UnsafeMutablePointer<curl_slist>?
  private var head = ResponseHead()
  private var body: [UInt8] = []
  private var isPaused = false

  deinit { curl_slist_free_all(list) }

  override func setUp(_ easy: UnsafeMutableRawPointer) {
    let request = exchange.request
    flow_curl_set_text(easy, CURLOPT_REQUEST_TARGET, exchange.target)
    flow_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
    let mayLackBody = ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"].contains(request.method)
    if request.method == "HEAD" { flow_curl_set_long(easy, CURLOPT_NOBODY, 1) }
    if !request.body.isEmpty || !mayLackBody {
      flow_curl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
      _ = request.body.withUnsafeBytes { bytes in
        flow_curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, bytes.bindMemory(to: CChar.self).baseAddress)
      }
    }
    // libcurl sends a request again on another connection when a used one turns out to be closed.
    if !exchange.isRepeatable { flow_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1) }
    var fields = exchange.fields
    for name in ["Accept", "Content-Type", "Expect"] where request.headers[name] == nil { fields.append((name, "")) }
    for (name, value) in fields {
      // libcurl omits a header without a value, and sends one that ends with a semicolon.
      let isSuppressed = value.isEmpty && request.headers[name] == nil
      let line = value.isEmpty && !isSuppressed ? "\(name);" : "\(name): \(value)"
      list = curl_slist_append(list, isSuppressed ? "\(name):" : line)
    }
    flow_curl_set_list(easy, CURLOPT_HTTPHEADER, list)
    let me = Unmanaged.passUnretained(self).toOpaque()
    flow_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
    flow_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
    flow_curl_set_data(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, user in
      guard let bytes, let user else { return 0 }
      let attempt = Unmanaged<TransferAttempt>.fromOpaque(user).takeUnretainedValue()
      attempt.receive(line: UnsafeRawBufferPointer(start: bytes, count: size * count))
      return size * count
    }
    flow_curl_set_data(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, user in
      guard let bytes, let user else { return 0 }
      let attempt = Unmanaged<TransferAttempt>.fromOpaque(user).takeUnretainedValue()
      let isAccepted = attempt.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
      return isAccepted ? size * count : Int(CURL_WRITEFUNC_PAUSE)
    }
  }

  private func receive(line: UnsafeRawBufferPointer) {
    let text = String(decoding: line, as: UTF8.self).prefix { $0 != "\r\n" && $0 != "\n" && $0 != "\r" }
    guard text.isEmpty else { return head.add(text) }
    // A stream may have no data for a long time.
    let hasBody = exchange.request.method != "HEAD" && head.status >= 200 && head.status != 204 && head.status != 304
    if hasBody, head.length.map({ $0 > Attempt.collectedBytes }) ?? true { startStream() }
  }

  private func startStream() {
    guard !isAnswering else { return }
    isAnswering = true
    exchange.respond.send(.streaming(status: head.status, headers: head.headers))
  }

  /// - Returns: False when the client has to receive earlier data first.
  private func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard isAnswering else {
      body.append(contentsOf: bytes)
      return true
    }
    if pending + bytes.count > Attempt.pendingBytes, awaitsDrain {
      isPaused = true
      return false
    }
    exchange.respond.send(chunk: Array(bytes))
    didSend(bytes.count)
    return true
  }

  override func drained() {
    super.drained()
    guard isPaused else { return }
    isPaused = false
    curl_easy_pause(easy, CURLPAUSE_CONT)
  }

  /// Completes the response.
  /// - Returns: The failure of the attempt when the client has received nothing.
  func end(_ result: CURLcode) -> AttemptFailure? {
    guard result == CURLE_OK else {
      guard isAnswering else { return wasSent ? .ambiguous : .notExecuted(owner: nil) }
      exchange.respond.abort()
      return nil
    }
    if isAnswering {
      exchange.respond.finish()
      return nil
    }
    if StandbyAccess.isNotExecuted(status: head.status, body: body) { return .notExecuted(owner: head.owner) }
    // The length of a response to HEAD is that of the body which is not sent.
    if exchange.request.method == "HEAD" {
      body = [UInt8](repeating: 0, count: min(head.length ?? 0, Attempt.collectedBytes))
    }
    exchange.respond.send(HTTPResponse(status: head.status, headers: head.headers, body: body))
    return nil
  }

  private var wasSent: Bool {
    var count = 0
    if let easy { flow_curl_get_long(easy, CURLINFO_REQUEST_SIZE, &count) }
    return count > 0
  }
}
