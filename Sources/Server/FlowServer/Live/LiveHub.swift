package import Dispatch
import FlowHTTP
import FlowJSON
import FlowMachine
public import FlowRuntime
import Synchronization

/// Sends committed entries to their subscribers: each once, in order, without a gap.
///
/// All work runs on one queue, separate from the engine. A subscription records the last entry sent; when a commit does
/// not follow directly, it reads the journal, a page at a time, paced by its client, until it has caught up.
public final class LiveHub: Sendable {
  /// The number of entries read from the journal as one page.
  static let pageSize = 500
  /// The maximum number of bytes of a page that are sent together, because a page may contain large entries.
  static let pageBytes = 256 << 10
  /// The maximum time of one page in nanoseconds, so that an expensive filter delays others by no more.
  static let pageNanoseconds: UInt64 = 20_000_000
  /// The maximum number of published entries in the queue; beyond it subscribers read them from the journal.
  static let maximumBacklog = 50_000
  static let maximumSubscriptions = 64
  /// The interval of heartbeats, in milliseconds.
  public static let heartbeatMilliseconds = 15_000

  private struct Backlog {
    var count = 0
    var last: Int64 = 0
    var hasListeners = false
    /// True while other nodes wait for entries.
    var hasFollowers = false
  }

  struct State {
    var listeners: [LiveListener: [LiveSubscription]] = [:]
    var isBeating = false
    var isClosed = false
    /// The subscriptions that are waiting to read the journal.
    var catchUps = CatchUpQueue()
    /// The subscriptions that have caught up.
    var live = LiveIndex()
    /// The last published entry that was sent to them.
    var sent: Int64 = 0
    var nextWatcher: UInt64 = 0
    var followers = LiveFollowers()
  }

  package let queue = DispatchQueue(label: "flow.live")
  private let backlog = Mutex(Backlog())
  /// Accessed on `queue` only.
  let state = Mutex(State())
  private let source = Mutex<(any Queries)?>(nil)
  private let flowsMark = Mutex<@Sendable () -> String>({ "" })
  /// The flows to which sockets are limited.
  private let limits = Mutex<[WebSocketHandle: Limit]>([:])

  /// The access of a socket.
  struct Limit: Sendable {
    var flows: Set<String>?
    /// The read rules; nil for an unknown caller, which may not read instances with rules.
    var access: ReadAccess?
  }

  private let redaction: Redaction
  private let metrics: Metrics?
  private let heartbeat: DispatchTimeInterval

  /// - Parameters:
  ///   - redaction: The fields that no subscriber sees.
  ///   - heartbeatMilliseconds: The interval of heartbeats.
  public init(
    redaction: Redaction = Redaction(), metrics: Metrics? = nil,
    heartbeatMilliseconds: Int = LiveHub.heartbeatMilliseconds
  ) {
    self.redaction = redaction
    self.metrics = metrics
    heartbeat = .milliseconds(heartbeatMilliseconds)
  }

  /// Counts a subscriber that could not resume at its position.
  func recordResync(_ reason: String) { metrics?.resyncs[reason].add() }

  /// Limits a socket to some flows; nil for all.
  func limit(_ socket: WebSocketHandle, to flows: Set<String>?, access: ReadAccess?) {
    limits.withLock { $0[socket] = Limit(flows: flows, access: access) }
  }

  /// Drops the limit of a closed socket.
  func removeLimit(_ socket: WebSocketHandle) { limits.withLock { _ = $0.removeValue(forKey: socket) } }

  /// The access of a socket.
  func limit(of socket: WebSocketHandle) -> Limit? { limits.withLock { $0[socket] } }

  /// The entry with redacted fields masked, as subscribers see and filter it.
  func shown(_ entry: JournalEntry) -> JournalEntry {
    var entry = entry
    entry.body = redaction.masked(entry.body, of: entry.flow)
    return entry
  }

  var queries: (any Queries)? { source.withLock { $0 } }

  /// The mark of the flows that are served now (``Catalogue/mark``).
  var servedFlows: String { flowsMark.withLock { $0 }() }

  /// Sets the source of the mark of the served flows.
  func follow(flows mark: @escaping @Sendable () -> String) { flowsMark.withLock { $0 = mark } }

  /// The present data of an instance as subscribers may see it; nil when there is no such instance any more.
  func data(flow: String, key: String) -> JSON? {
    queries.flatMap { LiveHub.data(flow: flow, key: key, queries: $0, redaction: redaction) }
  }

  /// The present data of an instance as subscribers may see it; nil when there is no such instance any more.
  static func data(flow: String, key: String, queries: any Queries, redaction: Redaction) -> JSON? {
    guard let row = (try? queries.instance(flow: flow, key: key)) ?? nil, let data = try? JSON(parsing: row.data)
    else { return nil }
    return redaction.masked(data.dividedByState(activeIn: []).data, of: flow)
  }

  /// The newest sequence number that was published.
  var lastSequence: Int64 { backlog.withLock { $0.last } }

  /// Sets the source of earlier entries, and the position of the journal before the first publication.
  /// - Throws: `StoreError` when the store can't be read.
  public func begin(_ queries: any Queries) throws(StoreError) {
    let last = try queries.lastSequence()
    source.withLock { $0 = queries }
    backlog.withLock { $0.last = max($0.last, last) }
  }

