import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

// What operators do: to an instance, and to work whose tries are spent.
extension FlowService {
  /// The longest reason that is kept.
  static let maximumReasonBytes = 1024

  func cancelInstance(_ exchange: RouteRequest) throws(Problem) { try operate(.cancel, exchange) }
  func suspendInstance(_ exchange: RouteRequest) throws(Problem) { try operate(.suspend, exchange) }
  func resumeInstance(_ exchange: RouteRequest) throws(Problem) { try operate(.resume, exchange) }
  func retryInstance(_ exchange: RouteRequest) throws(Problem) { try operate(.retry, exchange) }
  func migrateInstance(_ exchange: RouteRequest) throws(Problem) { try operate(.migrate, exchange) }

  private func operate(_ action: OperatorCommand.Action, _ exchange: RouteRequest) throws(Problem) {
    let name = try instanceName(exchange)
    let body = try body(exchange.request)
    var command = OperatorCommand(action, flow: name.flow, key: name.key, reason: try reason(body))
    command.caller = try caller(exchange.request)
    command.ifMatch = try revision(exchange.request)
    command.isDryRun = try exchange.query.flag("dryRun")
    engine.operate(command) { result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success(let answer):
        exchange.respond.send(.json(answer.json, headers: [("ETag", "\"\(answer.revision)\"")]))
      }
    }
  }

  /// `POST …/fork {"key": "o1-again"}`: another instance that goes on from the same place.
  func forkInstance(_ exchange: RouteRequest) throws(Problem) {
    let name = try instanceName(exchange)
    let body = try body(exchange.request)
    if let given = body["key"], given.string == nil { throw .badRequest("`key` is a text, the key of the copy") }
    var command = ForkCommand(flow: name.flow, key: name.key, copy: body["key"]?.string)
    command.reason = try reason(body)
    command.caller = try caller(exchange.request)
    command.ifMatch = try revision(exchange.request)
    command.isDryRun = try exchange.query.flag("dryRun")
    let isDryRun = command.isDryRun
    engine.fork(command) { result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success(let answer):
        let place = "/v1/flows/\(answer.flow.percentEncoded)/instances/\(answer.key.percentEncoded)"
        let headers = isDryRun ? [] : [("ETag", "\"\(answer.revision)\""), ("Location", place)]
        exchange.respond.send(.json(answer.json, status: isDryRun ? 200 : 201, headers: headers))
      }
    }
  }

  /// Why, in the words of whoever does it.
  func reason(_ body: JSON) throws(Problem) -> String {
    guard let given = body["reason"] else { return "" }
    guard let text = given.string, text.utf8.count <= FlowService.maximumReasonBytes else {
      throw .badRequest("`reason` is a text of at most \(FlowService.maximumReasonBytes) bytes")
    }
    return text
  }

  // MARK: - Dead letters

  func listDeadLetters(_ exchange: RouteRequest) throws(Problem) {
    let flow = exchange.query["flow"]
    if let flow, catalogue[flow] == nil { throw .unknownFlow(flow, catalogue) }
    let limit = try exchange.query.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    let filter = "dead \(flow ?? "")"
    let after = try exchange.query["cursor"].map { text throws(Problem) in try Cursor(text, filter: filter).position }
    answer(exchange) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      let letters = try queries.deadLetters(flow: flow, after: after ?? 0, limit: limit)
      let next = letters.count == limit ? letters.last.map { Cursor(filter: filter, position: $0.row.job.id) } : nil
      let items = letters.map(view)
      return json(page(items, next: next.map { .string("\($0)") }, limit: limit, asOf: span))
    }
  }

  private func view(_ letter: DeadLetter) -> JSON {
    let job = letter.row.job
    return [
      "id": .int(job.id), "flow": .string(letter.flow), "key": .string(letter.key), "action": .string(job.action),
      "arguments": (try? JSON(parsing: job.arguments)) ?? .null, "attempts": .int(Int64(job.attempt + 1)),
      "at": .string(timeText(letter.row.at)), "code": .string(letter.row.code),
      "message": .string(letter.row.message),
      "failures": job.failures.isEmpty ? [] : (try? JSON(parsing: job.failures)) ?? [],
    ]
  }

  func redriveDeadLetter(_ exchange: RouteRequest) throws(Problem) {
    guard let id = Int64(exchange["id"] ?? "") else {
      throw .notFound("there is no dead letter `\(exchange["id"] ?? "")`; its id is a number")
    }
    let reason = try reason(try body(exchange.request))
    engine.redrive(id, reason: reason, caller: try caller(exchange.request)) { result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success: exchange.respond.send(.json(["accepted": true]))
      }
    }
  }

  // MARK: - Numbers

  func showStatistics(_ exchange: RouteRequest) throws(Problem) {
    let flow = exchange.query["flow"]
    if let flow, catalogue[flow] == nil { throw .unknownFlow(flow, catalogue) }
    let now = clock()
    answer(exchange) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      let extent = try queries.extent()
      var items: [JSON] = []
      for group in try queries.population(flow: flow) { items.append(try view(group, now)) }
      return json([
        "items": .array(items), "timers": .int(Int64(extent.timers)), "jobs": .int(Int64(extent.jobs)),
        "deadLetters": .int(Int64(extent.deadLetters)), "storeBytes": .int(extent.bytes),
        "freeBytes": .int(extent.freeBytes), "asOf": .string(LivePosition(span).description),
      ])
    }
  }

  private func view(_ group: InstanceCounts, _ now: Int64) throws(StoreError) -> JSON {
    let machine = try programs.machine(group.definition)
    let version = machine.flatMap { machine in machine.flow(named: group.flow).map { machine.flowVersion($0) } }
    return [
      "flow": .string(group.flow), "version": version.map { .int(Int64($0)) } ?? .null,
      "definition": .string(group.definition),
      "status": .string(group.status.name),
      "state": .array(group.states.map { .string($0) }), "count": .int(Int64(group.count)),
      "oldest": .string(timeText(group.oldest)), "oldestSeconds": .int(max(now - group.oldest, 0) / 1000),
    ]
  }
}
