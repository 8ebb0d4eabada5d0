import FlowHTTP
public import FlowRuntime
import FlowSource
import Synchronization

/// Sends committed entries to their subscribers: each once, in order, without a gap.
///
/// A subscriber that asks for the past reads the journal until it has reached the present, and only then hears what
/// is committed; the change-over happens under the same lock as the sending, so that nothing falls between.
public final class LiveHub: Sendable {
  /// What a subscriber wants to hear.
  struct Filter: Sendable {
    var flow: String?
    var key: String?
    /// What the listener may know of; nil for all.
    var visible: Set<String>?

    func admits(_ entry: JournalEntry) -> Bool {
      (visible?.contains(entry.flow) ?? true) && (flow == nil || flow == entry.flow) && (key == nil || key == entry.key)
    }
  }

  private struct Subscriber {
    var filter: Filter
    /// False while it still reads the journal.
    var isLive: Bool
  }

  private struct State {
    var subscribers: [WebSocketHandle: Subscriber] = [:]
    var lastSequence: Int64 = 0
    /// What sockets may know of, where that is not all.
    var visible: [WebSocketHandle: Set<String>] = [:]
  }

  private let state = Mutex(State())

  /// The newest sequence number that was published.
  var lastSequence: Int64 { state.withLock { $0.lastSequence } }

  private let redaction: Redaction

  /// - Parameter redaction: What of the entries nobody gets to see.
  public init(redaction: Redaction = Redaction()) { self.redaction = redaction }

  /// Says what a socket may know of.
  func limit(_ socket: WebSocketHandle, to flows: Set<String>?) {
    guard let flows else { return }
    state.withLock { $0.visible[socket] = flows }
  }

  func forget(_ socket: WebSocketHandle) {
    state.withLock { state in
      state.subscribers[socket] = nil
      state.visible[socket] = nil
    }
  }

  /// What a socket may know of; nil for all.
  func visible(_ socket: WebSocketHandle) -> Set<String>? { state.withLock { $0.visible[socket] } }

  /// The entry as subscribers see it.
  func text(of entry: JournalEntry) -> String {
    var entry = entry
    entry.body = redaction.masked(entry.body, of: entry.flow)
    return entry.liveText
  }

  /// Says how far the journal had come before anything was published.
  public func begin(at sequence: Int64) { state.withLock { $0.lastSequence = max($0.lastSequence, sequence) } }

  /// Sends entries to who wants them; to be called after each commit, in commit order.
  public func publish(_ entries: [JournalEntry]) {
    state.withLock { state in
      guard let last = entries.last else { return }
      state.lastSequence = last.sequence
      let live = state.subscribers.filter { $0.value.isLive }
      if live.isEmpty { return }
      for entry in entries {
        let frame = EncodedFrame(text: text(of: entry))
        for (socket, subscriber) in live where subscriber.filter.admits(entry) { socket.send(frame) }
      }
    }
  }

  /// Adds a subscriber that hears nothing until ``promote(_:at:)``.
  func add(_ socket: WebSocketHandle, filter: Filter) {
    state.withLock { $0.subscribers[socket] = Subscriber(filter: filter, isLive: false) }
  }

  func remove(_ socket: WebSocketHandle) { state.withLock { _ = $0.subscribers.removeValue(forKey: socket) } }

  func isSubscribed(_ socket: WebSocketHandle) -> Bool { state.withLock { $0.subscribers[socket] != nil } }

  /// Makes a subscriber live when it has everything up to the newest entry.
  /// - Returns: False when more was committed meanwhile, and has to be read first.
  func promote(_ socket: WebSocketHandle, at sequence: Int64) -> Bool {
    state.withLock { state in
      guard state.lastSequence <= sequence else { return false }
      state.subscribers[socket]?.isLive = true
      return true
    }
  }
}
