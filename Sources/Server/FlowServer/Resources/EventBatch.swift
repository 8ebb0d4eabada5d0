import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime
import Synchronization

/// Several CloudEvents of one request: each is taken or refused by itself, and the answers come in the same order.
final class EventBatch: Sendable {
  /// How many events one request may bring.
  static let maximumCount = 1000

  private let answers: Mutex<(waiting: Int, items: [JSON])>
  private let respond: Responder

  private init(count: Int, _ respond: Responder) {
    answers = Mutex((count, Array(repeating: .null, count: count)))
    self.respond = respond
  }

  /// Hands all events to the engine, and answers when all are on the disk or refused.
  static func submit(_ exchange: RouteRequest, as caller: Caller, to service: FlowService) throws(Problem) {
    for name in ["Idempotency-Key", "If-Match"] where exchange.request.headers[name] != nil {
      throw .badRequest("`\(name)` is for one event; those of a batch are named by their `source` and `id`")
    }
    guard try !exchange.query.flag("dryRun") else { throw .badRequest("`dryRun` is for one event, not for a batch") }
    guard let items = try exchange.request.json(of: [IncomingEvent.batch]).array else {
      throw .badRequest("a batch is a JSON list of CloudEvents")
    }
    guard items.count <= maximumCount else {
      throw Problem(
        status: 413, code: "payload-too-large", title: "Too large",
        detail: "a batch has at most \(maximumCount) events, this one has \(items.count)")
    }
    let batch = EventBatch(count: items.count, exchange.respond)
    if items.isEmpty { return batch.send([]) }
    for (index, item) in items.enumerated() {
      do throws(Problem) {
        let command = service.command(try IncomingEvent(cloudEvent: item), flow: nil, key: nil, caller)
        try service.checkReach(of: command, exchange.request)
        let visit = exchange.request.visit
        service.engine.submit(command) { result in
          if case .success(let answer) = result { visit?.noteStep(answer.sequence) }
          batch.note(result, at: index)
        }
      } catch {
        batch.note(error, at: index)
      }
    }
  }

  private func note(_ result: Result<EventAnswer, EngineProblem>, at index: Int) {
    switch result {
    case .failure(let problem): note(problem.problem, at: index)
    case .success(let answer):
      note(
        ["status": answer.created ? 201 : 200, "answer": answer.json, "replayed": .bool(answer.replayed)], at: index)
    }
  }

  private func note(_ problem: Problem, at index: Int) {
    note(["status": .int(Int64(problem.status)), "problem": problem.json], at: index)
  }

  private func note(_ item: JSON, at index: Int) {
    let all = answers.withLock { answers -> [JSON]? in
      answers.items[index] = item
      answers.waiting -= 1
      return answers.waiting == 0 ? answers.items : nil
    }
    if let all { send(all) }
  }

  private func send(_ items: [JSON]) {
    let taken = items.filter { ($0["status"]?.int ?? 500) < 300 }.count
    respond.send(
      .json(["items": .array(items), "taken": .int(Int64(taken)), "refused": .int(Int64(items.count - taken))]))
  }
}
