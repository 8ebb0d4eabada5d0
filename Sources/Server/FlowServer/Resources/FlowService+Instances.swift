import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

// Views: lists, an instance. They read what was committed, away from the engine.
extension FlowService {
  /// The most that a list gives at once.
  static let maximumLimit = 500

  func listInstances(_ exchange: RouteRequest) throws(Problem) {
    let named = exchange["flow"] ?? exchange.query["flow"]
    if let named { try exchange.request.visit?.checkSees(named) }
    var wanted = try InstanceList(exchange.query, flow: named, catalogue)
    wanted.visible = exchange.request.visit?.principal.flows
    wanted.redaction = exchange.request.visit?.gate.settings.redaction ?? Redaction()
    let list = wanted
    answer(exchange) { [self] queries throws(StoreError) in
      // Read before the rows, so that whoever listens from here on misses nothing.
      let span = try JournalSpan(queries)
      let (rows, next) = try list.page(queries, programs)
      var items: [JSON] = []
      for row in rows { items.append(InstanceView(row, try programs.machine(row.definition)).summary) }
      return json(page(items, next: next.map { .string("\($0)") }, limit: list.limit, asOf: span))
    }
  }

  func showInstance(_ exchange: RouteRequest) throws(Problem) {
    let name = try instanceName(exchange)
    answer(exchange) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      guard let view = try view(name, queries) else { return try missing(name, queries).response }
      var members = view.json.members ?? []
      let tag = entityTag(view.row.revision, members)
      if isFresh(exchange.request, tag) { return HTTPResponse(status: 304, headers: [("ETag", tag)]) }
      members.append(.init("asOf", .string(LivePosition(span).description)))
      return json(.object(members), headers: [("ETag", tag), ("Cache-Control", "no-cache")])
    }
  }

  /// The revision, and a digest of what can change without a step.
  private func entityTag(_ revision: Int, _ members: [JSON.Member]) -> String {
    let passing = members.filter { ["why", "pendingCalls", "incident"].contains($0.name) }
    let digest = Cursor(filter: JSON.object(passing).text(), position: 0).filter
    return "\"\(revision)-\(String(digest & 0xFFFF_FFFF, radix: 16))\""
  }

  private func isFresh(_ request: HTTPRequest, _ tag: String) -> Bool {
    request.headers.contains(token: tag, in: "If-None-Match")
      || request.headers.contains(token: "*", in: "If-None-Match")
      || request.headers.contains(token: "W/" + tag, in: "If-None-Match")
  }

  // MARK: - Helpers

  /// What an address names.
  func instanceName(_ exchange: RouteRequest) throws(Problem) -> (flow: String, key: String) {
    (try flow(exchange).name, exchange["key"] ?? "")
  }

  /// Why there is no such instance: there never was, or it has been archived.
  func missing(_ name: (flow: String, key: String), _ queries: any Queries) throws(StoreError) -> Problem {
    guard let stone = try queries.tombstone(flow: name.flow, key: name.key) else {
      return .notFound("there is no instance `\(name.key)` of `\(name.flow)`")
    }
    return EngineProblem.gone(key: name.key, endedAt: stone.endedAt).problem
  }

  func view(_ name: (flow: String, key: String), _ queries: any Queries) throws(StoreError) -> InstanceView? {
    guard let row = try queries.instance(flow: name.flow, key: name.key) else { return nil }
    return InstanceView(row, try programs.machine(row.definition), jobs: try queries.jobs(instance: row.id))
  }

  /// A list in the form that all lists have.
  func page(_ items: [JSON], next: JSON?, limit: Int, asOf span: JournalSpan) -> JSON {
    [
      "items": .array(items), "page": ["next": next ?? .null, "limit": .int(Int64(limit))],
      "asOf": .string(LivePosition(span).description),
    ]
  }

  /// Reads on the readers' queue and answers from there.
  func answer(
    _ exchange: RouteRequest, _ body: @escaping @Sendable (any Queries) throws(StoreError) -> HTTPResponse
  ) {
    read(exchange) { queries throws(StoreError) in exchange.respond.send(try body(queries)) }
  }

  /// Reads on the readers' queue, and answers when that fails.
  func read(_ exchange: RouteRequest, _ body: @escaping @Sendable (any Queries) throws(StoreError) -> Void) {
    reader.read { queries in
      do throws(StoreError) {
        try body(queries)
      } catch {
        exchange.respond.send(EngineProblem.storeUnavailable(error.message).response)
      }
    }
  }
}
