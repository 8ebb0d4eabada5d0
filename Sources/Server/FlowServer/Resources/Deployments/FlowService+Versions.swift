import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// The versions of a flow: instances keep the program with which they started.
extension FlowService {
  /// The minimum number of digits of a hash that identify a program.
  static let shortestHash = 8
  private static let sourceForms = ["text/x-flow", "application/json", "text/plain"]

  func listVersions(_ request: RouteRequest) throws(Problem) {
    let entry = try flow(request)
    answer(request) { [self] queries throws(StoreError) in
      var items: [JSON] = []
      for row in try queries.versions(flow: entry.name).reversed() { items.append(try view(row, entry)) }
      return json(["items": .array(items)])
    }
  }

  private func view(_ row: VersionRow, _ entry: Catalogue.Entry) throws(StoreError) -> JSON {
    [
      "version": try number(row).map { .int(Int64($0)) } ?? .null, "definition": .string(row.definition),
      "origin": .string(row.origin), "deployedAt": .string(timeText(row.at)),
      "retired": .bool(row.definition != entry.hash || entry.isRetired),
    ]
  }

  func showVersion(_ request: RouteRequest) throws(Problem) {
    find(request, of: try flow(request)) { entry, _ in request.respond.send(.json(FlowView(entry: entry).json)) }
  }

  func showVersionSource(_ request: RouteRequest) throws(Problem) {
    let context = request.context
    let form = request.preferred(of: FlowService.sourceForms)
    find(request, of: try flow(request)) { entry, queries throws(StoreError) in
      do throws(Problem) {
        // A file may contain further flows.
        try context.checkSees(sourceOf: entry.machine)
      } catch {
        return request.respond.send(error)
      }
      guard let files = try queries.source(hash: entry.hash), !files.isEmpty else {
        let problem = Problem.notFound(
          "the source of this version of `\(entry.name)` is not stored: it was deployed as IR")
        return request.respond.send(problem)
      }
      request.respond.send(
        FlowService.source(files, of: entry, as: form) ?? context.response(.notAcceptable(FlowService.sourceForms)))
    }
  }

  func showVersionGraph(_ request: RouteRequest) throws(Problem) {
    let present = try flow(request)
    find(request, of: present) { [self] entry, _ in
      do throws(Problem) {
        try showGraph(entry, request)
      } catch {
        request.respond.send(error)
      }
    }
  }

  func showInstanceGraph(_ request: RouteRequest) throws(Problem) {
    let name = try instanceName(request)
    let present = try flow(request)
    let access = try readAccess(request.context)
    read(request) { [self] queries throws(StoreError) in
      guard let view = try view(name, queries: queries, access: access) else {
        return request.respond.send(try missing(name, queries: queries, access: access))
      }
      let row = VersionRow(
        flow: name.flow, definition: view.row.definition, number: nil, origin: "", at: view.row.startedAt)
      let entry = view.machine.flatMap { present.earlier(row, in: $0) } ?? present
      do throws(Problem) {
        try showGraph(entry, request, active: view.states)
      } catch {
        request.respond.send(error)
      }
    }
  }

  /// - Returns: Nil for an unsupported media type.
  private static func source(
    _ files: [SourceText], of entry: Catalogue.Entry, as form: String?
  ) -> HTTPResponse? {
    switch form {
    case "application/json": return .json(["definition": .string(entry.hash), "files": SourceText.json(files)])
    case let form?: return .text(file(of: entry, in: files).text, as: form)
    case nil: return nil
    }
  }

  /// The file that declares a flow.
  /// - Parameter files: At least one.
  static func file(of entry: Catalogue.Entry, in files: [SourceText]) -> SourceText {
    let node = entry.machine.program.flows[entry.flow]
    let own = (node.starts.first?.location ?? node.transitions.first?.location)?.file
    return files.first { $0.name == own } ?? files[0]
  }

  // MARK: - Finding

  /// Calls back with the version that the path identifies by its hash, a prefix of it, or its number, of which the
  /// newest is selected; with the served version when the path identifies none.
  private func find(
    _ request: RouteRequest, of present: Catalogue.Entry,
    _ body: @escaping @Sendable (Catalogue.Entry, any Queries) throws(StoreError) -> Void
  ) {
    let name = request["version"]
    read(request) { [self] queries throws(StoreError) in
      guard let name, name != present.hash else { return try body(present, queries) }
      let rows = try queries.versions(flow: present.name)
      guard let row = try find(name, rows), let machine = try programs.machine(row.definition),
        let entry = present.earlier(row, in: machine)
      else {
        let problem = Problem.notFound("`\(present.name)` was never served as version `\(name)`")
        return request.respond.send(problem)
      }
      try body(row.definition == present.hash ? present : entry, queries)
    }
  }

  private func find(_ name: String, _ rows: [VersionRow]) throws(StoreError) -> VersionRow? {
    if let exact = rows.first(where: { $0.definition == name }) { return exact }
    if let number = Int(name), name.utf8.count < FlowService.shortestHash {
      for row in rows.reversed() where try self.number(row) == number { return row }
      return nil
    }
    guard name.utf8.count >= FlowService.shortestHash else { return nil }
    let meant = rows.filter { $0.definition.hasPrefix(name) }
    return meant.count == 1 ? meant[0] : nil
  }

  private func number(_ row: VersionRow) throws(StoreError) -> Int? {
    if let number = row.number { return number }
    guard let machine = try programs.machine(row.definition) else { return nil }
    return machine.flow(named: row.flow).map { machine.flowVersion($0) }
  }
}
