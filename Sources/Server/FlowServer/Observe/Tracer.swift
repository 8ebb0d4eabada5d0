import Dispatch
public import FlowJSON
public import FlowRuntime
import Synchronization

/// Makes one span of each committed step, and sends them to a collector in the JSON form of OTLP.
///
/// An instance may live for years, so its steps are no children of a span that stays open: each links to the one
/// before it, and belongs to the trace of the request that set it off.
public final class Tracer: Sendable {
  /// How many spans wait for the collector; what comes beyond is left out.
  public static let maximumWaiting = 8192
  static let maximumBatch = 512
  static let milliseconds = 1000
  /// How many instances are remembered, to link the next step of each to the last.
  static let maximumInstances = 10_000

  private struct State {
    /// Who asked for a step, by its place in the journal.
    var askers: [Int64: TraceContext] = [:]
    var last: [Int64: TraceContext] = [:]
    var spans: [JSON] = []
    var isSending = false
    var isScheduled = false
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "flow.traces")
  private let resource: JSON
  private let clock: @Sendable () -> Int64
  private let send: @Sendable (JSON, @escaping @Sendable () -> Void) -> Void

  /// - Parameter send: Posts a document to the collector, and says when that has ended, well or not.
  public init(
    version: String, clock: @escaping @Sendable () -> Int64,
    send: @escaping @Sendable (JSON, @escaping @Sendable () -> Void) -> Void
  ) {
    resource = ["attributes": [Tracer.text("service.name", "flow"), Tracer.text("service.version", version)]]
    self.clock = clock
    self.send = send
  }

  /// Notes whose request a step came of; before ``note(_:)`` gets its entry.
  func step(_ sequence: Int64, belongsTo asker: TraceContext) {
    state.withLock { state in
      if state.askers.count < Tracer.maximumBatch * 16 { state.askers[sequence] = asker }
    }
  }

  /// Makes spans of committed steps; on the engine's thread.
  public func note(_ entries: [JournalEntry]) {
    let end = clock()
    let (isFull, mustSchedule) = state.withLock { state -> (Bool, Bool) in
      for entry in entries where entry.kind == .step { Tracer.add(entry, end, to: &state) }
      // Answers come before their entries are told, so that what is left belongs to nobody.
      state.askers.removeAll(keepingCapacity: true)
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

  private static func add(_ entry: JournalEntry, _ end: Int64, to state: inout State) {
    let asker = state.askers[entry.sequence]
    let own = asker?.child() ?? .root()
    let previous = state.last[entry.instance]
    if state.last.count >= maximumInstances { state.last.removeAll(keepingCapacity: true) }
    state.last[entry.instance] = own
    guard own.isSampled, state.spans.count < maximumWaiting else { return }
    state.spans.append(span(entry, own, asker, previous, end))
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
      if hasMore { queue.async { [self] in sendBatch() } }
    }
  }

  /// Sends what waits; returns when it has been handed over.
  public func flush() { queue.sync { sendBatch() } }

  // MARK: - The form of OTLP

  private func document(_ spans: [JSON]) -> JSON {
    [
      "resourceSpans": [
        ["resource": resource, "scopeSpans": [["scope": ["name": "flow"], "spans": .array(spans)]]]
      ]
    ]
  }

  private static func span(
    _ entry: JournalEntry, _ own: TraceContext, _ asker: TraceContext?, _ previous: TraceContext?, _ end: Int64
  ) -> JSON {
    let body = entry.body
    let to = Metrics.states(body["to"])
    var members: [JSON.Member] = [
      .init("traceId", .string(own.traceID)), .init("spanId", .string(own.spanID)),
      .init("name", .string("flow.step \(entry.flow)/\(to)")),
      // A consumer: what set it off may be long gone.
      .init("kind", 5), .init("startTimeUnixNano", nanoseconds(entry.at)),
      .init("endTimeUnixNano", nanoseconds(max(end, entry.at))),
      .init("attributes", .array(attributes(entry, body, to))),
      .init("status", body["status"] == "failed" ? ["code": 2] : ["code": 1]),
    ]
    if let asker { members.append(.init("parentSpanId", .string(asker.spanID))) }
    if let previous {
      members.append(
        .init("links", [["traceId": .string(previous.traceID), "spanId": .string(previous.spanID)]]))
    }
    return .object(members)
  }

  private static func attributes(_ entry: JournalEntry, _ body: JSON, _ to: String) -> [JSON] {
    [
      text("flow.workflow", entry.flow), text("flow.instance.id", entry.key),
      text("flow.event", Metrics.cause(body)), text("flow.state.from", Metrics.states(body["from"])),
      text("flow.state.to", to),
      // 64-bit numbers are texts in the JSON form of protocol buffers.
      ["key": "flow.revision", "value": ["intValue": .string(String(entry.revision))]],
    ]
  }

  private static func text(_ name: String, _ value: String) -> JSON {
    ["key": .string(name), "value": ["stringValue": .string(value)]]
  }

  private static func nanoseconds(_ milliseconds: Int64) -> JSON { .string(String(milliseconds) + "000000") }
}
