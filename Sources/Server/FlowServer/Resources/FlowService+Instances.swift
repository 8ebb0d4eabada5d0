import FlowCrypto
import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

// Lists and views of instances. They read committed state, independently of the engine.
extension FlowService {
  /// The maximum `limit` of a list.
  static let maximumLimit = 500

  func listInstances(_ request: RouteRequest) throws(Problem) {
    let named = request["flow"] ?? request.query["flow"]
    if let named { try request.context.checkSees(named) }
    var wanted = try InstanceList(request.query, flow: named, catalogue, known: knownFlows(request.context))
    wanted.access = try readAccess(request.context)
    wanted.visible = request.context.principal.flows
    wanted.peer = request.http.peer
    wanted.redaction = request.context.middleware.settings.redaction
    let list = wanted
    answer(request) { [self] queries throws(StoreError) in
      // Read before the rows, so that a subscriber that starts here misses no entry.
      let span = try JournalSpan(queries)
      let (rows, next) = try list.page(queries, programs)
      var items: [JSON] = []
      for row in rows {
        let view = InstanceView(row, try programs.machine(row.definition))
        items.append(list.includesData ? view.summaryWithData : view.summary)
      }
      let total = list.counts ? try list.total(queries, programs) : nil
      let page = page(
        items, next: next.map { .string("\($0)") }, limit: list.limit, asOf: span,
        total: list.counts ? .some(total) : nil)
      return json(page)
    }
  }

  func showInstance(_ request: RouteRequest) throws(Problem) {
    let name = try instanceName(request)
    let access = try readAccess(request.context)
    answer(request) { [self] queries throws(StoreError) in
      let span = try JournalSpan(queries)
      guard let view = try view(name, queries: queries, access: access) else {
        return request.context.response(try missing(name, queries: queries, access: access))
      }
      var members = view.json.members ?? []
      let tag = entityTag(view.row.revision, members)
      if isFresh(request.http, tag) { return HTTPResponse(status: 304, headers: [("ETag", tag)]) }
      let position = LivePosition(try span.including(view.row, queries))
      members.append(.init("asOf", .string(position.description)))
      return json(.object(members), headers: [("ETag", tag), ("Cache-Control", "no-cache")])
    }
  }

  /// The revision, and a digest of the members that can change without a step. The digest is keyed, so that it reveals
  /// nothing of the values that it covers; the key is that of the process.
  private func entityTag(_ revision: Int, _ members: [JSON.Member]) -> String {
    let passing = members.filter { ["why", "pendingCalls", "incident"].contains($0.name) }
    let digest = hmac(of: JSON.object(passing).bytes(), secret: tagSecret).prefix(8)
    return "\"\(revision)-\(String(digest.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 16))\""
  }

  private func isFresh(_ request: HTTPRequest, _ tag: String) -> Bool {
    request.headers.contains(token: tag, in: "If-None-Match")
      || request.headers.contains(token: "*", in: "If-None-Match")
      || request.headers.contains(token: "W/" + tag, in: "If-None-Match")
  }

  // MARK: - Helpers

  /// The instance in the path.
  func instanceName(_ request: RouteRequest) throws(Problem) -> (flow: String, key: String) {
    (try flow(request).name, request["key"] ?? "")
  }

  /// The reason why the instance is missing: it never existed, or it was archived.
  func missing(
    _ name: (flow: String, key: String), queries: any Queries, access: ReadAccess
  ) throws(StoreError) -> Problem {
    // A tombstone has no data for read rules.
    let isOpen = programs.servedEntry(name.flow).map(access.admitsAll) ?? true
    guard isOpen, let stone = try queries.tombstone(flow: name.flow, key: name.key),
      !stone.isOver(at: clock())
    else {
      return .notFound("there is no instance `\(name.key)` of `\(name.flow)`")
    }
    return EngineProblem.gone(key: name.key, endedAt: stone.endedAt, keyTakenUntil: stone.keyTakenUntil).problem
  }

  /// The row of an instance; nil when it does not exist or the caller may not read it.
  func row(
    _ name: (flow: String, key: String), queries: any Queries, access: ReadAccess
  ) throws(StoreError) -> InstanceRow? {
    guard let row = try queries.instance(flow: name.flow, key: name.key) else { return nil }
    return try access.admits(row) ? row : nil
  }

  /// The view of an instance; nil when it does not exist or the caller may not read it.
  func view(
    _ name: (flow: String, key: String), queries: any Queries, access: ReadAccess
  ) throws(StoreError) -> InstanceView? {
    guard let row = try row(name, queries: queries, access: access) else { return nil }
    return InstanceView(row, try programs.machine(row.definition), jobs: try queries.jobs(instance: row.id))
  }

  /// The common form of lists.
  /// - Parameter total: The number of items on all pages: nil when it was not requested, null in the page when it is
  ///   unknown.
  func page(_ items: [JSON], next: JSON?, limit: Int, asOf span: JournalSpan, total: Int?? = nil) -> JSON {
    var page: [JSON.Member] = [.init("next", next ?? .null), .init("limit", .int(Int64(limit)))]
    if let total { page.append(.init("total", total.map { .int(Int64($0)) } ?? .null)) }
    return [
      "items": .array(items), "page": .object(page), "asOf": .string(LivePosition(span).description),
    ]
  }

  /// Reads on a worker and responds from that thread.
  func answer(
    _ request: RouteRequest, _ body: @escaping @Sendable (any Queries) throws(StoreError) -> HTTPResponse
  ) {
    read(request) { queries throws(StoreError) in request.respond.send(try body(queries)) }
  }

  /// Reads on a worker, and responds if the read fails.
  func read(_ request: RouteRequest, _ body: @escaping @Sendable (any Queries) throws(StoreError) -> Void) {
    reader.read { queries in
      do throws(StoreError) {
        try body(queries)
      } catch {
        request.respond.send(.storeUnavailable(error))
      }
    }
  }
}
