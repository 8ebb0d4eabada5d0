import CEL
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

/// A list of instances as a request asks for it: what the store filters, and what is looked at row by row.
struct InstanceList {
  /// How many rows one answer looks at; a filter that finds little gives an empty page with a cursor.
  static let maximumScan = 10_000
  static let statuses = ["running", "done", "failed"]

  var filter: InstanceFilter
  var state: String?
  var version: Int?
  var query: Predicate?
  var limit: Int
  var after: Int64?
  /// What a cursor is bound to.
  let signature: String

  init(_ exchange: Exchange, flow: String?, _ machine: Machine) throws(Problem) {
    filter = InstanceFilter(flow: flow)
    if flow == nil { filter.flow = try InstanceList.flow(exchange, machine) }
    filter.status = try InstanceList.status(exchange)
    filter.keyPrefix = exchange.query["key"]
    filter.updatedAfter = try exchange.time("updatedAfter")
    filter.updatedBefore = try exchange.time("updatedBefore")
    filter.isNewestFirst = try exchange.choice("order", ["oldest", "newest"]) == "newest"
    state = exchange.query["state"]
    version = exchange.query["version"] == nil ? nil : try exchange.number("version", default: 0, in: 0...Int.max)
    query = try InstanceList.query(exchange, filter.flow, machine)
    limit = try exchange.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    let names = ["status", "key", "updatedAfter", "updatedBefore", "order", "state", "version", "q"]
    let given = names.map { JSON.array([.string($0), exchange.query[$0].map { .string($0) } ?? .null]) }
    signature = JSON.array([filter.flow.map { .string($0) } ?? .null] + given).text()
    after = try exchange.query["cursor"].map { text throws(Problem) in try Cursor(text, filter: signature).position }
  }

  private static func flow(_ exchange: Exchange, _ machine: Machine) throws(Problem) -> String? {
    guard let name = exchange.query["flow"] else { return nil }
    guard machine.flow(named: name) != nil else { throw .unknownFlow(name, machine) }
    return name
  }

  private static func status(_ exchange: Exchange) throws(Problem) -> Int? {
    try exchange.choice("status", statuses).flatMap { statuses.firstIndex(of: $0) }
  }

  // MARK: - `q`

  private static let variables: [(name: String, type: ValueType)] = [
    ("flow", .string), ("key", .string), ("status", .string), ("state", .list(.string)), ("revision", .int),
    ("startedAt", .timestamp), ("updatedAt", .timestamp), ("data", .map(.string, .dyn)),
  ]

  private static func query(_ exchange: Exchange, _ flow: String?, _ machine: Machine) throws(Problem) -> Predicate? {
    guard let text = exchange.query["q"] else { return nil }
    guard let flow = flow.flatMap({ machine.flow(named: $0) }) else {
      return try Predicate(text, parameter: "q", variables: variables, types: machine.types)
    }
    // The data has a type in this flow, by which a misspelt field is found.
    let fields = machine.program.flows[flow].fields.map { FieldDeclaration($0.name, $0.type) }
    var types = machine.types
    types.declare(RecordDeclaration("flow.Data", fields))
    return try Predicate(
      text, parameter: "q", variables: variables,
      strict: variables.dropLast() + [("data", .record("flow.Data"))], types: machine.types, strictTypes: types)
  }

  private func values(_ row: InstanceRow, _ states: [String], _ catalog: Catalog) throws(StoreError) -> [Value] {
    [
      .string(row.flow), .string(row.key), .string(InstanceList.statuses[min(max(row.status, 0), 2)]),
      .list(states.map { .string($0) }), .int(Int64(row.revision)),
      .timestamp(Timestamp(milliseconds: row.startedAt)), .timestamp(Timestamp(milliseconds: row.updatedAt)),
      .map(MapValue(try data(row, catalog))),
    ]
  }

  /// The data with the types of the program that the instance runs.
  private func data(_ row: InstanceRow, _ catalog: Catalog) throws(StoreError) -> [MapValue.Entry] {
    guard let machine = try catalog.machine(row.definition), let flow = machine.flow(named: row.flow),
      let data = try? JSON(parsing: row.data)
    else { return [] }
    return machine.program.flows[flow].fields.compactMap { field in
      guard let json = data[field.name], case .success(let value) = Value.from(json, as: field.type, in: machine.types)
      else { return nil }
      return MapValue.Entry(.string(field.name), value)
    }
  }

  // MARK: - Reading

  /// One page.
  func page(_ queries: any Queries, _ catalog: Catalog) throws(StoreError) -> (rows: [InstanceRow], next: Cursor?) {
    let test = query?.makeTest()
    let needsLook = state != nil || version != nil || test != nil
    var found: [InstanceRow] = []
    var position = after
    var looked = 0
    while looked < InstanceList.maximumScan {
      let size = needsLook ? FlowService.maximumLimit : limit
      let rows = try queries.instances(filter, after: position, limit: size)
      for row in rows {
        position = row.id
        looked += 1
        let isMeant = needsLook ? try isMeant(row, test, catalog) : true
        if isMeant { found.append(row) }
        if found.count == limit { return (found, Cursor(filter: signature, position: row.id)) }
      }
      if rows.count < size { return (found, nil) }
    }
    return (found, position.map { Cursor(filter: signature, position: $0) })
  }

  private func isMeant(_ row: InstanceRow, _ test: Predicate.Test?, _ catalog: Catalog) throws(StoreError) -> Bool {
    let states = (try? JSON(parsing: row.position))?["states"]?.array?.compactMap(\.string) ?? []
    if let state, !states.contains(where: { $0 == state || $0.hasPrefix(state + ".") }) { return false }
    if let version {
      let machine = try catalog.machine(row.definition)
      guard let flow = machine?.flow(named: row.flow), machine?.program.flows[flow].version == version else {
        return false
      }
    }
    guard let test else { return true }
    return test.holds(try values(row, states, catalog))
  }
}