  /// Sends entries to their subscribers; called after each commit, in commit order. Returns immediately.
  public func publish(_ entries: [JournalEntry]) {
    guard let last = entries.last?.sequence else { return }
    let (isWanted, fits, hasFollowers) = backlog.withLock { backlog in
      backlog.last = last
      // The first batch always fits, so that subscribers detect further entries.
      let fits = backlog.count == 0 || backlog.count + entries.count <= LiveHub.maximumBacklog
      if backlog.hasListeners, fits { backlog.count += entries.count }
      defer { backlog.hasFollowers = false }
      return (backlog.hasListeners, fits, backlog.hasFollowers)
    }
    if hasFollowers { queue.async { self.answerFollowers() } }
    if isWanted, fits { queue.async { self.deliver(entries) } }
  }

  /// True if there are subscriptions.
  var hasListeners: Bool { backlog.withLock { $0.hasListeners } }

  /// Records that the journal has entries up to a position that were not published here.
  func advance(to last: Int64) {
    backlog.withLock { $0.last = max($0.last, last) }
    queue.async { self.fallBehind { _ in true } }
  }

  /// Ends subscriptions that are added from now on: entries are no longer published here.
  func close() { state.withLock { $0.isClosed = true } }

  /// Requests a call of ``answerFollowers()`` after the next publication.
  /// - Returns: The newest sequence number that was published.
  func awaitPublication() -> Int64 {
    backlog.withLock { backlog in
      backlog.hasFollowers = true
      return backlog.last
    }
  }

  // MARK: - On the queue

  /// Adds a subscription and starts its replay.
  func add(_ subscription: LiveSubscription, for listener: LiveListener) {
    guard !state.withLock({ $0.isClosed }) else { return listener.end(code: 1012, reason: "draining") }
    backlog.withLock { $0.hasListeners = true }
    state.withLock { $0.listeners[listener, default: []].append(subscription) }
    beat()
    enqueue(subscription, of: listener)
  }

  func subscriptions(of listener: LiveListener) -> [LiveSubscription] {
    state.withLock { $0.listeners[listener] ?? [] }
  }

  func removeNow(_ listener: LiveListener) {
    let isEmpty = state.withLock { state in
      for subscription in state.listeners.removeValue(forKey: listener) ?? [] { state.live.remove(subscription) }
      return state.listeners.isEmpty
    }
    if isEmpty { backlog.withLock { $0.hasListeners = false } }
  }

  /// - Returns: False when it did not exist.
  func remove(_ id: Int64, of listener: LiveListener) -> Bool {
    state.withLock { state in
      guard let index = state.listeners[listener]?.firstIndex(where: { $0.id == id }),
        let removed = state.listeners[listener]?.remove(at: index)
      else { return false }
      state.live.remove(removed)
      return true
    }
  }

  private func deliver(_ entries: [JournalEntry]) {
    let isOverrun = backlog.withLock { backlog in
      backlog.count -= entries.count
      return backlog.count == 0 && backlog.last > entries.last?.sequence ?? 0
    }
    let first = entries.first?.sequence ?? 0
    // The entries between did not fit into the backlog, or there was no subscription.
    if first > state.withLock({ $0.sent }) + 1 { fallBehind { $0.after < first - 1 } }
    for entry in entries {
      let groups = state.withLock { $0.live.members(flow: entry.flow, key: entry.key) }
      if groups.isEmpty { continue }
      var message = LiveMessage(shown(entry))
      for members in groups {
        for member in members where member.after < entry.sequence { send(&message, to: member) }
      }
    }
    if let last = entries.last?.sequence { state.withLock { $0.sent = last } }
    if isOverrun { fallBehind { _ in true } }
  }

  private func send(_ message: inout LiveMessage, to member: LiveIndex.Member) {
    let (listener, subscription) = (member.listener, member.subscription)
    let restricted = message.mayBeRestricted ? subscription.filter.restricted(message.entry) : nil
    let isOpen = message.isOpen(to: subscription)
    switch subscription.admission(of: restricted ?? message.entry, self, isOpen: isOpen) {
    case .admitted:
      if let restricted {
        var own = LiveMessage(restricted)
        own.send(to: listener, subscription)
      } else {
        message.send(to: listener, subscription)
      }
    case .filtered: break
    case .tooExpensive:
      removeNow(listener)
      listener.end(code: LiveProtocol.tooMuch, reason: "the filter of the subscription costs too much")
    }
  }

  /// Makes subscriptions that had caught up read the journal.
  private func fallBehind(where hasMissed: (LiveIndex.Member) -> Bool) {
    let (sent, late) = state.withLock { state in
      let late = state.live.all.filter(hasMissed)
      for member in late { state.live.remove(member.subscription) }
      return (state.sent, late)
    }
    for member in late {
      member.subscription.position = max(member.after, sent)
      enqueue(member.subscription, of: member.listener)
    }
  }

  // MARK: - Heartbeats

  private func beat() {
    let mustBegin = state.withLock { state in
      defer { state.isBeating = true }
      return !state.isBeating
    }
    if mustBegin { queue.asyncAfter(deadline: .now() + heartbeat) { self.sendHeartbeats() } }
  }

  private func sendHeartbeats() {
    let listeners = state.withLock { state in
      state.isBeating = false
      return state.listeners
    }
    guard !listeners.isEmpty else { return }
    let frame = EncodedFrame(text: #"{"op":"ping"}"#)
    for (listener, subscriptions) in listeners {
      switch listener {
      case .socket(let socket): socket.send(frame)
      // A comment is one of server-sent events only: in JSON lines it would be damage.
      case .stream(let stream) where subscriptions.contains { $0.form.hasComments }:
        stream.send(chunk: Array(":\n\n".utf8))
      case .stream, .watcher: break
      }
    }
    beat()
  }
}
