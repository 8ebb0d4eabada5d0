internal import CWslay

/// Decodes bytes of a WebSocket peer to messages, and encodes the required replies. The only user of libwslay.
final class FrameReader {
  /// The progress of the closing handshake.
  enum Closing {
    case open
    /// The close frame was sent, the peer's is pending.
    case sent
    /// Both close frames were sent, or the peer has violated the protocol and was notified.
    case done
  }

  private(set) var closing = Closing.open
  /// The received messages; the reader removes them.
  var messages: [WebSocketMessage] = []
  /// Pongs and close frames to send; the reader removes them.
  var replies: [UInt8] = []

  /// The approximate bytes of the message that is not complete yet.
  private(set) var heldBytes = 0

  private var context: wslay_event_context_ptr?
  private var input = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  private var frameCount = 0
  private let limits: HTTPServer.Configuration.Limits
  private let codec: MessageCodec?
  /// The number of bytes to which the input of one `receive` was expanded.
  private var inflatedBytes = 0
  /// A violation within a frame that wslay does not check.
  private var failure: (code: Int, reason: String)?

  /// The first reserved bit in wslay's numbering: the message is compressed (RFC 7692, 6).
  static let compressedBit: UInt8 = 4
  /// The maximum expansion of one `receive`, in messages of the maximum size.
  static let inflatedMessages = 4

  /// - Parameter codec: Expands messages; nil without an agreement on compression.
  init(limits: HTTPServer.Configuration.Limits, codec: MessageCodec? = nil) {
    self.limits = limits
    self.codec = codec
    var callbacks = wslay_event_callbacks()
    callbacks.recv_callback = { context, buffer, count, _, user in
      guard let buffer, let reader = FrameReader.from(user), reader.append(into: buffer, count) > 0 else {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK.rawValue)
        return -1
      }
      return reader.lastTaken
    }
    callbacks.send_callback = { _, bytes, count, _, user in
      FrameReader.from(user)?.replies.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
      return count
    }
    callbacks.on_frame_recv_start_callback = { _, frame, user in
      if let frame { FrameReader.from(user)?.began(opcode: frame.pointee.opcode) }
    }
    callbacks.on_msg_recv_callback = { _, message, user in
      if let message { FrameReader.from(user)?.received(message.pointee) }
    }
    // The context is owned by this object, so that the unretained pointer stays valid.
    let user = Unmanaged.passUnretained(self).toOpaque()
    guard wslay_event_context_server_init(&context, &callbacks, user) == 0 else { return }
    wslay_event_config_set_max_recv_msg_length(context, UInt64(clamping: limits.messageBytes))
    if codec != nil { wslay_event_config_set_allowed_rsv_bits(context, Self.compressedBit) }
  }

  deinit {
    if let context { wslay_event_context_free(context) }
  }

  /// Reads all of `bytes`.
  func receive(_ bytes: Span<UInt8>) {
    guard let context, closing != .done else { return }
    inflatedBytes = 0
    heldBytes += bytes.count
    let result = bytes.withUnsafeBufferPointer { buffer in
      input = buffer
      defer { input = UnsafeBufferPointer(start: nil, count: 0) }
      return wslay_event_recv(context)
    }
    if frameCount > limits.messageFrames { failure = (1008, "too many frames in a message") }
    if let failure { queueClose(code: failure.code, reason: failure.reason) }
    flushReplies()
    // For a malformed frame wslay closes without a reason.
    if result != 0, replies.suffix(2) == [0x88, 0x00] {
      replies.replaceSubrange((replies.count - 1)..., with: [2, 3, 0xEA])
    }
    let isOver = result != 0 || wslay_event_get_read_enabled(context) == 0 || failure != nil
    if isOver { closing = .done }
  }

  /// Starts the closing handshake; later messages are discarded.
  func close(code: Int, reason: String) {
    guard closing == .open else { return }
    queueClose(code: code, reason: reason)
    flushReplies()
    closing = context == nil ? .done : .sent
  }

  private func queueClose(code: Int, reason: String) {
    guard let context else { return }
    var text = Array(reason.utf8.prefix(122))
    // Truncated at a character boundary, because the peer would reject invalid UTF-8.
    while String(validating: text, as: UTF8.self) == nil { text.removeLast() }
    let isValid = (1000..<5000).contains(code) && ![1004, 1005, 1006, 1015].contains(code)
    wslay_event_queue_close(context, isValid ? UInt16(code) : 1011, text, text.count)
  }

  private func flushReplies() {
    guard let context, wslay_event_want_write(context) != 0 else { return }
    wslay_event_send(context)
  }

  // MARK: Callbacks of wslay.

  private var lastTaken = 0

  private static func from(_ user: UnsafeMutableRawPointer?) -> FrameReader? {
    user.map { Unmanaged<FrameReader>.fromOpaque($0).takeUnretainedValue() }
  }

  private func append(into buffer: UnsafeMutablePointer<UInt8>, _ limit: Int) -> Int {
    lastTaken = min(limit, input.count)
    if lastTaken > 0, let start = input.baseAddress {
      buffer.update(from: start, count: lastTaken)
      input = UnsafeBufferPointer(rebasing: input[lastTaken...])
    }
    return lastTaken
  }

  private func began(opcode: UInt8) {
    if opcode < 0x8 { frameCount += 1 }
  }

  private func received(_ message: wslay_event_on_msg_recv_arg) {
    heldBytes = input.count
    if message.opcode < 0x8, frameCount <= limits.messageFrames { frameCount = 0 }
    guard closing == .open, failure == nil else { return }
    let payload = UnsafeBufferPointer(start: message.msg, count: message.msg_length)
    let isCompressed = message.rsv & Self.compressedBit != 0
    switch message.opcode {
    case 0x1 where isCompressed, 0x2 where isCompressed: inflate(payload, isText: message.opcode == 0x1)
    case 0x1: messages.append(.text(String(decoding: payload, as: UTF8.self)))
    case 0x2: messages.append(.binary(Array(payload)))
    default: break
    }
  }

  private func inflate(_ payload: UnsafeBufferPointer<UInt8>, isText: Bool) {
    guard let codec else { return }
    do throws(MessageCodec.Failure) {
      let bytes = try codec.inflated(payload, limit: limits.messageBytes)
      inflatedBytes += bytes.count
      if inflatedBytes > limits.messageBytes * Self.inflatedMessages {
        failure = (1008, "too much at once")
      } else if !isText {
        messages.append(.binary(bytes))
      } else if let text = String(validating: bytes, as: UTF8.self) {
        messages.append(.text(text))
      } else {
        failure = (1007, "the text is not UTF-8")
      }
    } catch {
      failure = error == .tooLong ? (1009, "the message is too long") : (1007, "the message can't be expanded")
    }
  }
}
