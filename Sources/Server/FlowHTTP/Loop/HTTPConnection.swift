/// An instant of the loop, with its `Date` header field.
struct Instant {
  /// Milliseconds of a monotonic clock.
  var milliseconds: Int
  /// The complete header line.
  var date: [UInt8]
}

/// The protocol state of one connection without its socket: bytes and instants are inputs; bytes, events and deadlines
/// are outputs.
///
/// The driver calls `receive`, `receiveEnd`, `wrote` and `tick`, passes responses, and after each call reads
/// `takeEvent()`, `output`, `deadline`, `wantsRead`, `isWriteEndDue` and `isClosed`.
final class HTTPConnection {
  /// The events that the driver reports to the handler.
  enum Event {
    /// The head of a request with a pending body; answered by `admitHead` or `refuseHead`.
    case head(HTTPRequest)
    case request(HTTPRequest)
    case opened(HTTPRequest)
    case message(WebSocketMessage)
    case closed
    case abandoned
    case drained(isSocket: Bool)
    /// Bytes of the peer of a tunnel.
    case tunnelled([UInt8])
  }

  /// The phase of the connection.
  enum Phase {
    /// Between requests, or within one.
    case reading
    /// The handler processes the request.
    case answering
    /// The handler sends the body in parts.
    case streaming
    case webSocket
    /// The upgraded connection is relayed: bytes are passed on in both directions.
    case tunnel
    /// All output is written; further input is discarded until the peer closes.
    case draining
    case closed
  }

  /// The timers of a connection; each has a fixed interval.
  enum Timer: Int, CaseIterable {
    case request
    case body
    case idle
    case ping
  }

  let configuration: HTTPServer.Configuration
  let remoteAddress: String
  var phase = Phase.reading
  var output = OutputBuffer()
  /// The running timer and its deadline.
  var deadline: (timer: Timer, milliseconds: Int)?

  var parser: RequestParser
  var pending = ByteQueue()
  var traits = RequestTraits()
  var framing = ResponseEncoder.Framing.length(0)
  var upgradeRequest: HTTPRequest?
  var frames: FrameReader?
  /// The agreed parameters of compression; nil for none.
  var deflate: DeflateAgreement?
  /// Shared by all connections of a loop.
  let codec: MessageCodec
  var hasSentContinue = false
  /// True if the driver was asked about the head of the current request; `admittedContext` is the attached context.
  var isHeadAnnounced = false
  var admittedContext: (any Sendable)?
  let peer = HTTPPeer()
  var hasPeerEnded = false
  var isShuttingDown = false
  var isPeerSilent = false
  private var awaitsDrain = false
  var requestCount = 0

  private var events: [Event] = []
  private var nextEvent = 0

  init(configuration: HTTPServer.Configuration, codec: MessageCodec, remoteAddress: String, now: Instant) {
    self.configuration = configuration
    self.codec = codec
    self.remoteAddress = remoteAddress
    parser = RequestParser(limits: configuration.limits)
    // A peer that has not completed its TLS handshake has the timeout of a request.
    run(configuration.tls == nil ? .idle : .request, now: now)
  }

  // MARK: State for the driver.

  var isClosed: Bool { phase == .closed }

  /// True if every request is answered, and every answer is written.
  var isIdle: Bool { phase == .reading && !parser.hasBegun && pending.isEmpty && output.isEmpty }

  /// True if a request or its answer is in progress.
  var isBusy: Bool {
    switch phase {
    case .reading: !isIdle
    case .answering: true
    case .draining: !output.isEmpty
    case .streaming, .webSocket, .tunnel, .closed: false
    }
  }

  /// True if all output is written, so that the sending side of the socket has to be closed.
  var isWriteEndDue: Bool { phase == .draining && output.isEmpty }

  /// True if there is capacity for further input.
  var wantsRead: Bool {
    !hasPeerEnded && phase != .closed && pending.count < configuration.limits.pipelinedBytes
  }

  /// The bytes that are held for the peer.
  var heldBytes: Int {
    switch phase {
    case .closed: 0
    case .webSocket: output.count + (frames?.heldBytes ?? 0)
    default: output.count + pending.count + parser.bodyBytes
    }
  }

  func dequeueEvent() -> Event? {
    guard nextEvent < events.count else { return nil }
    let event = events[nextEvent]
    nextEvent += 1
    if nextEvent == events.count {
      events.removeAll(keepingCapacity: true)
      nextEvent = 0
    }
    return event
  }

  // MARK: Input.

