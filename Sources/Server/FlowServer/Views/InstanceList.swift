import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

/// A list of instances as a request asks for it: what the store filters, and what is looked at row by row.
struct InstanceList {
  /// How many rows one answer looks at; a filter that finds little gives an empty page with a cursor.
  static let maximumScan = 10_000

  var filter: InstanceFilter
  var state: String?
  var version: Int?
  /// Milliseconds since 1970.
  var startedAfter: Int64?
  var startedBefore: Int64?
  var condition: Predicate?
  var limit: Int
  var after: Int64?
  /// The flows that the caller may know of; nil for all.
  var visible: Set<String>?
  /// What nobody gets to see, and so can't ask for.
  var redaction = Redaction()
  /// What a cursor is bound to.
  let signature: String
  /// Whether all instances are of one flow, whose types the query knows.
  private let isTyped: Bool

  /// - Parameter flow: The flow that it is about; nil for all.
  init(_ query: Parameters, flow: String?, _ catalogue: Catalogue) throws(Problem) {
    let entry = try flow.map { name throws(Problem) in try InstanceList.flow(name, catalogue) }
    filter = InstanceFilter(flow: entry?.name)
    isTyped = entry != nil
    filter.status = try InstanceList.status(query)
    filter.keyPrefix = query["key"]
    filter.updatedAfter = try query.time("updatedAfter")
    filter.updatedBefore = try query.time("updatedBefore")
    filter.isNewestFirst = try query.choice("order", ["oldest", "newest"]) == "newest"
    startedAfter = try query.time("startedAfter")
    startedBefore = try query.time("startedBefore")
    state = query["state"]
    version = query["version"] == nil ? nil : try query.number("version", default: 0, in: 0...Int.max)
    condition = try InstanceList.condition(query, entry)
    limit = try query.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    let names = InstanceList.filters + ["order"]
    let given = names.map { JSON.array([.string($0), query[$0].map { .string($0) } ?? .null]) }
    signature = JSON.array([filter.flow.map { .string($0) } ?? .null] + given).text()
    after = try query["cursor"].map { text throws(Problem) in try Cursor(text, filter: signature).position }
  }

  /// What a list may be narrowed by, beside its flow.
  static let filters = [
    "status", "key", "startedAfter", "startedBefore", "updatedAfter", "updatedBefore", "state", "version", "q",
  ]

  private static func flow(_ name: String, _ catalogue: Catalogue) throws(Problem) -> Catalogue.Entry {
    guard let entry = catalogue[name] else { throw .unknownFlow(name, catalogue) }
    return entry
  }

  private static func status(_ query: Parameters) throws(Problem) -> InstanceStatus? {
    try query.choice("status", InstanceStatus.allCases.map(\.name)).flatMap { InstanceStatus(name: $0) }
  }

  // MARK: - `q`

  private static let variables: [(name: String, type: ValueType)] = [
    ("flow", .string), ("key", .string), ("status", .string), ("state", .list(.string)), ("revision", .int),
    ("startedAt", .timestamp), ("updatedAt", .timestamp), ("data", .map(.string, .dyn)),
  ]

  private static func condition(_ query: Parameters, _ entry: Catalogue.Entry?) throws(Problem) -> Predicate? {
    guard let text = query["q"] else { return nil }
    guard let entry else {
      return try Predicate(text, parameter: "q", variables: variables, types: TypeRegistry())
    }
    // The data has a type in this flow, by which a misspelt field is found.
    let machine = entry.machine
    let fields = machine.program.flows[entry.flow].fields.map { FieldDeclaration($0.name, $0.type) }
    var types = machine.types
    types.declare(RecordDeclaration("flow.Data", fields))
    return try Predicate(
      text, parameter: "q", variables: variables,
      strict: variables.dropLast() + [("data", .record("flow.Data"))], types: machine.types, strictTypes: types)
  }

  private func values(_ row: InstanceRow, _ states: [String], _ programs: ProgramCache) throws(StoreError) -> [Value] {
    [
      .string(row.flow), .string(row.key), .string(row.status.name),
      .list(states.map { .string($0) }), .int(Int64(row.revision)),
      .timestamp(Timestamp(milliseconds: row.startedAt)), .timestamp(Timestamp(milliseconds: row.updatedAt)),
      .map(MapValue(try data(row, programs))),
    ]
  }

  /// The data, in a list of one flow with the types of the program that the instance runs.
  private func data(_ row: InstanceRow, _ programs: ProgramCache) throws(StoreError) -> [MapValue.Entry] {
    guard let machine = try programs.machine(row.definition), let flow = machine.flow(named: row.flow),
      let kept = try? JSON(parsing: row.data)
    else { return [] }
    let data = redaction.masked(kept, of: row.flow)
    return machine.program.flows[flow].fields.compactMap { field in
      guard let json = data[field.name],
        case .success(let value) = Value.from(json, as: isTyped ? field.type : .dyn, in: machine.types)
      else { return nil }
      return MapValue.Entry(.string(field.name), value)
    }
  }

  // MARK: - Reading

  /// One page.
  func page(_ queries: any Queries, _ programs: ProgramCache) throws(StoreError) -> (rows: [InstanceRow], next: Cursor?)
  {
    let test = condition?.makeTest()
    let hasSpan = startedAfter != nil || startedBefore != nil
    let needsLook = visible != nil || state != nil || version != nil || hasSpan || test != nil
    var found: [InstanceRow] = []
    var position = after
    var looked = 0
    while looked < InstanceList.maximumScan {
      let size = needsLook ? FlowService.maximumLimit : limit
      let rows = try queries.instances(filter, after: position, limit: size)
      for row in rows {
        position = row.id
        looked += 1
        let isMeant = needsLook ? try isMeant(row, test, programs) : true
        if isMeant { found.append(row) }
        if found.count == limit { return (found, Cursor(filter: signature, position: row.id)) }
      }
      if rows.count < size { return (found, nil) }
    }
    return (found, position.map { Cursor(filter: signature, position: $0) })
  }

  private func isMeant(_ row: InstanceRow, _ test: Predicate.Test?, _ programs: ProgramCache) throws(StoreError) -> Bool
  {
    if let visible, !visible.contains(row.flow) { return false }
    if let startedAfter, row.startedAt <= startedAfter { return false }
    if let startedBefore, row.startedAt >= startedBefore { return false }
    let states = (try? JSON(parsing: row.position))?["states"]?.array?.compactMap(\.string) ?? []
    if let state, !states.contains(where: { $0 == state || $0.hasPrefix(state + ".") }) { return false }
    if let version {
      let machine = try programs.machine(row.definition)
      guard let flow = machine?.flow(named: row.flow), machine?.program.flows[flow].version == version else {
        return false
      }
    }
    guard let test else { return true }
    return test.holds(try values(row, states, programs))
  }
}
