import Dispatch
package import FlowHTTP
import FlowJSON
import FlowRuntime
import Synchronization

/// A receiver of committed entries.
package enum LiveListener: Hashable, Sendable {
  case socket(WebSocketHandle)
  case stream(ResponseHandle)
  /// A component of the server.
  case watcher(UInt64)

  /// Requests a call of `drained` when everything is sent.
  /// - Returns: False for a listener that receives entries immediately.
  func notifyWhenDrained() -> Bool {
    switch self {
    case .socket(let socket): socket.notifyWhenDrained()
    case .stream(let stream): stream.notifyWhenDrained()
    case .watcher: return false
    }
    return true
  }

  func end(code: Int, reason: String) {
    switch self {
    case .socket(let socket): socket.close(code: code, reason: reason)
    case .stream(let stream): stream.finish()
    case .watcher: break
    }
  }
}

/// The representation in which a subscription receives its entries.
enum LiveForm: Sendable {
  /// `{"sub": 1, "offset": 42, "ev": {…}}`
  case frames
  /// Server-sent events, of this epoch.
  case events(epoch: String)
  /// A line of JSON for each, up to this entry.
  case lines(until: Int64)
  case call(@Sendable (JournalEntry) -> Void)

  /// True if clients of this form skip comments.
  var hasComments: Bool { if case .events = self { true } else { false } }

  /// The last entry; nil for a subscription without an end.
  var end: Int64? {
    if case .lines(let until) = self { until } else { nil }
  }
}

/// A subscription of a listener, and its progress.
final class LiveSubscription: Sendable {
  /// The state of a replay: the condition for its next page.
  enum Reading { case no, awaitsDrain, awaitsTurn }

  private struct Progress {
    var position: Int64
    var reading = Reading.no
    let test: Predicate.Test?
    /// The time that the filter has used since an instant, in nanoseconds.
    var spent: UInt64 = 0
    var second: UInt64 = 0
  }

  let id: Int64
  let filter: LiveFilter
  let form: LiveForm
  private let progress: Mutex<Progress>

  init(id: Int64, _ filter: LiveFilter, _ form: LiveForm, at position: Int64) {
    self.id = id
    self.filter = filter
    self.form = form
    progress = Mutex(Progress(position: position, test: filter.condition?.makeTest(fuel: Predicate.liveFuel)))
  }

  /// The last entry that was read from the journal, and sent or filtered out.
  var position: Int64 {
    get { progress.withLock { $0.position } }
    set { progress.withLock { $0.position = newValue } }
  }

  var reading: Reading {
    get { progress.withLock { $0.reading } }
    set { progress.withLock { $0.reading = newValue } }
  }

  /// The decision about a published entry.
  enum Admission { case admitted, filtered, tooExpensive }

  /// The maximum time of a subscription's filter in a second of the hub's queue, in nanoseconds.
  static let filterNanoseconds: UInt64 = 200_000_000

  /// Returns true if the subscription selects an entry that its caller may read.
  /// - Parameter isOpen: True if every caller may read every instance of the flow.
  func admits(_ entry: JournalEntry, _ hub: LiveHub, isOpen: Bool = false) -> Bool {
    // Only a condition has an evaluator, which the lock is for.
    let isSelected =
      filter.condition == nil
      ? filter.selects(entry)
      : progress.withLock { progress in
        filter.admits(entry, progress.test) { hub.data(flow: entry.flow, key: entry.key) }
      }
    guard isSelected else { return false }
    guard !isOpen, let access = filter.access else { return true }
    return hub.queries.map { access.admits(entry, $0) } ?? false
  }

  /// The decision for a newly published entry; its cost is charged to the subscription.
  func admission(of entry: JournalEntry, _ hub: LiveHub, isOpen: Bool) -> Admission {
    guard filter.condition != nil else { return admits(entry, hub, isOpen: isOpen) ? .admitted : .filtered }
    let start = DispatchTime.now().uptimeNanoseconds
    let isAdmitted = admits(entry, hub, isOpen: isOpen)
    let end = DispatchTime.now().uptimeNanoseconds
    let spent = progress.withLock { progress in
      if end >= progress.second + 1_000_000_000 { (progress.second, progress.spent) = (end, 0) }
      progress.spent += end - start
      return progress.spent
    }
    return spent > LiveSubscription.filterNanoseconds ? .tooExpensive : isAdmitted ? .admitted : .filtered
  }
}

/// An entry in its representations; each is created once, for all subscribers.
struct LiveMessage {
  let entry: JournalEntry
  private var frames: [Int64: EncodedFrame] = [:]
  private var event: [UInt8]?
  private lazy var text = entry.cloudEvent.text()

  /// True if some subscribers may see only a part of the entry (``LiveFilter/restricted(_:)``).
  let mayBeRestricted: Bool
  /// True if every caller may read every instance of the flow; nil before it was looked up.
  private var isOpen: Bool?

  init(_ entry: JournalEntry) {
    self.entry = entry
    mayBeRestricted = entry.kind == .undelivered || entry.kind == .step && entry.body["receivers"] != nil
  }

  /// Returns true if every caller may read every instance of the flow, so that the rules are looked up once.
  mutating func isOpen(to subscription: LiveSubscription) -> Bool {
    if let isOpen { return isOpen }
    guard let access = subscription.filter.access else { return false }
    let found = access.isOpen(flow: entry.flow)
    isOpen = found
    return found
  }

  /// - Returns: The approximate number of bytes.
  @discardableResult
  mutating func send(to listener: LiveListener, _ subscription: LiveSubscription) -> Int {
    switch (listener, subscription.form) {
    case (.socket(let socket), _):
      socket.send(frame(for: subscription.id))
      return text.utf8.count
    case (.stream(let stream), .events(let epoch)):
      let event = event(epoch)
      stream.send(chunk: event)
      return event.count
    case (.stream(let stream), _):
      let line = entry.view.bytes() + [0x0A]
      stream.send(chunk: line)
      return line.count
    case (.watcher, .call(let body)): body(entry)
    case (.watcher, _): break
    }
    return 0
  }

  private mutating func frame(for subscription: Int64) -> EncodedFrame {
    if let made = frames[subscription] { return made }
    let made = EncodedFrame(text: "{\"sub\":\(subscription),\"offset\":\(entry.sequence),\"ev\":\(text)}")
    frames[subscription] = made
    return made
  }

  private mutating func event(_ epoch: String) -> [UInt8] {
    if let event { return event }
    let made = Array("id: \(epoch):\(entry.sequence)\nevent: \(entry.kind.rawValue)\ndata: \(text)\n\n".utf8)
    event = made
    return made
  }
}
