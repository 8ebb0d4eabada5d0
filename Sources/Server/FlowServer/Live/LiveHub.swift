import Dispatch
import FlowHTTP
public import FlowRuntime
import Synchronization

/// Sends committed entries to their subscribers: each once, in order, without a gap.
///
/// All of it happens on one queue, away from the engine. A subscription knows the last entry that it has seen; when a
/// commit does not follow on that, it reads the journal, a page at a time, in its turn and no faster than its peer
/// takes it, until it has caught up.
public final class LiveHub: Sendable {
  /// Entries read from the journal at once.
  static let pageSize = 500
  /// Bytes sent at once of what was read: a page may hold a few large entries.
  static let pageBytes = 256 << 10
  /// How many published entries may wait; beyond it subscribers read them from the journal.
  static let maximumBacklog = 50_000
  static let maximumSubscriptions = 64
  /// How often subscribers hear that the server is there.
  static let heartbeat = DispatchTimeInterval.seconds(15)

  private struct Backlog {
    var count = 0
    var last: Int64 = 0
    var hasListeners = false
  }

  struct State {
    var listeners: [LiveListener: [LiveSubscription]] = [:]
    var isBeating = false
    /// Those who wait to read the journal.
    var line = CatchUpQueue()
    var nextWatcher: UInt64 = 0
  }

  let queue = DispatchQueue(label: "flow.live")
  private let backlog = Mutex(Backlog())
  /// Touched on `queue` only.
  let state = Mutex(State())
  private let source = Mutex<(any Queries)?>(nil)
  /// What sockets may know of, where that is not all.
  private let visible = Mutex<[WebSocketHandle: Set<String>]>([:])
  private let redaction: Redaction
  private let metrics: Metrics?

  /// - Parameter redaction: What of the entries nobody gets to see.
  public init(redaction: Redaction = Redaction(), metrics: Metrics? = nil) {
    self.redaction = redaction
    self.metrics = metrics
  }

  /// Counts a subscriber that could not go on where it was.
  func noteResync(_ reason: String) { metrics?.resyncs[reason].add() }

  /// Says what a socket may know of.
  func limit(_ socket: WebSocketHandle, to flows: Set<String>?) {
    if let flows { visible.withLock { $0[socket] = flows } }
  }

  /// A socket is gone, and what it might know of with it.
  func unlimit(_ socket: WebSocketHandle) { visible.withLock { _ = $0.removeValue(forKey: socket) } }

  /// What a socket may know of; nil for all.
  func visible(_ socket: WebSocketHandle) -> Set<String>? { visible.withLock { $0[socket] } }

  /// The entry as listeners may see it, and ask for it.
  func shown(_ entry: JournalEntry) -> JournalEntry {
    var entry = entry
    entry.body = redaction.masked(entry.body, of: entry.flow)
    return entry
  }

  var queries: (any Queries)? { source.withLock { $0 } }

  /// The newest sequence number that was published.
  var lastSequence: Int64 { backlog.withLock { $0.last } }

  /// Says where the past is read, and how far the journal had come before anything was published.
  public func begin(_ queries: any Queries) throws(StoreError) {
    let last = try queries.lastSequence()
    source.withLock { $0 = queries }
    backlog.withLock { $0.last = max($0.last, last) }
  }

  /// Sends entries to who wants them; to be called after each commit, in commit order. Returns at once.
  public func publish(_ entries: [JournalEntry]) {
    guard let last = entries.last?.sequence else { return }
    let (isWanted, fits) = backlog.withLock { backlog in
      backlog.last = last
      // What is taken alone always fits: somebody has to say that there is more.
      let fits = backlog.count == 0 || backlog.count + entries.count <= LiveHub.maximumBacklog
      if backlog.hasListeners, fits { backlog.count += entries.count }
      return (backlog.hasListeners, fits)
    }
    if isWanted, fits { queue.async { self.deliver(entries) } }
  }

  // MARK: - On the queue

  /// Adds a subscription and lets it catch up.
  func add(_ subscription: LiveSubscription, for listener: LiveListener) {
    backlog.withLock { $0.hasListeners = true }
    state.withLock { $0.listeners[listener, default: []].append(subscription) }
    beat()
    lineUp(subscription, of: listener)
  }

  func subscriptions(of listener: LiveListener) -> [LiveSubscription] {
    state.withLock { $0.listeners[listener] ?? [] }
  }

  func remove(_ listener: LiveListener) {
    let isEmpty = state.withLock { state in
      state.listeners[listener] = nil
      return state.listeners.isEmpty
    }
    if isEmpty { backlog.withLock { $0.hasListeners = false } }
  }

  /// - Returns: False when there was none.
  func remove(_ id: Int64, of listener: LiveListener) -> Bool {
    state.withLock { state in
      let count = state.listeners[listener]?.count ?? 0
      state.listeners[listener]?.removeAll { $0.id == id }
      return state.listeners[listener]?.count ?? 0 != count
    }
  }

  private func deliver(_ entries: [JournalEntry]) {
    let isOverrun = backlog.withLock { backlog in
      backlog.count -= entries.count
      return backlog.count == 0 && backlog.last > entries.last?.sequence ?? 0
    }
    let listeners = state.withLock { $0.listeners }
    for kept in entries {
      let entry = shown(kept)
      var message = LiveMessage(entry)
      for (listener, subscriptions) in listeners {
        // One that is behind finds the entry in the journal.
        for subscription in subscriptions where subscription.position == entry.sequence - 1 {
          subscription.position = entry.sequence
          if subscription.admits(entry) { message.send(to: listener, subscription) }
        }
      }
    }
    // What did not fit into the backlog is in the journal.
    guard isOverrun else { return }
    for (listener, subscriptions) in listeners {
      for subscription in subscriptions where subscription.reading == .no { lineUp(subscription, of: listener) }
    }
  }

  // MARK: - Signs of life

  private func beat() {
    let mustBegin = state.withLock { state in
      defer { state.isBeating = true }
      return !state.isBeating
    }
    if mustBegin { queue.asyncAfter(deadline: .now() + LiveHub.heartbeat) { self.sendSigns() } }
  }

  private func sendSigns() {
    let listeners = state.withLock { state in
      state.isBeating = false
      return Array(state.listeners.keys)
    }
    guard !listeners.isEmpty else { return }
    let frame = EncodedFrame(text: #"{"op":"ping"}"#)
    for listener in listeners {
      switch listener {
      case .socket(let socket): socket.send(frame)
      case .stream(let stream): stream.send(chunk: Array(":\n\n".utf8))
      case .watcher: break
      }
    }
    beat()
  }
}