  /// Processes bytes from the peer.
  func receive(_ bytes: Span<UInt8>, now: Instant) {
    switch phase {
    case .reading where pending.isEmpty && output.count < configuration.limits.pipelinedBytes:
      let consumed = read(bytes, now: now)
      if phase == .reading || phase == .answering { pending.append(bytes.extracting(consumed...)) }
      settle(now: now)
    case .reading:
      pending.append(bytes)
      readPending(now: now)
    case .answering, .streaming:
      pending.append(bytes)
    case .webSocket:
      receiveFrames(bytes, now: now)
    case .tunnel:
      emit(.tunnelled(bytes.withUnsafeBufferPointer { Array($0) }))
    case .draining, .closed:
      break
    }
  }

  /// The peer has closed its sending side.
  func receiveEnd(now: Instant) {
    hasPeerEnded = true
    peer.end()
    switch phase {
    case .reading: finish(now: now)
    case .answering: break
    case .streaming, .webSocket, .tunnel: abort()
    case .draining: if output.isEmpty { abort() }
    case .closed: break
    }
  }

  /// The first `count` bytes of `output` were written.
  func wrote(_ count: Int, now: Instant) {
    output.consume(count)
    if output.isEmpty, phase == .draining, hasPeerEnded { return abort() }
    if deadline?.timer == .idle { deadline = nil }
    noteDrain()
    if phase == .reading, !pending.isEmpty { return readPending(now: now) }
    settle(now: now)
  }

  /// Acts if the running timer has expired.
  func tick(now: Instant) {
    guard let deadline, deadline.milliseconds <= now.milliseconds else { return }
    self.deadline = nil
    switch (phase, deadline.timer) {
    case (.reading, .request) where output.isEmpty, (.reading, .body) where output.isEmpty:
      refuse(status: 408, reason: "the request took too long", now: now)
    case (.webSocket, .ping): ping(now: now)
    default: abort()
    }
  }

  /// Shuts down: ends an idle connection, and completes a request in progress.
  func shutDown(now: Instant) {
    isShuttingDown = true
    switch phase {
    case .reading where !parser.hasBegun && pending.isEmpty: finish(now: now)
    case .reading, .answering, .draining, .closed: break
    case .streaming, .tunnel: abort()
    case .webSocket: closeSocket(code: 1001, reason: "the server is going away", now: now)
    }
  }

  /// Ends immediately: the socket is broken, or the peer has exceeded a limit.
  func abort() {
    peer.end()
    switch phase {
    case .webSocket: emit(.closed)
    case .streaming, .tunnel: emit(.abandoned)
    default: break
    }
    frames = nil
    phase = .closed
    deadline = nil
  }

  /// Requests an event when all output is written.
  func awaitDrain() {
    awaitsDrain = true
    noteDrain()
  }

  private func noteDrain() {
    guard awaitsDrain, output.isEmpty, [.streaming, .tunnel, .webSocket].contains(phase) else { return }
    awaitsDrain = false
    emit(.drained(isSocket: phase == .webSocket))
  }

  // MARK: Shared by requests and frames.

  func emit(_ event: Event) {
    events.append(event)
  }

  /// Closes after pending output, and not with a reset, which could discard the response at the peer.
  func finish(now: Instant) {
    pending = ByteQueue()
    if output.isEmpty, hasPeerEnded { return abort() }
    if phase == .webSocket { emit(.closed) }
    frames = nil
    phase = .draining
    deadline = nil
    settle(now: now)
  }

  /// Starts the timer of the phase, unless it is already running.
  func settle(now: Instant) {
    switch phase {
    case .reading where !output.isEmpty: run(.idle, now: now)
    case .reading where parser.hasBegun || !pending.isEmpty: run(parser.isHeadComplete ? .body : .request, now: now)
    case .reading: run(.idle, now: now)
    case .streaming where !output.isEmpty, .tunnel where !output.isEmpty: run(.idle, now: now)
    case .answering, .streaming, .tunnel, .closed: deadline = nil
    case .webSocket: run(frames?.closing == .open ? .ping : .request, now: now)
    case .draining: run(.request, now: now)
    }
  }

  private func run(_ timer: Timer, now: Instant) {
    if deadline?.timer == timer { return }
    deadline = (timer, now.milliseconds + configuration.timeouts.milliseconds(of: timer))
  }
}

extension HTTPServer.Configuration.Timeouts {
  /// The interval of `timer`.
  func milliseconds(of timer: HTTPConnection.Timer) -> Int {
    switch timer {
    case .request: requestMilliseconds
    case .body: bodyMilliseconds
    case .idle: idleMilliseconds
    case .ping: pingMilliseconds
    }
  }
}
