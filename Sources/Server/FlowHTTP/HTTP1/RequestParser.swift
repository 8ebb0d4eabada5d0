internal import CBeast

/// Parses requests one after another. The only user of CBeast.
struct RequestParser: ~Copyable {
  /// The result of parsing some bytes.
  enum Outcome: Equatable {
    case more
    case complete
    case refused(status: Int, reason: String)
  }

  private let parser: OpaquePointer?
  /// True if bytes of the current request were consumed.
  private(set) var hasBegun = false

  init(limits: HTTPServer.Configuration.Limits) {
    parser = cbeast_parser_create(
      UInt32(clamping: limits.headerBytes), UInt32(clamping: limits.headerFields), UInt64(clamping: limits.bodyBytes))
  }

  deinit { cbeast_parser_destroy(parser) }

  /// Consumes the bytes that it can parse; the others have to be passed again with the following ones.
  mutating func feed(_ bytes: Span<UInt8>) -> (consumed: Int, outcome: Outcome) {
    guard let parser else { return (0, .refused(status: 503, reason: "there is no memory for the request")) }
    var consumed = 0
    let result = bytes.withUnsafeBufferPointer { cbeast_parser_put(parser, $0.baseAddress, $0.count, &consumed) }
    hasBegun = true
    switch Int(result) {
    case CBEAST_MORE: return (consumed, .more)
    case CBEAST_COMPLETE: return (consumed, .complete)
    case let status: return (consumed, .refused(status: status, reason: String(cString: cbeast_parser_reason(parser))))
    }
  }

  /// Prepares for the next request.
  mutating func reset() {
    hasBegun = false
    if let parser { cbeast_parser_reset(parser) }
  }

  /// True if the head is complete.
  var bodyBytes: Int { hasBegun ? parser.map { cbeast_parser_message($0).body_length } ?? 0 : 0 }

  /// True if only the body is missing.
  var isHeadComplete: Bool { parser.map { cbeast_parser_message($0).is_head_complete } ?? false }

  /// True if the head is complete, the body is not, and the peer expects `100 Continue` before sending it.
  var awaitsContinue: Bool {
    guard let parser else { return false }
    let message = cbeast_parser_message(parser)
    return message.is_head_complete && message.expects_continue && message.body_length == 0
  }

  /// The properties of the complete request that the connection needs.
  var traits: RequestTraits {
    guard let parser else { return RequestTraits() }
    let message = cbeast_parser_message(parser)
    return RequestTraits(
      isLegacy: message.is_legacy, isKeptAlive: message.is_kept_alive,
      asksForUpgrade: message.is_upgrade && !message.is_legacy && !message.has_body)
  }

  /// The complete request.
  func request(from remoteAddress: String) -> HTTPRequest {
    guard let parser else { return HTTPRequest(method: "", target: "") }
    let message = cbeast_parser_message(parser)
    let text = UnsafeBufferPointer(start: message.text, count: message.text_length)
    let methodEnd = Int(message.method_length)
    let targetEnd = methodEnd + Int(message.target_length)
    let fields = UnsafeBufferPointer(start: message.fields, count: message.field_count).map { field in
      HTTPHeaders.Field(
        nameStart: Int32(field.name_start), nameLength: Int32(field.name_length),
        valueStart: Int32(field.value_start), valueLength: Int32(field.value_length))
    }
    return HTTPRequest(
      method: String(decoding: text[..<methodEnd], as: UTF8.self),
      target: String(decoding: text[methodEnd..<targetEnd], as: UTF8.self),
      headers: HTTPHeaders(bytes: Array(text), fields: fields),
      body: Array(UnsafeBufferPointer(start: message.body, count: message.body_length)),
      remoteAddress: remoteAddress)
  }
}

/// The properties of a request that determine the framing of the response.
struct RequestTraits {
  var isLegacy = false
  var isKeptAlive = false
  var asksForUpgrade = false
  var isHead = false
}

/// The `Sec-WebSocket-Accept` value for `key`.
func webSocketAccept(key: String) -> [UInt8] {
  let key = Array(key.utf8)
  return [UInt8](unsafeUninitializedCapacity: CBEAST_ACCEPT_LENGTH) { buffer, count in
    key.withUnsafeBufferPointer { cbeast_websocket_accept($0.baseAddress, $0.count, buffer.baseAddress) }
    count = CBEAST_ACCEPT_LENGTH
  }
}
