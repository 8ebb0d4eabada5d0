import CEL
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

/// A list of instances for a request: filters of the store, and filters that are evaluated for each row.
struct InstanceList {
  var filter: InstanceFilter
  var state: String?
  var version: Int?
  /// Milliseconds since 1970.
  var startedAfter: Int64?
  var startedBefore: Int64?
  var condition: Predicate?
  var limit: Int
  var after: Int64?
  /// True if each instance is listed with its data.
  var includesData = false
  /// True if the page includes the number of matching instances.
  var counts = false
  /// The flows that the caller may see; nil for all.
  var visible: Set<String>?
  /// The read rules for the caller; nil for all instances.
  var access: ReadAccess?
  /// True if read rules may exclude instances.
  private var isRestricted: Bool { access != nil && hasRules }
  private let hasRules: Bool
  /// The redacted fields, which therefore cannot be used in filters.
  var redaction = Redaction()
  /// The client; the list ends when it disconnects.
  var peer: HTTPPeer?
  /// The filters, to which a cursor is bound.
  let signature: String
  /// True if all instances are of one flow, whose types are known to the query.
  private let isTyped: Bool

  /// - Parameters:
  ///   - flow: The flow of the instances; nil for all.
  ///   - known: The flows that the caller may see, for messages.
  /// - Throws: 400 and 404.
  init(_ query: Parameters, flow: String?, _ catalogue: Catalogue, known: [String]) throws(Problem) {
    let entry = try flow.map { name throws(Problem) in try InstanceList.flow(name, catalogue, known: known) }
    filter = InstanceFilter(flow: entry?.name)
    isTyped = entry != nil
    hasRules = (entry.map { [$0] } ?? catalogue.entries).contains { $0.machine.hasReadRules(flow: $0.flow) }
    filter.status = try InstanceList.status(query)
    filter.keyPrefix = query["key"]
    filter.updatedAfter = try query.time("updatedAfter")
    filter.updatedBefore = try query.time("updatedBefore")
    filter.hasIncident = try query.flag("incident")
    filter.isNewestFirst = try query.choice("order", ["oldest", "newest"]) == "newest"
    startedAfter = try query.time("startedAfter")
    startedBefore = try query.time("startedBefore")
    let entries = entry.map { [$0] } ?? catalogue.entries.filter { known.contains($0.name) }
    state = try InstanceList.state(query, entry: entry, entries: entries)
    version = query["version"] == nil ? nil : try query.number("version", default: 0, in: 0...Int.max)
    condition = try InstanceList.condition(query, entry)
    limit = try query.number("limit", default: 50, in: 1...FlowService.maximumLimit)
    includesData = try query.choice("include", ["data"]) != nil
    counts = try query.flag("count")
    let names = InstanceList.filters + ["order"]
    let given = names.map { JSON.array([.string($0), query[$0].map { .string($0) } ?? .null]) }
    signature = JSON.array([filter.flow.map { .string($0) } ?? .null] + given).text()
    after = try query["cursor"].map { text throws(Problem) in try Cursor(text, filter: signature).position }
  }

  /// The filters of a list, except its flow.
  static let filters = [
    "status", "key", "startedAfter", "startedBefore", "updatedAfter", "updatedBefore", "state", "version", "q",
    "incident",
  ]

  private static func flow(
    _ name: String, _ catalogue: Catalogue, known: [String]
  ) throws(Problem) -> Catalogue.Entry {
    guard let entry = catalogue[name] else { throw .unknownFlow(name, known: known) }
    return entry
  }

  /// - Throws: 400 for a state that no flow of the list has; versions that are no longer served may have others.
  private static func state(
    _ query: Parameters, entry: Catalogue.Entry?, entries: [Catalogue.Entry]
  ) throws(Problem) -> String? {
    guard let state = query["state"], query["version"] == nil else { return query["state"] }
    let known = entries.flatMap { $0.machine.program.flows[$0.flow].states.dropFirst().map(\.path) }
    guard !known.contains(state) else { return state }
    let guess = Suggestion.closest(to: state, among: known).first.map { ", did you mean `\($0)`?" }
    let list = entry == nil ? "" : "; there are \(known.joined(separator: ", "))"
    throw .badRequest("there is no state `\(state)`" + (guess ?? list) + " (with `version`, any state may be named)")
  }

  private static func status(_ query: Parameters) throws(Problem) -> InstanceStatus? {
    try query.choice("status", InstanceStatus.allCases.map(\.name)).flatMap { InstanceStatus(name: $0) }
  }

  // MARK: - `q`

  private static let variables: [(name: String, type: ValueType)] = [
    ("flow", .string), ("key", .string), ("status", .string), ("state", .list(.string)), ("revision", .int),
    ("startedAt", .timestamp), ("updatedAt", .timestamp), ("stateData", .map(.string, .dyn)),
    ("data", .map(.string, .dyn)),
  ]

  private static func condition(_ query: Parameters, _ entry: Catalogue.Entry?) throws(Problem) -> Predicate? {
    guard let text = query["q"] else { return nil }
    guard let entry else {
      return try Predicate(text, parameter: "q", variables: variables, types: TypeRegistry())
    }
    let predicate = try Predicate(
      text, parameter: "q", variables: variables, strict: typedVariables, types: entry.machine.types,
      strictTypes: types(of: entry))
    let (expression, _) = parse(text)
    if let tree = environment(of: entry).check(expression).expression {
      let flow = entry.machine.program.flows[entry.flow]
      if let problem = StateDataQuery(of: flow).problem(in: tree) { throw Problem(.invalidQuery, "`q`: " + problem) }
    }
    return predicate
  }

