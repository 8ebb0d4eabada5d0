extension HTTPConnection {
  /// The number of pending output bytes above which the next pipelined request is not read.
  private var pipelinedOutputLimit: Int { configuration.limits.pipelinedBytes }

  // MARK: Reading.

  /// Reads the bytes of the current request and returns their number.
  func read(_ bytes: Span<UInt8>, now: Instant) -> Int {
    var start = 0
    // One empty line before a request is ignored (RFC 9112, 2.2).
    if !parser.hasBegun, bytes.count >= 2, bytes[0] == UInt8(ascii: "\r"), bytes[1] == UInt8(ascii: "\n") { start = 2 }
    if start == bytes.count { return start }
    let (consumed, outcome) = parser.feed(bytes.extracting(start...))
    switch outcome {
    case .complete: completeRequest(now: now)
    case .refused(let status, let reason): refuse(status: status, reason: reason, now: now)
    case .more:
      // The parser consumes a head, a chunk's line or the trailers only when they are complete.
      if bytes.count - start - consumed > configuration.limits.headerBytes {
        refuse(status: 431, reason: "the header is too large", now: now)
      } else {
        announceHead()
      }
    }
    return start + consumed
  }

  /// Reads the next buffered request, if the peer receives its responses.
  func readPending(now: Instant) {
    if phase == .reading, !pending.isEmpty, output.count < pipelinedOutputLimit {
      // Removed while it is read, because reading may end the connection and discard it.
      var queue = pending
      pending = ByteQueue()
      let consumed = queue.withSpan { read($0, now: now) }
      queue.consume(consumed)
      if phase == .reading || phase == .answering { pending = queue }
    }
    let isStuck = !pending.isEmpty && output.count >= pipelinedOutputLimit
    if phase == .reading, hasPeerEnded, !isStuck { return finish(now: now) }
    settle(now: now)
  }

  /// Asks the driver, once, whether to read the body.
  private func announceHead() {
    guard !isHeadAnnounced, parser.isHeadComplete else { return }
    isHeadAnnounced = true
    var head = parser.request(from: remoteAddress)
    head.peer = peer
    emit(.head(head))
  }

  /// Continues the request whose head was announced.
  func admitHead(context: (any Sendable)?) {
    admittedContext = context
    if phase == .reading { continueIfAwaited() }
  }

  /// Answers the request whose head was announced without reading its body, and closes the connection.
  func refuseHead(_ response: HTTPResponse, now: Instant) {
    if phase == .reading { refuse(response, now: now) }
  }

  private func continueIfAwaited() {
    guard !hasSentContinue, parser.awaitsContinue else { return }
    hasSentContinue = true
    output.write { ResponseEncoder.appendContinue(to: &$0) }
  }

  private func completeRequest(now: Instant) {
    traits = parser.traits
    var request = parser.request(from: remoteAddress)
    request.peer = peer
    request.context = admittedContext
    traits.isHead = request.method == "HEAD"
    requestCount += 1
    if requestCount >= configuration.limits.requestsPerConnection { traits.isKeptAlive = false }
    if traits.asksForUpgrade, request.method == "GET", request.headers.contains(token: "websocket", in: "Upgrade") {
      guard request.headers["Sec-WebSocket-Version"] == "13" else { return refuseWebSocketVersion(now: now) }
      guard hasValidKey(request) else {
        return refuse(status: 400, reason: "the Sec-WebSocket-Key is malformed", now: now)
      }
      guard let offers = ExtensionOffer.list(request.headers.values(of: "Sec-WebSocket-Extensions")) else {
        return refuse(status: 400, reason: "the Sec-WebSocket-Extensions are malformed", now: now)
      }
      deflate = DeflateAgreement(offers)
      request.isUpgrade = true
      upgradeRequest = request
    }
    phase = .answering
    emit(.request(request))
  }

  private func hasValidKey(_ request: HTTPRequest) -> Bool {
    let keys = request.headers.values(of: "Sec-WebSocket-Key")
    guard keys.count == 1, let key = keys.first?.utf8, key.count == 24, key.reversed().starts(with: "==".utf8) else {
      return false
    }
    return key.dropLast(2).allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"): true
      default: false
      }
    }
  }

  // MARK: Rejections.

  /// Sends an error response of this layer and closes the connection.
  func refuse(status: Int, reason: String, now: Instant) {
    refuse(.problem(status: status, detail: reason), now: now)
  }

  private func refuseWebSocketVersion(now: Instant) {
    var response = HTTPResponse.problem(status: 426, detail: "WebSocket is spoken in version 13 only")
    response.headers += [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]
    refuse(response, now: now)
  }

  private func refuse(_ response: HTTPResponse, now: Instant) {
    traits.isKeptAlive = false
    write(response, now: now)
    finish(now: now)
  }

  // MARK: Responses.

  /// Sends the handler's response, or its head and first part.
  func respond(_ response: HTTPResponse, now: Instant) {
    guard phase == .answering else { return }
    var response = response
    if !(200..<600).contains(response.status) { response = .problem(status: 500, detail: "the status is out of range") }
    write(response, now: now)
    if response.isStreaming, HTTPStatus.mayHaveBody(response.status), !traits.isHead {
      phase = .streaming
      settle(now: now)
    } else {
      // A handler that streams is notified that the response has no body.
      if response.isStreaming { emit(.abandoned) }
      completeAnswer(now: now)
    }
  }

  /// Sends a part of a streaming response.
  func stream(_ chunk: [UInt8], now: Instant) {
    guard phase == .streaming || phase == .tunnel, !chunk.isEmpty else { return }
    if output.count + chunk.count > configuration.limits.queuedBytes { return abort() }
    appendPart(chunk)
    settle(now: now)
  }

  /// Ends a streaming response, or a tunnel.
  func finishStream(now: Instant) {
    if phase == .tunnel { return finish(now: now) }
    guard phase == .streaming else { return }
    if case .chunked = framing { output.write { ResponseEncoder.appendLastChunk(to: &$0) } }
    completeAnswer(now: now)
  }

  private func write(_ response: HTTPResponse, now: Instant) {
    framing = .length(response.body.count)
    if response.isStreaming {
      framing = traits.isLegacy ? .untilClose : .chunked
      if traits.isLegacy { traits.isKeptAlive = false }
    }
    if isShuttingDown { traits.isKeptAlive = false }
    let persistence: ResponseEncoder.Persistence =
      !traits.isKeptAlive ? .close : traits.isLegacy ? .keptAliveLegacy : .keptAlive
    output.write { [framing] out in
      ResponseEncoder.appendHead(of: response, framing: framing, persistence: persistence, date: now.date, to: &out)
    }
    if !traits.isHead, HTTPStatus.mayHaveBody(response.status), !response.body.isEmpty { appendPart(response.body) }
  }

  private func appendPart(_ bytes: [UInt8]) {
    if case .chunked = framing, phase != .tunnel {
      output.write { ResponseEncoder.appendChunk(bytes, to: &$0) }
    } else {
      output.write { $0.append(contentsOf: bytes) }
    }
  }

  private func completeAnswer(now: Instant) {
    upgradeRequest = nil
    guard traits.isKeptAlive, !isShuttingDown else { return finish(now: now) }
    phase = .reading
    hasSentContinue = false
    isHeadAnnounced = false
    admittedContext = nil
    deadline = nil
    traits = RequestTraits()
    parser.reset()
    readPending(now: now)
  }
}
