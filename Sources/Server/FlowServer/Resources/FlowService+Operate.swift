import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

// Operations on instances and dead letters.
extension FlowService {
  /// The maximum length of a reason, in characters.
  static let maximumReason = 256

  func cancelInstance(_ request: RouteRequest) throws(Problem) { try operate(.cancel, request) }
  func suspendInstance(_ request: RouteRequest) throws(Problem) { try operate(.suspend, request) }
  func resumeInstance(_ request: RouteRequest) throws(Problem) { try operate(.resume, request) }
  func retryInstance(_ request: RouteRequest) throws(Problem) { try operate(.retry, request) }
  func migrateInstance(_ request: RouteRequest) throws(Problem) { try operate(.migrate, request) }

  /// `POST …/drop {"event": "Paid"}`: drops the deferred events of a name, or all of them.
  func dropDeferred(_ request: RouteRequest) throws(Problem) { try operate(.drop, request, with: ["event"]) }

  private func operate(
    _ action: OperatorCommand.Action, _ request: RouteRequest, with members: [String] = []
  ) throws(Problem) {
    let name = try instanceName(request)
    let body = try request.http.object(["reason"] + members)
    var command = OperatorCommand(action, flow: name.flow, key: name.key, reason: try reason(body))
    command.caller = try caller(request.context)
    command.ifMatch = try revision(request.http)
    if members.contains("event") { command.event = try body.text("event") }
    command.isDryRun = try request.query.flag("dryRun")
    engine.operate(command) { result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: name.flow)
      case .success(let answer):
        request.respond.send(.json(answer.json, headers: [("ETag", "\"\(answer.revision)\"")]))
      }
    }
  }

  /// `POST …/fork {"key": "o1-again"}`: a copy of the instance under another key.
  func forkInstance(_ request: RouteRequest) throws(Problem) {
    let name = try instanceName(request)
    let body = try request.http.object(["key", "reason"])
    var command = ForkCommand(flow: name.flow, key: name.key, copy: try body.text("key"))
    command.reason = try reason(body)
    command.caller = try caller(request.context)
    command.ifMatch = try revision(request.http)
    command.isDryRun = try request.query.flag("dryRun")
    let isDryRun = command.isDryRun
    engine.fork(command) { result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: name.flow)
      case .success(let answer):
        let location = "/v1/flows/\(answer.flow.percentEncoded)/instances/\(answer.key.percentEncoded)"
        let headers = isDryRun ? [] : [("ETag", "\"\(answer.revision)\""), ("Location", location)]
        request.respond.send(.json(answer.json, status: isDryRun ? 200 : 201, headers: headers))
      }
    }
  }

  /// The operator's reason, for the journal.
  /// - Throws: 400.
  func reason(_ body: JSON) throws(Problem) -> String {
    let text = try body.text("reason") ?? ""
    guard text.unicodeScalars.count <= FlowService.maximumReason else {
      throw .badRequest("`reason` has at most \(FlowService.maximumReason) characters")
    }
    return text
  }

  // MARK: - Dead letters

  func listDeadLetters(_ request: RouteRequest) throws(Problem) {
    let flow = request.query["flow"]
    if let flow, catalogue[flow] == nil { throw .unknownFlow(flow, known: knownFlows(request.context)) }
    let limit = try request.query.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    let filter = "dead \(flow ?? "")"
    let after = try request.query["cursor"].map { text throws(Problem) in try Cursor(text, filter: filter).position }
    let access = try readAccess(request.context)
    let principal = request.context.principal
    let queues = flow.flatMap { catalogue[$0] }?.queues ?? []
    answer(request) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      let letters = try queries.deadLetters(flow: flow, queues: queues, after: after ?? 0, limit: limit)
      let next = letters.hasMore ? letters.last.map { Cursor(filter: filter, position: $0.row.job.id) } : nil
      var items: [JSON] = []
      for letter in letters {
        if let queue = letter.row.job.messageQueue {
          // A message may reach each flow that receives its event: it is shown to callers that may see all of them.
          let receivers = catalogue.receivers(of: queue)
          let known = receivers.isEmpty ? catalogue.entries : receivers
          let isVisible = known.allSatisfy { principal.sees($0.name) && access.admitsAll($0) }
          if isVisible, !receivers.isEmpty || principal.flows == nil { items.append(view(message: letter.row)) }
        } else if try isReadable(letter, queries: queries, access: access) {
          items.append(view(letter))
        }
      }
      return json(page(items, next: next.map { .string("\($0)") }, limit: limit, asOf: span))
    }
  }

  private func isReadable(
    _ letter: DeadLetter, queries: any Queries, access: ReadAccess
  ) throws(StoreError) -> Bool {
    if programs.servedEntry(letter.flow).map(access.admitsAll) ?? true { return true }
    return try row((letter.flow, letter.key), queries: queries, access: access) != nil
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

  /// A message that was refused. It has no flow: the fields that any flow redacts are masked.
  private func view(message row: DeadRow) -> JSON {
    let job = row.job
    return [
      "id": .int(job.id), "queue": .string(job.queue ?? ""), "event": .string(job.action),
      "messageId": job.once.map { .string($0) } ?? .null, "arguments": (try? JSON(parsing: job.arguments)) ?? .null,
      "at": .string(timeText(row.at)), "code": .string(row.code), "message": .string(row.message),
    ]
  }

  func redriveDeadLetter(_ request: RouteRequest) throws(Problem) {
    guard let id = Int64(request["id"] ?? "") else {
      throw .notFound("there is no dead letter `\(request["id"] ?? "")`; its id is a number")
    }
    let reason = try reason(try request.http.object(["reason"]))
    engine.redrive(id, reason: reason, caller: try caller(request.context)) { result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: nil)
      case .success: request.respond.send(.json(["accepted": true]))
      }
    }
  }

  func closeDeadLetter(_ request: RouteRequest, _ closing: DeadLetterClosing) throws(Problem) {
    guard let id = Int64(request["id"] ?? "") else {
      throw .notFound("there is no dead letter `\(request["id"] ?? "")`; its id is a number")
    }
    let reason = try reason(try request.http.object(["reason"]))
    guard !reason.isEmpty else { throw .badRequest("the body has no `reason`") }
    engine.close(deadLetter: id, closing, reason: reason, caller: try caller(request.context)) { result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: nil)
      case .success: request.respond.send(.json(["accepted": true]))
      }
    }
  }

  // MARK: - Numbers

  func showStatistics(_ request: RouteRequest) throws(Problem) {
    let flow = request.query["flow"]
    if let flow { try request.context.checkSees(flow) }
    if let flow, catalogue[flow] == nil { throw .unknownFlow(flow, known: knownFlows(request.context)) }
    let principal = request.context.principal
    let now = clock()
    let access = try readAccess(request.context)
    let rates = try rates(request, flow: flow, access)
    answer(request) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      var items: [JSON] = []
      for group in try queries.population(flow: flow)
      where principal.sees(group.flow) && isCounted(group.flow, access) {
        items.append(try view(group, now))
      }
      let counts: [JSON.Member] = [
        .init("items", .array(items)), .init("asOf", .string(LivePosition(span).description)),
      ]
      // The size of the store is shown to callers that may see all of it.
      let isWhole = principal.flows == nil && catalogue.entries.allSatisfy(access.admitsAll)
      let size = isWhole ? try queries.extent().members : []
      return json(.object(counts + size + rates))
    }
  }

  /// `include=rates`: the counts of the last `minutes`.
  private func rates(_ request: RouteRequest, flow: String?, _ access: ReadAccess) throws(Problem) -> [JSON.Member] {
    let minutes = try request.query.number("minutes", default: 60, in: 1...RateHistory.minutes)
    guard try request.query.choice("include", ["rates"]) != nil else { return [] }
    let rates = request.context.middleware.metrics.rates
    let principal = request.context.principal
    let shown = rates.json(minutes: minutes, now: clock()) { [self] name in
      principal.sees(name) && (flow == nil || name == flow) && isCounted(name, access)
    }
    return [.init("rates", shown)]
  }

  /// Counts are shown to callers that may read every instance of the flow.
  private func isCounted(_ flow: String, _ access: ReadAccess) -> Bool {
    programs.servedEntry(flow).map(access.admitsAll) ?? true
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

extension StoreSize {
  fileprivate var members: [JSON.Member] {
    [
      .init("timers", .int(Int64(timers))), .init("jobs", .int(Int64(jobs))),
      .init("deadLetters", .int(Int64(deadLetters))), .init("incidents", .int(Int64(incidents))),
      .init("storeBytes", .int(bytes)),
      .init("freeBytes", .int(freeBytes)),
    ]
  }
}
