import FlowJSON
import FlowMachine

/// The consequences of steps within the store that have to be applied in the same transaction.
struct Deliveries {
  /// One consequence.
  enum Item {
    /// A result that was known when its call started.
    case result(KnownResult)
    /// An emitted event.
    case event(Delivery)
    /// The end of a called flow.
    case end(EndedCall)
  }

  /// A result for a call that started in this batch.
  struct KnownResult {
    var instance: InstanceID
    var job: JobReference
    var source: ResultSource
    var outcome: CallOutcome
  }

  /// The outcome of a called flow, with the number of its job.
  struct EndedCall {
    var job: Int64
    var outcome: CallOutcome
  }

  private var results: [KnownResult] = []
  private var events: [Delivery] = []
  /// The events before this index have been delivered.
  private var firstEvent = 0
  private var ended: [EndedCall] = []
  private var firstEnded = 0

  var isEmpty: Bool { results.isEmpty && events.isEmpty && ended.isEmpty }

  mutating func add(_ result: KnownResult) { results.append(result) }
  mutating func add(_ event: Delivery) { events.append(event) }
  mutating func add(_ end: EndedCall) { ended.append(end) }

  /// Removes and returns the next consequence: results first, and the end of a called flow after all its emitted
  /// events.
  mutating func next() -> Item? {
    if let result = results.popLast() { return .result(result) }
    if firstEvent < events.count {
      defer { advanceEvents() }
      return .event(events[firstEvent])
    }
    guard firstEnded < ended.count else { return nil }
    defer { advanceEnded() }
    return .end(ended[firstEnded])
  }

  private mutating func advanceEvents() {
    firstEvent += 1
    if firstEvent == events.count { (events, firstEvent) = ([], 0) }
  }

  private mutating func advanceEnded() {
    firstEnded += 1
    if firstEnded == ended.count { (ended, firstEnded) = ([], 0) }
  }

  mutating func removeAll() { self = Deliveries() }
}

/// An event that an instance has emitted, for others of the same store.
struct Delivery {
  var event: String
  var payload: JSON
  var sender: InstanceID
  /// The suspended instance for which it was held; nil for delivery by key.
  var receiver: InstanceID?
  /// The number of emissions that have led to this one without an event, timer or result from elsewhere.
  var hops = 0
}
