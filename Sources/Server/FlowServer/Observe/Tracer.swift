import Dispatch
public import FlowJSON
public import FlowRuntime
import Synchronization

/// Creates a span for each committed step, and sends the spans to a collector in the JSON format of OTLP.
///
/// An instance may exist for years, so that its steps are not children of an open span: each links to the preceding
/// one, and belongs to the trace of the request that caused it.
public final class Tracer: Sendable {
  /// The maximum number of spans that wait for the collector; further ones are dropped.
  public static let maximumWaiting = 8192
  static let maximumBatch = 512
  static let milliseconds = 1000
  /// The maximum number of instances whose last step is stored for the link of the next one.
  static let maximumInstances = 10_000

  private struct State {
    /// The trace of the request of a step, by its offset in the journal.
    var parents: [Int64: TraceContext] = [:]
    var last: [Int64: TraceContext] = [:]
    var spans: [JSON] = []
    var isSending = false
    var isScheduled = false
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "flow.traces")
  /// Signalled at the end of each transfer, for ``flush()``.
  private let sent = DispatchSemaphore(value: 0)
  private let resource: JSON
  private let clock: @Sendable () -> Int64
  private let send: @Sendable (JSON, @escaping @Sendable () -> Void) -> Void

  /// - Parameter send: Posts a document to the collector, and calls back at the end, successful or not.
  public init(
    version: String, clock: @escaping @Sendable () -> Int64,
    send: @escaping @Sendable (JSON, @escaping @Sendable () -> Void) -> Void
  ) {
    resource = ["attributes": [Tracer.text("service.name", "flow"), Tracer.text("service.version", version)]]
    self.clock = clock
    self.send = send
  }

  /// Records the trace of a step's request; called before ``record(_:)`` receives its entry.
  func step(_ sequence: Int64, belongsTo parent: TraceContext) {
    state.withLock { state in
      if state.parents.count < Tracer.maximumBatch * 16 { state.parents[sequence] = parent }
    }
  }

  /// Creates spans of committed steps; called on the engine's thread.
  public func record(_ entries: [JournalEntry]) {
    let end = clock()
    let (isFull, mustSchedule) = state.withLock { state -> (Bool, Bool) in
      for entry in entries where entry.kind == .step { Tracer.add(entry, until: end, to: &state) }
      // Responses precede their entries, so that the remaining ones belong to no step.
      state.parents.removeAll(keepingCapacity: true)
      let isFull = state.spans.count >= Tracer.maximumBatch
      let mustSchedule = !state.spans.isEmpty && !state.isScheduled
      if mustSchedule { state.isScheduled = true }
      return (isFull, mustSchedule)
    }
    if isFull { queue.async { [self] in sendBatch() } }
    if mustSchedule {
      queue.asyncAfter(deadline: .now() + .milliseconds(Tracer.milliseconds)) { [self] in
        state.withLock { $0.isScheduled = false }
        sendBatch()
      }
    }
  }

  private static func add(_ entry: JournalEntry, until end: Int64, to state: inout State) {
    let parent = state.parents[entry.sequence]
    let own = parent?.child() ?? .root()
    let previous = state.last[entry.instance]
    if state.last.count >= maximumInstances { state.last.removeAll(keepingCapacity: true) }
    state.last[entry.instance] = own
    guard own.isSampled, state.spans.count < maximumWaiting else { return }
    state.spans.append(span(of: entry, own, parent: parent, previous: previous, until: end))
  }

  // MARK: - Sending

  private func sendBatch() {
    let spans = state.withLock { state -> [JSON] in
      guard !state.isSending, !state.spans.isEmpty else { return [] }
      state.isSending = true
      let taken = Array(state.spans.prefix(Tracer.maximumBatch))
      state.spans.removeFirst(taken.count)
      return taken
    }
    if spans.isEmpty { return }
    send(document(spans)) { [self] in
      let hasMore = state.withLock { state in
        state.isSending = false
        return !state.spans.isEmpty
      }
      sent.signal()
      if hasMore { queue.async { [self] in sendBatch() } }
    }
  }

  /// Sends the waiting spans; returns when the collector has them, or after two seconds.
  public func flush() {
    let end = DispatchTime.now() + 2
    repeat {
      queue.sync { sendBatch() }
      if state.withLock({ !$0.isSending && $0.spans.isEmpty }) { return }
    } while sent.wait(timeout: end) == .success
  }

  // MARK: - The format of OTLP

  private func document(_ spans: [JSON]) -> JSON {
    [
      "resourceSpans": [
        ["resource": resource, "scopeSpans": [["scope": ["name": "flow"], "spans": .array(spans)]]]
      ]
    ]
  }

  private static func span(
    of entry: JournalEntry, _ own: TraceContext, parent: TraceContext?, previous: TraceContext?, until end: Int64
  ) -> JSON {
    let body = entry.body
    let to = Metrics.states(body["to"])
    var members: [JSON.Member] = [
      .init("traceId", .string(own.traceID)), .init("spanId", .string(own.spanID)),
      .init("name", .string("flow.step \(entry.flow)/\(to)")),
      // A consumer: its cause may have ended long ago.
      .init("kind", 5), .init("startTimeUnixNano", nanoseconds(entry.at)),
      .init("endTimeUnixNano", nanoseconds(max(end, entry.at))),
      .init("attributes", .array(attributes(of: entry, to: to))),
      .init("status", body["status"] == "failed" ? ["code": 2] : ["code": 1]),
    ]
    if let parent { members.append(.init("parentSpanId", .string(parent.spanID))) }
    if let previous {
      members.append(
        .init("links", [["traceId": .string(previous.traceID), "spanId": .string(previous.spanID)]]))
    }
    return .object(members)
  }

  private static func attributes(of entry: JournalEntry, to: String) -> [JSON] {
    let body = entry.body
    return [
      text("flow.workflow", entry.flow), text("flow.instance.id", entry.key),
      text("flow.event", Metrics.cause(body)), text("flow.state.from", Metrics.states(body["from"])),
      text("flow.state.to", to),
      // 64-bit numbers are strings in the JSON format of protocol buffers.
      ["key": "flow.revision", "value": ["intValue": .string(String(entry.revision))]],
    ]
  }

  private static func text(_ name: String, _ value: String) -> JSON {
    ["key": .string(name), "value": ["stringValue": .string(value)]]
  }

  private static func nanoseconds(_ milliseconds: Int64) -> JSON { .string(String(milliseconds) + "000000") }
}
