import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime
import Synchronization

/// Several CloudEvents of one request: each is accepted or refused separately, and the results keep their order.
final class EventBatch: Sendable {
  /// The maximum number of events in a request.
  static let maximumCount = 1000

  private let results: Mutex<(waiting: Int, items: [JSON])>
  private let respond: Responder

  private init(count: Int, _ respond: Responder) {
    results = Mutex((count, Array(repeating: .null, count: count)))
    self.respond = respond
  }

  /// Sends all events to the engine, and responds when each is committed or refused.
  static func submit(_ request: RouteRequest, as caller: Caller, to service: FlowService) throws(Problem) {
    for name in ["Idempotency-Key", "If-Match"] where request.http.headers[name] != nil {
      throw .badRequest("`\(name)` is for one event; those of a batch are named by their `source` and `id`")
    }
    guard try !request.query.flag("dryRun") else { throw .badRequest("`dryRun` is for one event, not for a batch") }
    guard let items = try request.http.json(of: [IncomingEvent.batch]).array else {
      throw .badRequest("a batch is a JSON array of CloudEvents")
    }
    guard items.count <= maximumCount else {
      throw Problem(
        .payloadTooLarge, "a batch has at most \(maximumCount) events, this one has \(items.count)")
    }
    let context = request.context
    // The request itself was already counted.
    try context.middleware.checkRate(context.principal, address: context.address, cost: max(items.count - 1, 0))
    let batch = EventBatch(count: items.count, request.respond)
    if items.isEmpty { return batch.send([]) }
    for (index, item) in items.enumerated() {
      do throws(Problem) {
        let event = try IncomingEvent(cloudEvent: item)
        let command = try service.command(for: event, to: EventAddress(), context)
        service.submit(command, in: context) { batch.record($0, at: index) }
      } catch {
        batch.record(.failure(error), at: index)
      }
    }
  }

  private func record(_ result: Result<EventAnswer, Problem>, at index: Int) {
    let item: JSON =
      switch result {
      case .failure(let problem): ["status": .int(Int64(problem.status)), "problem": problem.json]
      case .success(let answer):
        ["status": answer.created ? 201 : 200, "answer": answer.json, "replayed": .bool(answer.replayed)]
      }
    let all = results.withLock { results -> [JSON]? in
      results.items[index] = item
      results.waiting -= 1
      return results.waiting == 0 ? results.items : nil
    }
    if let all { send(all) }
  }

  private func send(_ items: [JSON]) {
    let accepted = items.filter { ($0["status"]?.int ?? 500) < 300 }.count
    respond.send(
      .json(["items": .array(items), "taken": .int(Int64(accepted)), "refused": .int(Int64(items.count - accepted))]))
  }
}
