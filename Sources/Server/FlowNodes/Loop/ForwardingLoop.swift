import CCurl
import Dispatch
import FlowHTTP
import FlowServer

/// The state of the forwarder's thread.
final class ForwardingLoop {
  /// The pause between attempts to reach an owner that does not respond, in milliseconds.
  static let probeMilliseconds: Int64 = 50
  /// The time for a former owner to complete its responses, in milliseconds.
  static let graceMilliseconds: Int64 = 500
  /// The time for which a request waits that may have been executed, and that its client could not repeat safely, in
  /// milliseconds: longer than the lease of the former owner.
  static let ambiguousMilliseconds: Int64 = 9000
  /// The time after which a read is abandoned whose client has closed its side of the connection, in milliseconds.
  static let departedMilliseconds: Int64 = 2000
  private static let maximumRedirects = 5
  private static let longestWait: Int64 = 1000

  let forwarder: Forwarder
  var exchanges: [ResponseHandle: Exchange] = [:]
  var running: [UnsafeMutableRawPointer: Attempt] = [:]
  private var tunnels: [ResponseHandle: TunnelAttempt] = [:]
  /// Requests that wait for an owner, the oldest first.
  var held: [Exchange] = []
  private var heldBytes = 0
  var owner: String?
  /// True if the owner has not responded: further requests wait until one of them is answered.
  var isOwnerDown = false
  private var service: (any HTTPHandler)?
  private var access: StandbyAccess?
  var nextProbe: Int64 = 0
  private var nextInspection: Int64 = 0

  init(_ forwarder: Forwarder) { self.forwarder = forwarder }

  func run() {
    while let messages = forwarder.dequeue() {
      for message in messages { process(message) }
      var count: Int32 = 0
      curl_multi_perform(forwarder.multi, &count)
      reap()
      pumpTunnels()
      let now = ForwardingLoop.now()
      expire(now)
      inspectPeers(now)
      wait(now)
    }
    for exchange in held { exchange.respond.send(StandbyAccess.withoutOwner(owner)) }
    for exchange in exchanges.values {
      if let attempt = exchange.attempt { cancel(attempt) }
    }
  }