  /// In the list of one flow the data has a type, by which misspelt fields are detected.
  private static var typedVariables: [(name: String, type: ValueType)] {
    variables.dropLast() + [("data", .record("flow.Data"))]
  }

  private static func types(of entry: Catalogue.Entry) -> TypeRegistry {
    let fields = entry.machine.program.flows[entry.flow].ownFields.map { FieldDeclaration($0.name, $0.type) }
    var types = entry.machine.types
    types.declare(RecordDeclaration("flow.Data", fields))
    return types
  }

  /// The names that a condition over the instances of a flow may use.
  static func environment(of entry: Catalogue.Entry) -> Environment {
    var environment = Environment(types: types(of: entry))
    for variable in typedVariables { _ = environment.declare(variable: variable.name, type: variable.type) }
    return environment
  }

  private func values(
    of row: InstanceRow, in states: [String], _ programs: ProgramCache
  ) throws(StoreError) -> [Value] {
    let (own, ofStates) = try data(row, in: states, programs)
    return [
      .string(row.flow), .string(row.key), .string(row.status.name),
      .list(states.map { .string($0) }), .int(Int64(row.revision)),
      .timestamp(Timestamp(milliseconds: row.startedAt)), .timestamp(Timestamp(milliseconds: row.updatedAt)),
      ofStates, own,
    ]
  }

  /// The data, in a list of one flow with the types of the program that the instance runs.
  /// - Returns: The data, and the fields of active states by their paths.
  private func data(
    _ row: InstanceRow, in states: [String], _ programs: ProgramCache
  ) throws(StoreError) -> (own: Value, ofStates: Value) {
    let none = Value.map(MapValue([]))
    guard let machine = try programs.machine(row.definition), let flow = machine.flow(named: row.flow),
      let kept = try? JSON(parsing: row.data)
    else { return (none, none) }
    let (data, stateData) = redaction.masked(kept, of: row.flow).dividedByState(activeIn: states)
    let own = machine.program.flows[flow].ownFields.compactMap { field -> MapValue.Entry? in
      guard let json = data[field.name],
        case .success(let value) = Value.from(json, as: isTyped ? field.type : .dyn, in: machine.types)
      else { return nil }
      return MapValue.Entry(.string(field.name), value)
    }
    let type = ValueType.map(.string, .dyn)
    guard case .success(let ofStates) = Value.from(stateData, as: type, in: machine.types) else {
      return (.map(MapValue(own)), none)
    }
    return (.map(MapValue(own)), ofStates)
  }

  // MARK: - Reading

  /// One page, which ends early when the budget of a request is spent.
  /// - Parameter isCounting: True if each row is charged to the budget, also when the store does all filtering.
  func page(
    _ queries: any Queries, _ programs: ProgramCache, isCounting: Bool = false
  ) throws(StoreError) -> (rows: [InstanceRow], next: Cursor?) {
    let test = condition?.makeTest()
    let hasSpan = startedAfter != nil || startedBefore != nil
    let needsLook =
      includesData || isCounting || isRestricted || visible != nil || state != nil || version != nil || hasSpan
      || test != nil
    var found: [InstanceRow] = []
    var position = after
    var budget = RequestBudget(for: peer)
    while true {
      let size = needsLook ? InstanceList.chunk : limit
      let rows = try queries.instances(filter, after: position, limit: size)
      for row in rows {
        position = row.id
        budget.addRow()
        let isMatch = needsLook ? try matches(row, test: test, programs) : true
        if isMatch {
          found.append(row)
          budget.add(bytes: isCounting ? 0 : includesData ? row.data.count : InstanceList.summaryBytes)
        }
        if found.count == limit || needsLook && budget.isSpent {
          return (found, Cursor(filter: signature, position: row.id))
        }
      }
      if !rows.hasMore { return (found, nil) }
    }
  }

  /// The number of matching instances on all pages; nil when counting them would exceed the budget of a request.
  func total(_ queries: any Queries, _ programs: ProgramCache) throws(StoreError) -> Int? {
    let isByState =
      filter.keyPrefix == nil && filter.updatedAfter == nil && filter.updatedBefore == nil
      && startedAfter == nil && startedBefore == nil && version == nil && condition == nil && !filter.hasIncident
      && !isRestricted
    guard isByState else { return try scannedTotal(queries, programs) }
    return try queries.population(flow: filter.flow).reduce(0) { sum, group in
      guard visible?.contains(group.flow) ?? true, filter.status == nil || filter.status == group.status,
        state == nil || group.states.contains(where: { $0 == state || $0.hasPrefix((state ?? "") + ".") })
      else { return sum }
      return sum + group.count
    }
  }

  private func scannedTotal(_ queries: any Queries, _ programs: ProgramCache) throws(StoreError) -> Int? {
    var whole = self
    whole.limit = .max
    whole.after = nil
    let (rows, next) = try whole.page(queries, programs, isCounting: true)
    return next == nil ? rows.count : nil
  }

  /// The number of rows that are read together for filters that inspect each row.
  private static let summaryBytes = 512

  /// Rows that are read together for filters that look at each.
  private static let chunk = 200

  private func matches(
    _ row: InstanceRow, test: Predicate.Test?, _ programs: ProgramCache
  ) throws(StoreError) -> Bool {
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
    if isRestricted, let access, try !access.admits(row) { return false }
    guard let test else { return true }
    return test.holds(try values(of: row, in: states, programs))
  }
}
