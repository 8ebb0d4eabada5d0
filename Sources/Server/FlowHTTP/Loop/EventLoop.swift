/// Transfers bytes between sockets and connections, on one thread; all of its state belongs to that thread.
final class EventLoop {
  /// The slot of a connection; its index is reused, its generation is not.
  struct ConnectionSlot {
    var socket: Int32 = -1
    var connection: HTTPConnection?
    /// Counts requests, so that a response matches exactly one of them.
    var generation: UInt64 = 0
    var interest = Poller.Interest.read
    var isTouched = false
    var hasEndedWriting = false
    /// True if it was opened while the server stops: it gets a refusal, and nothing waits for it.
    var isLate = false
    var tls: TLSSession?
    /// The bytes that the connection held when it was last inspected.
    var heldBytes = 0
  }

  private enum Key {
    static let listener = Int(UInt32.max)
    static let inbox = Int(UInt32.max) - 1
  }

  let configuration: HTTPServer.Configuration
  let handler: any HTTPHandler
  let inbox: Inbox
  var slots: [ConnectionSlot] = []
  var now = Instant(milliseconds: 0, date: [])

  private var listener: Int32
  private var poller = Poller()
  private var ready: [Poller.Readiness] = []
  private var timers = TimerLists()
  private var date = HTTPDate()
  private let codec = MessageCodec()
  private var deliveries: [Inbox.Delivery] = []
  /// True if a function was run since the last deliveries.
  private var hasRunFunctions = false
  private var touched: [Int] = []
  private var free: [Int] = []
  private var released: [Int] = []
  var openCount = 0
  /// The sum of the bytes that connections hold.
  private var heldBytes = 0
  private var pausedUntil: Int?
  var stopsAt: Int?
  /// The instant after which only connections with a request in progress delay the end.
  var closesAt: Int?
  var lateCount = 0
  let scratch = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 256 * 1024)

  /// The pause before accepting again when no descriptor is free, in milliseconds.
  private static let pauseMilliseconds = 100
  private static let receiveSize = 64 * 1024
  private static let acceptsPerTurn = 64

  init(configuration: HTTPServer.Configuration, handler: any HTTPHandler, inbox: Inbox, listener: Int32) {
    self.configuration = configuration
    self.handler = handler
    self.inbox = inbox
    self.listener = listener
  }

  deinit {
    scratch.deallocate()
    if listener >= 0 { Sockets.close(listener) }
  }

  /// Runs until the inbox requests a stop and all connections have ended.
  func run() {
    _ = poller.add(inbox.wakeup, key: Key.inbox, .read)
    _ = poller.add(listener, key: Key.listener, .read)
    readClocks()
    while !hasStopped { turn() }
    for index in slots.indices { end(index) }
    for case .run(let body) in inbox.close() { body() }
  }

  private func turn() {
    poller.wait(milliseconds: waitMilliseconds(), into: &ready)
    readClocks()
    inbox.wakeUp(isSignalled: ready.contains { $0.key == Key.inbox })
    for event in ready { react(to: event) }
    if let until = pausedUntil, until <= now.milliseconds { resumeAccepting() }
    while let slot = timers.popDue(now: now.milliseconds) {
      slots[slot].connection?.tick(now: now)
      touch(slot)
    }
    deliver()
    settleTouched()
    free.append(contentsOf: released)
    released.removeAll(keepingCapacity: true)
  }

  private func readClocks() {
    date.update(second: SystemClock.second)
    now = Instant(milliseconds: SystemClock.milliseconds, date: date.line)
  }

  private func waitMilliseconds() -> Int {
    guard inbox.prepareToSleep() else { return 0 }
    let closing = closesAt.flatMap { $0 > now.milliseconds ? $0 : nil }
    let due = [timers.nextDue, pausedUntil, stopsAt, closing].compactMap { $0 }.min()
    return due.map { max(0, $0 - now.milliseconds) } ?? -1
  }

  private func react(to event: Poller.Readiness) {
    switch event.key {
    case Key.listener: acceptWaiting()
    case Key.inbox: break
    default:
      guard let connection = slots[event.key].connection else { return }
      if event.isReadable { receive(for: connection, slots[event.key]) }
      // Before other sockets are read, because compressed input can expand considerably.
      notify(event.key, connection)
      if event.isBroken, !event.isReadable { connection.abort() }
      touch(event.key)
    }
  }

  func receive(for connection: HTTPConnection, _ slot: ConnectionSlot) {
    let buffer = UnsafeMutableBufferPointer(rebasing: scratch[..<Self.receiveSize])
    switch Sockets.receive(on: slot.socket, into: buffer) {
    case .bytes(let count) where slot.tls != nil && count > 0:
      slot.tls?.receive(UnsafeBufferPointer(rebasing: buffer[..<count]), for: connection, now: now)
    case .bytes(0): connection.receiveEnd(now: now)
    case .bytes(let count): connection.receive(UnsafeBufferPointer(rebasing: buffer[..<count]).span, now: now)
    case .wouldBlock: break
    case .failed: connection.abort()
    }
  }

  // MARK: Connections.

  func acceptWaiting() {
    for _ in 0..<Self.acceptsPerTurn {
      switch Sockets.accept(on: listener) {
      case .socket(let socket, let address): open(socket, address)
      case .none: return
      case .exhausted: return pauseAccepting()
      }
    }
  }

  private func open(_ socket: Int32, _ address: String) {
    guard openCount < configuration.limits.connections else { return Sockets.close(socket) }
    let index = free.popLast() ?? slots.count
    if index == slots.count { slots.append(ConnectionSlot()) }
    let tls = configuration.tls?.session()
    // A connection is never unencrypted because of missing memory for a session.
    guard configuration.tls == nil || tls != nil, poller.add(socket, key: index, .read) else {
      free.append(index)
      return Sockets.close(socket)
    }
    let connection = HTTPConnection(configuration: configuration, codec: codec, remoteAddress: address, now: now)
    slots[index] = ConnectionSlot(
      socket: socket, connection: connection, generation: slots[index].generation + 1, isLate: stopsAt != nil,
      tls: tls)
    openCount += 1
    if stopsAt != nil {
      lateCount += 1
      connection.isShuttingDown = true
    }
    touch(index)
  }

  private func pauseAccepting() {
    poller.remove(listener)
    pausedUntil = now.milliseconds + Self.pauseMilliseconds
  }

  private func resumeAccepting() {
    pausedUntil = nil
    if listener >= 0 { _ = poller.add(listener, key: Key.listener, .read) }
  }

  /// Frees a slot at the end of the turn: events of this turn may still refer to it.
  private func release(_ index: Int) {
    Sockets.close(slots[index].socket)
    slots[index].connection = nil
    hold(0, for: index)
    slots[index].tls = nil
    slots[index].socket = -1
    slots[index].generation += 1
    timers.set(index, to: nil)
    released.append(index)
    openCount -= 1
    if slots[index].isLate { lateCount -= 1 }
  }

  private func end(_ index: Int) {
    guard let connection = slots[index].connection else { return }
    connection.abort()
    notify(index, connection)
    release(index)
  }

  // MARK: Deliveries.

  private func deliver() {
    deliverQueued()
    guard hasRunFunctions else { return }
    // What they have posted is sent in the same turn.
    hasRunFunctions = false
    deliverQueued()
  }

  private func deliverQueued() {
    if inbox.drain(into: &deliveries) { cutOffReaders() }
    for delivery in deliveries { apply(delivery) }
    deliveries.removeAll(keepingCapacity: true)
  }

  private func apply(_ delivery: Inbox.Delivery) {
    switch delivery {
    case .respond(let response, let target):
      if let connection = connection(target) {
        connection.respond(response, now: now)
      } else if response.isStreaming {
        handler.abandoned(ResponseHandle(inbox: inbox, target: target))
      }
    case .chunk(let bytes, let target): connection(target, for: bytes.count)?.stream(bytes, now: now)
    case .finish(let target): connection(target)?.finishStream(now: now)
    case .upgrade(let subprotocol, let context, let target):
      connection(target)?.upgrade(subprotocol: subprotocol, context: context, now: now)
    case .frame(let frame, let target): connection(target, for: frame.bytes.count)?.send(frame, now: now)
    case .close(let code, let reason, let target):
      connection(target)?.closeSocket(code: code, reason: reason, now: now)
    case .awaitDrain(let target): connection(target)?.awaitDrain()
    case .tunnel(let head, let target):
      if let connection = connection(target) {
        connection.tunnel(head, now: now)
      } else {
        handler.abandoned(ResponseHandle(inbox: inbox, target: target))
      }
    case .abort(let target): connection(target)?.abort()
    case .run(let body):
      hasRunFunctions = true
      body()
    case .shutDown: beginStop()
    }
  }

  /// The connection of `target`, if the slot has not been reused; it is settled at the end of the turn.
  private func connection(_ target: Inbox.Target) -> HTTPConnection? {
    guard slots[target.slot].generation == target.generation else { return nil }
    touch(target.slot)
    return slots[target.slot].connection
  }

  /// The connection of `target`, with room for some bytes if its peer reads them: one that is sent more in a turn than
  /// the queue holds is not slow for that.
  private func connection(_ target: Inbox.Target, for count: Int) -> HTTPConnection? {
    guard let connection = connection(target) else { return nil }
    if connection.output.count + count > configuration.limits.queuedBytes { write(target.slot, connection) }
    return connection
  }

  /// Frames were lost: every reader has to reconnect and resume.
  private func cutOffReaders() {
    for index in slots.indices {
      guard let connection = slots[index].connection else { continue }
      connection.closeSocket(code: 1013, reason: "the server is overloaded", now: now)
      if connection.phase == .streaming || connection.phase == .tunnel { connection.abort() }
      touch(index)
    }
  }

  // MARK: The end of a turn.

  func touch(_ index: Int) {
    if slots[index].isTouched { return }
    slots[index].isTouched = true
    touched.append(index)
  }

  /// Writes once per connection, for all data queued in this turn.
  private func settleTouched() {
    for index in touched {
      slots[index].isTouched = false
      if let connection = slots[index].connection { settle(index, connection) }
    }
    touched.removeAll(keepingCapacity: true)
    if heldBytes > memoryLimit { endLargest() }
  }

  /// The share of this loop in the bytes that the server holds.
  private var memoryLimit: Int { configuration.limits.heldBytes / max(1, configuration.loops) }

  private func hold(_ count: Int, for index: Int) {
    heldBytes += count - slots[index].heldBytes
    slots[index].heldBytes = count
  }

  /// Ends the connections that hold most, until a quarter of the memory is free again.
  private func endLargest() {
    let largest = slots.indices.filter { slots[$0].heldBytes > 0 }.sorted { slots[$0].heldBytes > slots[$1].heldBytes }
    for index in largest where heldBytes > memoryLimit / 4 * 3 { end(index) }
  }

  private func settle(_ index: Int, _ connection: HTTPConnection) {
    notify(index, connection)
    write(index, connection)
    notify(index, connection)
    if connection.isClosed { return release(index) }
    if connection.isWriteEndDue, !slots[index].hasEndedWriting, slots[index].tls?.hasOutput != true {
      slots[index].hasEndedWriting = true
      slots[index].tls?.sayGoodbye(on: slots[index].socket, scratch: scratch)
      Sockets.endWriting(on: slots[index].socket)
    }
    hold(connection.heldBytes, for: index)
    watch(index, connection)
    timers.set(index, to: connection.deadline)
  }

  /// Writes what the peer takes at once.
  private func write(_ index: Int, _ connection: HTTPConnection) {
    if let tls = slots[index].tls {
      tls.flush(connection, on: slots[index].socket, scratch: scratch, now: now)
    } else {
      flush(connection, on: slots[index].socket)
    }
  }

  private func flush(_ connection: HTTPConnection, on socket: Int32) {
    while !connection.output.isEmpty, !connection.isClosed {
      let count = connection.output.gather(into: scratch)
      switch Sockets.send(UnsafeBufferPointer(rebasing: scratch[..<count]), on: socket) {
      case .bytes(let sent): connection.wrote(sent, now: now)
      case .wouldBlock: return
      case .failed: return connection.abort()
      }
    }
  }

  private func watch(_ index: Int, _ connection: HTTPConnection) {
    var interest: Poller.Interest = connection.wantsRead ? .read : []
    if slots[index].tls?.wantsWrite(connection) ?? !connection.output.isEmpty { interest.insert(.write) }
    guard interest != slots[index].interest else { return }
    slots[index].interest = interest
    poller.change(slots[index].socket, key: index, interest)
  }

  /// Reports the events of the last input to the handler.
  private func notify(_ index: Int, _ connection: HTTPConnection) {
    while let event = connection.dequeueEvent() {
      if case .request = event { slots[index].generation += 1 }
      let target = Inbox.Target(slot: index, generation: slots[index].generation)
      switch event {
      case .head where slots[index].isLate: connection.refuseHead(configuration.refusalWhileStopping, now: now)
      case .request where slots[index].isLate: connection.respond(configuration.refusalWhileStopping, now: now)
      case .head(let head):
        switch handler.admit(head) {
        case .admitted(let context): connection.admitHead(context: context)
        case .refused(let response): connection.refuseHead(response, now: now)
        }
      case .request(let request): handler.handle(request, ResponseHandle(inbox: inbox, target: target))
      case .opened(let request): handler.opened(WebSocketHandle(inbox: inbox, target: target), request)
      case .message(let message): handler.received(message, on: WebSocketHandle(inbox: inbox, target: target))
      case .tunnelled(let bytes): handler.tunnelled(bytes, from: ResponseHandle(inbox: inbox, target: target))
      case .closed: handler.closed(WebSocketHandle(inbox: inbox, target: target))
      case .abandoned: handler.abandoned(ResponseHandle(inbox: inbox, target: target))
      case .drained(isSocket: true): handler.drained(WebSocketHandle(inbox: inbox, target: target))
      case .drained(isSocket: false): handler.drained(ResponseHandle(inbox: inbox, target: target))
      }
    }
  }
}
