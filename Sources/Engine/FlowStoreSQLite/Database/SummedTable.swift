/// A table whose rows contain a checksum of their other columns, so that `check` detects any change.
struct SummedTable {
  let name: String
  /// The columns in the order of the parameters of `insert`, without the checksum.
  let columns: [String]
  /// The number of leading columns that name a row in messages.
  let names: Int
  /// The columns in the order of the checksum.
  private let covered: [String]

  /// - Parameter covered: The columns in the checksum, if they are not all columns in their order.
  private init(_ name: String, columns: String, names: Int = 1, covered: String? = nil) {
    self.name = name
    self.names = names
    self.columns = columns.split(separator: " ").map { String($0) }
    self.covered = (covered ?? columns).split(separator: " ").map { String($0) }
  }

  /// The table of an earlier version, without the last columns.
  private init(_ table: SummedTable, without count: Int) {
    self.init(table.name, columns: table.columns.dropLast(count).joined(separator: " "), names: table.names)
  }

  /// The checksum as an SQL expression.
  /// - Parameter values: SQL expressions for columns that a statement changes.
  /// - Parameter alias: The name of the table in the statement.
  func sum(_ values: [String: String] = [:], of alias: String? = nil) -> String {
    let prefix = alias.map { $0 + "." } ?? ""
    return "checksum(\(covered.map { values[$0] ?? prefix + $0 }.joined(separator: ", ")))"
  }

  /// A statement that inserts a row, with one parameter for each column.
  /// - Parameter resolution: The resolution of conflicts.
  func insert(_ resolution: String = "") -> String {
    var parameters: [String: String] = [:]
    for (index, column) in columns.enumerated() { parameters[column] = "?\(index + 1)" }
    let values = columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    return "INSERT \(resolution) INTO \(name) (\(columnList), sum) VALUES (\(values), \(sum(parameters)))"
  }

  /// A statement that inserts the rows of a query, whose columns have the names of the table's columns.
  func insert(_ resolution: String = "", query: String) -> String {
    "INSERT \(resolution) INTO \(name) (\(columnList), sum) SELECT \(columnList), \(sum()) FROM (\(query))"
  }

  private var columnList: String { columns.joined(separator: ", ") }

  /// A statement that assigns a value of `meta`, with the arguments as SQL expressions.
  static func setMeta(_ name: String, _ value: String) -> String {
    let sum = meta.sum(["name": name, "value": value])
    return "INSERT OR REPLACE INTO meta (name, value, sum) VALUES (\(name), \(value), \(sum))"
  }
}

extension SummedTable {
  /// Without `head`, which `check` compares with the journal: it changes with entries that leave the instance as it is.
  static let instance = SummedTable(
    "instance", columns: "id flow key definition status revision started_at updated_at position data incident head",
    covered: "id flow key definition status revision started_at updated_at position data incident")
  static let journal = SummedTable(
    "journal", columns: "sequence instance revision kind at body previous hash rest digest",
    covered: "sequence instance revision kind at previous body hash rest digest")
  static let snapshot = SummedTable(
    "snapshot", columns: "instance sequence kept at definition status revision started_at position data", names: 2,
    covered: "instance sequence at definition status revision started_at position data kept")
  static let job = SummedTable(
    "job",
    columns: """
      id instance revision number action queue call once attempt due lease fence arguments outcome failures origin \
      epoch worker deadline priority
      """)
  static let deadLetter = SummedTable(
    "dead_letter",
    columns: """
      id instance revision number action attempts at code message arguments queue once failures origin epoch priority
      """)
  static let definition = SummedTable("definition", columns: "id hash ir source")
  static let answers = ["answer_0", "answer_1"].map { SummedTable($0, columns: "hash rest digest sequence") }
  static let timer = SummedTable("timer", columns: "instance transition armed due", names: 3)
  static let item = SummedTable("item", columns: "instance call item document", names: 3)
  static let meta = SummedTable("meta", columns: "name value")
  static let once = SummedTable("once", columns: "key job outcome generation")
  static let deployment = SummedTable("deployment", columns: "flow definition origin at retired")
  static let schedule = SummedTable(
    "schedule", columns: "flow start definition due running waiting last_run last_skipped skipped", names: 2)
  static let tombstone = SummedTable("tombstone", columns: "flow key status ended_at instance taken_until", names: 2)
  static let version = SummedTable("version", columns: "flow definition number origin at", names: 2)
  static let throttle = SummedTable("pace", columns: "action spent")
  static let completion = SummedTable("completion", columns: "job fence digest at")
  static let archivedAnswer = SummedTable(
    "archived_answer", columns: "sequence flow key revision at body hash rest digest")
  static let bulk = SummedTable("bulk", columns: "id document")

  /// The tables of jobs and dead letters.
  /// - Parameter hasPriorities: False for a store of a version without them.
  static func work(hasPriorities: Bool) -> [(table: SummedTable, name: String)] {
    [(job, "job"), (deadLetter, "dead letter")].map {
      (hasPriorities ? $0.0 : SummedTable($0.0, without: 1), $0.1)
    }
  }

  /// The tables of which `check` reads nothing but the checksums.
  /// - Parameters:
  ///   - withKeyLifetimes: False for a store of a version without them.
  ///   - withItems: False for a store of a version without them.
  ///   - withScheduledRuns: False for a store of a version without them.
  static func others(
    withKeyLifetimes: Bool = true, withItems: Bool = true, withScheduledRuns: Bool = true
  ) -> [SummedTable] {
    let tombstones = withKeyLifetimes ? tombstone : SummedTable(tombstone, without: 2)
    let schedules = withScheduledRuns ? schedule : SummedTable(schedule, without: 5)
    return [definition] + answers + [
      timer, meta, once, deployment, schedules, tombstones, version, throttle, completion, archivedAnswer, bulk,
    ] + (withItems ? [item] : [])
  }
}
