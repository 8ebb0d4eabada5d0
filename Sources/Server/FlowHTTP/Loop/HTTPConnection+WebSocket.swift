extension HTTPConnection {
  /// Accepts the upgrade of the current request; any other request is rejected.
  func upgrade(subprotocol: String?, context: (any Sendable)? = nil, now: Instant) {
    guard phase == .answering else { return }
    guard var request = upgradeRequest, !isShuttingDown else {
      let isAsked = upgradeRequest != nil
      let reason = isAsked ? "the server is going away" : "this resource speaks WebSocket"
      return respond(.problem(status: isAsked ? 503 : 426, detail: reason), now: now)
    }
    let accept = webSocketAccept(key: request.headers["Sec-WebSocket-Key"] ?? "")
    output.write { [extensions = deflate?.response] out in
      ResponseEncoder.appendSwitch(
        accept: accept, subprotocol: subprotocol, extensions: extensions, date: now.date, to: &out)
    }
    phase = .webSocket
    deadline = nil
    upgradeRequest = nil
    frames = FrameReader(limits: configuration.limits, codec: deflate == nil ? nil : codec)
    request.context = context
    emit(.opened(request))
    if hasPeerEnded { return abort() }
    let early = pending
    pending = ByteQueue()
    early.withSpan { receiveFrames($0, now: now) }
  }

  /// Relays the upgraded connection from now on: another server has accepted the upgrade of the current request.
  /// - Parameter head: The first bytes of that server.
  func tunnel(_ head: [UInt8], now: Instant) {
    guard phase == .answering, upgradeRequest != nil, !isShuttingDown, !hasPeerEnded else {
      emit(.abandoned)
      return abort()
    }
    phase = .tunnel
    deadline = nil
    upgradeRequest = nil
    output.write { $0.append(contentsOf: head) }
    let early = pending
    pending = ByteQueue()
    early.withSpan { if !$0.isEmpty { receive($0, now: now) } }
    settle(now: now)
  }

  /// Queues a frame; a peer that is too slow is disconnected and may reconnect.
  func send(_ frame: EncodedFrame, now: Instant) {
    guard phase == .webSocket, frames?.closing == .open else { return }
    let frame = deflate.map { frame.deflated(windowBits: $0.windowBits, by: codec) } ?? frame
    if output.count + frame.bytes.count > configuration.limits.queuedBytes {
      output.dropUnsentFrames()
      return closeSocket(code: 1013, reason: "the reader is too slow", now: now)
    }
    output.append(frame)
  }

  /// Starts the closing handshake.
  func closeSocket(code: Int, reason: String, now: Instant) {
    guard phase == .webSocket, let frames, frames.closing == .open else { return }
    frames.close(code: code, reason: reason)
    afterFrames(now: now)
  }

  func receiveFrames(_ bytes: Span<UInt8>, now: Instant) {
    guard let frames else { return }
    isPeerSilent = false
    frames.receive(bytes)
    for message in frames.messages { emit(.message(message)) }
    frames.messages.removeAll(keepingCapacity: true)
    afterFrames(now: now)
  }

  /// Pings the peer, or disconnects it if it was silent since the last ping.
  func ping(now: Instant) {
    if isPeerSilent { return abort() }
    isPeerSilent = true
    send(.ping, now: now)
    settle(now: now)
  }

  private func afterFrames(now: Instant) {
    guard let frames else { return }
    if !frames.replies.isEmpty {
      output.append(EncodedFrame(raw: frames.replies))
      frames.replies.removeAll()
    }
    if frames.closing == .done { return finish(now: now) }
    // A peer that only pings and never reads would fill the buffer with pongs.
    if frames.closing == .open, output.count > configuration.limits.queuedBytes { return abort() }
    settle(now: now)
  }
}