  static func now() -> Int64 { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) }

  // MARK: - Messages

  private func process(_ message: Forwarder.Message) {
    switch message {
    case .request(let request, let respond, let mayForward):
      accept(Exchange(request, respond, mayForward: mayForward, access: access))
    case .owner(let address): setOwner(address)
    case .access(let access): self.access = access
    case .service(let service):
      setOwner(nil)
      self.service = service
      endFormerAttempts(except: nil)
      release()
    case .abandoned(let stream):
      guard let exchange = exchanges[stream] else { return }
      if let attempt = exchange.attempt { cancel(attempt) }
      end(exchange)
    case .drained(let stream): exchanges[stream]?.attempt?.drained()
    case .bytes(let bytes, let stream): tunnels[stream]?.send(bytes)
    }
  }

  private func accept(_ exchange: Exchange) {
    guard exchanges.count < forwarder.limits.forwarded else {
      return exchange.respond.send(StandbyAccess.overloaded)
    }
    exchanges[exchange.respond] = exchange
    route(exchange)
  }

  /// Sends a request to the owner or the service, or lets it wait.
  func route(_ exchange: Exchange) {
    if let service {
      end(exchange)
      return service.handle(exchange.local, exchange.respond)
    }
    guard let owner, !isOwnerDown || !exchange.mayForward else { return hold(exchange) }
    guard exchange.mayForward else {
      end(exchange)
      return exchange.respond.send(StandbyAccess.notOwner(owner))
    }
    begin(exchange, at: owner)
  }

  private func setOwner(_ address: String?) {
    guard address != owner || service != nil else { return }
    service = nil
    owner = address
    isOwnerDown = false
    guard let address else { return }
    endFormerAttempts(except: address)
    release()
  }

  /// A former owner may complete its responses for a short time.
  private func endFormerAttempts(except address: String?) {
    let limit = ForwardingLoop.now() + ForwardingLoop.graceMilliseconds
    for attempt in running.values where attempt.address != address && attempt.cancelAt == nil {
      attempt.cancelAt = limit
    }
  }

  /// Lets requests continue that wait.
  func release() {
    let waiting = held
    held = []
    heldBytes = 0
    for exchange in waiting { route(exchange) }
  }

  // MARK: - Attempts

  func begin(_ exchange: Exchange, at owner: String) {
    let attempt: Attempt =
      exchange.request.isUpgrade
      ? TunnelAttempt(exchange, address: owner) : TransferAttempt(exchange, address: owner)
    guard let easy = attempt.prepare() else { return refuse(exchange) }
    exchange.attempt = attempt
    running[easy] = attempt
    curl_multi_add_handle(forwarder.multi, easy)
  }

  private func reap() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(forwarder.multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let result = flow_curl_result(message)
      guard let attempt = running[easy] else { continue }
      if let tunnel = attempt as? TunnelAttempt {
        // The handle stays with libcurl as long as the connection is used.
        tunnels[tunnel.exchange.respond] = tunnel
        settle(tunnel, tunnel.connected(result))
      } else if let transfer = attempt as? TransferAttempt {
        let failure = transfer.end(result)
        cancel(transfer)
        settle(transfer, failure)
      }
    }
  }

  private func pumpTunnels() {
    for tunnel in Array(tunnels.values) { settle(tunnel, tunnel.pump()) }
  }

  /// Continues after an attempt that has ended.
  private func settle(_ attempt: Attempt, _ failure: AttemptFailure?) {
    if let failure {
      cancel(attempt)
      return retry(attempt.exchange, failure, from: attempt.address)
    }
    if let tunnel = attempt as? TunnelAttempt {
      guard tunnel.isEnded else { return }
      cancel(tunnel)
    }
    forwarder.metrics.recordForwarding(attempt.exchange.isAmbiguous ? .repeated : .answered)
    end(attempt.exchange)
    if attempt.address == owner, isOwnerDown {
      isOwnerDown = false
      release()
    }
  }

  private func retry(_ exchange: Exchange, _ failure: AttemptFailure, from address: String) {
    switch failure {
    case .ambiguous where !exchange.isRepeatable || exchange.isAmbiguous:
      forwarder.metrics.recordForwarding(.lost)
      exchange.respond.send(exchange.isSafeForClient ? StandbyAccess.withoutOwner(owner) : StandbyAccess.outcomeUnknown)
      return end(exchange)
    case .ambiguous: exchange.isAmbiguous = true
    case .notExecuted(let named?) where named != address && exchange.redirects < ForwardingLoop.maximumRedirects:
      exchange.redirects += 1
      if address == owner { setOwner(named) }
      return route(exchange)
    case .notExecuted: break
    }
    if address == owner { isOwnerDown = true }
    // Another owner may be known by now.
    owner != nil && !isOwnerDown ? route(exchange) : hold(exchange)
  }

  /// Ends an attempt; libcurl forgets its handle.
  func cancel(_ attempt: Attempt) {
    if let easy = attempt.easy {
      running[easy] = nil
      curl_multi_remove_handle(forwarder.multi, easy)
    }
    tunnels[attempt.exchange.respond] = nil
    attempt.exchange.attempt = nil
  }

  func end(_ exchange: Exchange) { exchanges[exchange.respond] = nil }

  func refuse(_ exchange: Exchange) {
    forwarder.metrics.recordForwarding(.refused)
    let isUnknown = exchange.isAmbiguous && !exchange.isSafeForClient
    exchange.respond.send(isUnknown ? StandbyAccess.outcomeUnknown : StandbyAccess.withoutOwner(owner))
    end(exchange)
  }

  // MARK: - Requests that wait

  private func hold(_ exchange: Exchange) {
    let now = ForwardingLoop.now()
    let isUnsafe = exchange.isAmbiguous && !exchange.isSafeForClient
    if exchange.deadline == nil || isUnsafe {
      exchange.deadline = now + (isUnsafe ? ForwardingLoop.ambiguousMilliseconds : forwarder.limits.holdMilliseconds)
    }
    let bytes = heldBytes + exchange.request.body.count
    guard held.count < forwarder.limits.held, bytes <= forwarder.limits.heldBytes, exchange.deadline ?? now > now else {
      return refuse(exchange)
    }
    heldBytes = bytes
    held.append(exchange)
  }

  /// Refuses requests that have waited for too long, and ends attempts at a former owner.
  private func expire(_ now: Int64) {
    if held.contains(where: { $0.deadline ?? 0 <= now }) {
      let late = held.filter { $0.deadline ?? 0 <= now }
      held.removeAll { $0.deadline ?? 0 <= now }
      heldBytes = held.reduce(0) { $0 + $1.request.body.count }
      for exchange in late { refuse(exchange) }
    }
    for attempt in Array(running.values) where attempt.cancelAt.map({ $0 <= now }) ?? false && !attempt.isAnswering {
      settle(attempt, .ambiguous)
    }
    guard !held.isEmpty, nextProbe <= now else { return }
    nextProbe = now + ForwardingLoop.probeMilliseconds
    forwarder.onMissingOwner()
    guard let owner, let index = held.firstIndex(where: \.mayForward) else { return }
    let exchange = held.remove(at: index)
    heldBytes -= exchange.request.body.count
    begin(exchange, at: owner)
  }

  /// A read has no effect, so that it may end when its client has left.
  private func inspectPeers(_ now: Int64) {
    guard nextInspection <= now else { return }
    nextInspection = now + ForwardingLoop.longestWait
    for exchange in Array(exchanges.values) where exchange.request.peer?.hasEnded == true {
      guard let since = exchange.peerEndedAt else {
        exchange.peerEndedAt = now
        continue
      }
      guard since + ForwardingLoop.departedMilliseconds <= now, exchange.request.method == "GET",
        let attempt = exchange.attempt
      else { continue }
      cancel(attempt)
      end(exchange)
      exchange.respond.abort()
    }
  }

  // MARK: - Waiting

  private func wait(_ now: Int64) {
    var descriptors = tunnels.values.map { curl_waitfd(fd: $0.socket, events: $0.events, revents: 0) }
    var due = now + ForwardingLoop.longestWait
    if !held.isEmpty { due = min(due, nextProbe, held.compactMap(\.deadline).min() ?? due) }
    if let limit = running.values.compactMap({ $0.isAnswering ? nil : $0.cancelAt }).min() { due = min(due, limit) }
    let milliseconds = Int32(clamping: max(0, due - now))
    curl_multi_poll(forwarder.multi, &descriptors, UInt32(descriptors.count), milliseconds, nil)
  }
}
