import FlowDiagram
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// Lists of pending work: jobs and schedules.
extension FlowService {
  func listJobs(_ request: RouteRequest) throws(Problem) {
    let flow = request.query["flow"]
    if let flow, catalogue[flow] == nil { throw .unknownFlow(flow, known: knownFlows(request.context)) }
    let limit = try request.query.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    let filter = "jobs \(flow ?? "")"
    let after = try request.query["cursor"].map { text throws(Problem) in try Cursor(text, filter: filter).position }
    let now = clock()
    let access = try readAccess(request.context)
    answer(request) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      let jobs = try queries.jobs(flow: flow, after: after ?? 0, limit: limit)
      let next = jobs.hasMore ? jobs.last.map { Cursor(filter: filter, position: $0.row.id) } : nil
      // An event on its way to another instance is no job of an action.
      var items: [JSON] = []
      for job in jobs where !job.row.action.isEmpty {
        let isOpen = programs.servedEntry(job.flow).map(access.admitsAll) ?? true
        let isReadable = isOpen ? true : try row((job.flow, job.key), queries: queries, access: access) != nil
        if isReadable { items.append(job.view(now: now)) }
      }
      return json(page(items, next: next.map { .string("\($0)") }, limit: limit, asOf: span))
    }
  }

  func listSchedules(_ request: RouteRequest) throws(Problem) {
    let principal = request.context.principal
    let catalogue = catalogue
    let access = try readAccess(request.context)
    answer(request) { [self] queries throws(StoreError) in
      let rows = try queries.schedules().filter { $0.due < .max && principal.sees($0.flow) }
      var items: [JSON] = []
      for row in rows {
        guard let entry = catalogue[row.flow], !entry.isRetired,
          entry.machine.program.flows[entry.flow].isScheduled(row.start)
        else { continue }
        let label = startLabel(entry.machine.program, flow: entry.flow, start: row.start)
        var isReadable = access.admitsAll(entry)
        if !isReadable, let key = row.running {
          isReadable = try self.row((row.flow, key), queries: queries, access: access) != nil
        }
        let head: [JSON.Member] = [
          .init("flow", .string(row.flow)), .init("start", .int(Int64(row.start))),
          .init("definition", .string(row.definition)), .init("label", .string(label)),
          .init("nextAt", .string(timeText(row.due))),
        ]
        let start = entry.machine.program.flows[entry.flow].starts[row.start]
        items.append(.object(head + row.members(of: start, showsKey: isReadable)))
      }
      return json(["items": .array(items)])
    }
  }
}

extension ScheduleRow {
  /// The policies of the start and the state of its runs.
  /// - Parameter showsKey: Whether the caller may read the running instance.
  func members(of start: Start, showsKey: Bool) -> [JSON.Member] {
    var members: [JSON.Member] = [
      .init("overlap", .string(start.overlap.rawValue)), .init("catchup", .string(start.catchUp.rawValue)),
      .init("isRunning", .bool(running != nil)), .init("skipped", .int(Int64(skipped))),
    ]
    if showsKey, let running { members.append(.init("running", .string(running))) }
    if let waiting { members.append(.init("waitingSince", .string(timeText(waiting)))) }
    if let lastRun { members.append(.init("lastRunAt", .string(timeText(lastRun)))) }
    if let lastSkipped { members.append(.init("lastSkippedAt", .string(timeText(lastSkipped)))) }
    return members
  }
}

extension PendingJob {
  /// - Parameter now: Milliseconds since 1970.
  fileprivate func view(now: Int64) -> JSON {
    var members: [JSON.Member] = [
      .init("id", .int(row.id)), .init("flow", .string(flow)), .init("key", .string(key)),
      .init("action", .string(row.action)), .init("attempt", .int(Int64(row.attempt + 1))),
      .init("status", .string(status(now: now))),
    ]
    if let queue = row.queue { members.append(.init("queue", .string(queue))) }
    if row.priority != 0 { members.append(.init("priority", .int(row.priority))) }
    if let instant = row.due.instant { members.append(.init("due", .string(timeText(instant)))) }
    if row.lease > now { members.append(.init("leaseEnds", .string(timeText(row.lease)))) }
    if let failure = (try? JSON(parsing: row.failures))?.array?.last { members.append(.init("lastFailure", failure)) }
    return .object(members)
  }

  /// `claimed` by a worker, `retrying` after a failure, `due`, `waiting` for other work, or `held` with its instance.
  private func status(now: Int64) -> String {
    if row.lease > now { return "claimed" }
    switch row.due {
    case .onResume: return "held"
    case .onTurn, .onEnd: return "waiting"
    case .at(let instant): return row.attempt > 0 ? "retrying" : instant <= now ? "due" : "waiting"
    }
  }
}
