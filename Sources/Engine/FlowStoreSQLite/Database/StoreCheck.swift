import FlowIR
import FlowJSON
import FlowRuntime

/// The progress of a check.
public struct CheckProgress: Hashable, Sendable {
  /// The table that is read, or `pages`.
  public var phase: String
  public var done: Int
  public var total: Int
}

/// One check of a store: each table is read once, in the order of its rows.
struct StoreCheck {
  /// The number of problems after which a check stops to collect more of a kind.
  private static let most = 20
  private static let progressInterval = 50_000

  /// The last entry of an instance, and the revision of its last step.
  private struct Head {
    var sequence: Int64
    var revision: Int64
  }

  private let connection: SQLiteConnection
  private let hasSums: Bool
  var problems: [String] = []
  private var heads: [Int64: Head] = [:]
  /// The snapshots at the start of histories.
  private var beginnings: [Int64: Head] = [:]
  private var definitions: [Int64: String] = [:]

  init(_ connection: SQLiteConnection) throws(StoreError) {
    self.connection = connection
    hasSums = try Schema.hasSums(connection)
  }

  mutating func run(_ progress: (CheckProgress) -> Void) throws(StoreError) -> [String] {
    progress(CheckProgress(phase: "pages", done: 0, total: Int(try connection.integer("PRAGMA page_count"))))
    problems += try texts("PRAGMA integrity_check(20)").filter { $0 != "ok" }
    // Tables with damaged pages give wrong answers to everything else.
    guard problems.isEmpty else { return problems }
    try checkSchema()
    try checkDefinitions()
    try checkSnapshots()
    try checkJournal(progress)
    try checkInstances(progress)
    for rule in StoreCheck.rules { problems += try texts(rule) }
    let hasKeyLifetimes = try Schema.hasKeyLifetimes(connection)
    if hasKeyLifetimes { try checkKeyLifetimes() }
    let hasItems = try Schema.hasItems(connection)
    if hasItems { try checkItems() }
    if hasSums {
      try checkWork()
      let hasRuns = try Schema.hasScheduledRuns(connection)
      for table in SummedTable.others(
        withKeyLifetimes: hasKeyLifetimes, withItems: hasItems, withScheduledRuns: hasRuns)
      {
        for name in try wrongRows(of: table) { note("row \(name) of table `\(table.name)` is not what was written") }
      }
    }
    return problems
  }

  private mutating func note(_ problem: @autoclosure () -> String) {
    if problems.count < StoreCheck.most { problems.append(problem()) }
  }

  private func texts(_ sql: String) throws(StoreError) -> [String] {
    let statement = try connection.prepare(sql)
    var found: [String] = []
    while try statement.next() { found.append(statement.text(0)) }
    return found
  }

  // MARK: - Tables

  /// Compares the tables and indexes with those that the migrations create.
  private mutating func checkSchema() throws(StoreError) {
    let found = try Schema.definitions(connection)
    let expected = try Schema.definitions(ofVersion: connection.integer("PRAGMA user_version"))
    guard found != expected else { return }
    let name = (found.first { !expected.contains($0) } ?? expected.first { !found.contains($0) })?.prefix { $0 != ":" }
    note("the \(name ?? "schema") is not what a store of its version has")
  }

  /// An SQL expression that is true for a row that differs from its checksum.
  private func isWrong(_ table: SummedTable, of alias: String) -> String {
    hasSums ? "\(alias).sum IS NOT \(table.sum(of: alias))" : "0"
  }

  /// The names of the rows that differ from their checksums; at most as many as are reported.
  func wrongRows(of table: SummedTable) throws(StoreError) -> [String] {
    let name = table.columns.prefix(table.names).joined(separator: " || '/' || ")
    return try texts("SELECT \(name) FROM \(table.name) t WHERE \(isWrong(table, of: "t")) LIMIT \(StoreCheck.most)")
  }

  private mutating func checkDefinitions() throws(StoreError) {
    let rows = try connection.prepare("SELECT id, hash, ir FROM definition")
    while try rows.next() {
      let hash = rows.text(1)
      definitions[rows.integer(0)] = hash
      let program = (try? JSON(parsing: rows.blob(2))).flatMap { try? Program(json: $0) }
      if program?.hash != hash { note("the program \(hash.prefix(12)) is not what its hash says") }
    }
  }

  private mutating func checkSnapshots() throws(StoreError) {
    let rows = try connection.prepare(
      """
      SELECT s.instance, s.sequence, s.revision, s.kept, d.id IS NULL, \(isWrong(.snapshot, of: "s"))
      FROM snapshot s LEFT JOIN definition d ON d.id = s.definition
      """)
    while try rows.next() {
      let (instance, sequence) = (rows.integer(0), rows.integer(1))
      if rows.integer(3) == 1 { beginnings[instance] = Head(sequence: sequence, revision: rows.integer(2)) }
      if rows.integer(4) == 1 { note("the program of the snapshot of instance \(instance) at \(sequence) is missing") }
      if rows.integer(5) == 1 { note("the snapshot of instance \(instance) at \(sequence) is not what was written") }
    }
  }

  private mutating func checkJournal(_ progress: (CheckProgress) -> Void) throws(StoreError) {
    let total = Int(try connection.integer("SELECT count(*) FROM journal"))
    let kept = max(try connection.integer("SELECT value FROM meta WHERE name = 'kept_from'"), 1)
    let rows = try connection.prepare(
      """
      SELECT j.sequence, j.instance, j.revision, j.kind, j.previous, \(isWrong(.journal, of: "j"))
      FROM journal j ORDER BY j.sequence
      """)
    var (last, done): (Int64, Int) = (0, 0)
    heads.reserveCapacity(total / 4)
    while try rows.next() {
      let sequence = rows.integer(0)
      if last >= kept, sequence != last + 1 { note("the journal has a hole before entry \(sequence)") }
      checkEntry(rows, sequence)
      last = sequence
      done += 1
      if done % StoreCheck.progressInterval == 0 {
        progress(CheckProgress(phase: "journal", done: done, total: total))
      }
    }
  }

  private mutating func checkEntry(_ rows: Statement, _ sequence: Int64) {
    let (instance, revision, kind, previous) = (rows.integer(1), rows.integer(2), rows.text(3), rows.integer(4))
    let beginning = beginnings[instance]
    if let beginning, sequence <= beginning.sequence {
      note("journal entry \(sequence) is older than the beginning of the history of its instance")
    }
    let expected = heads[instance]?.sequence ?? beginning?.sequence ?? 0
    if previous != expected {
      note(
        previous > expected
          ? "the entry before journal entry \(sequence) is missing"
          : "journal entry \(sequence) is not in the chain of its instance")
    }
    let known = heads[instance]?.revision ?? beginning?.revision ?? 0
    heads[instance] = Head(sequence: sequence, revision: kind == "step" ? revision : known)
    if rows.integer(5) == 1 { note("journal entry \(sequence) is not what was written") }
  }

  private mutating func checkInstances(_ progress: (CheckProgress) -> Void) throws(StoreError) {
    let total = Int(try connection.integer("SELECT count(*) FROM instance"))
    let rows = try connection.prepare(
      """
      SELECT i.id, i.flow || '/' || i.key, i.revision, i.head, d.id IS NULL, \(isWrong(.instance, of: "i"))
      FROM instance i LEFT JOIN definition d ON d.id = i.definition ORDER BY i.id
      """)
    var done = 0
    while try rows.next() {
      let (id, name, revision) = (rows.integer(0), rows.text(1), rows.integer(2))
      if rows.integer(4) == 1 { note("the program of instance \(name) is missing") }
      if let head = heads.removeValue(forKey: id) ?? beginnings[id] {
        if head.sequence != rows.integer(3) { note("the newest journal entry of instance \(name) is missing") }
        if head.revision != revision {
          note("instance \(name) is at revision \(revision), its journal at \(head.revision)")
        }
      } else {
        note("instance \(name) has no journal")
      }
      if rows.integer(5) == 1 { note("instance \(name) is not what was written") }
      done += 1
      if done % StoreCheck.progressInterval == 0 {
        progress(CheckProgress(phase: "instance", done: done, total: total))
      }
    }
    for (instance, head) in heads.sorted(by: { $0.key < $1.key }).prefix(StoreCheck.most) {
      note("journal entry \(head.sequence) belongs to instance \(instance), which is not there")
    }
  }

  private mutating func checkWork() throws(StoreError) {
    for (table, name) in SummedTable.work(hasPriorities: try Schema.hasPriorities(connection)) {
      for id in try wrongRows(of: table) { note("\(name) \(id) is not what was written") }
    }
  }

  /// A lifetime of a key begins with the end of its instance.
  private mutating func checkKeyLifetimes() throws(StoreError) {
    problems += try texts(
      """
      SELECT 'the key of the archived instance ' || flow || '/' || key || ' was free before the instance ended'
      FROM tombstone WHERE taken_until <= ended_at LIMIT 20
      """)
  }

  /// The items of a call are complete, and belong to a running instance.
  private mutating func checkItems() throws(StoreError) {
    problems += try texts(
      """
      SELECT 'an item of a call belongs to no running instance' FROM item t LEFT JOIN instance i ON i.id = t.instance
      WHERE i.id IS NULL OR i.status IN (1, 2, 3) LIMIT 20
      """)
    problems += try texts(
      """
      SELECT 'the items of call ' || json_extract(l.value, '$.call') || ' of ' || i.flow || '/' || i.key
        || ' are not complete'
      FROM instance i, json_each(iif(json_valid(i.position), i.position, '{}'), '$.lists') l
      WHERE json_extract(l.value, '$.count') <> (
        SELECT count(*) FROM item t WHERE t.instance = i.id AND t.call = json_extract(l.value, '$.call')) LIMIT 20
      """)
  }

  /// Queries that find contradictions; each needs one look-up per row.
  private static let rules = [
    """
    SELECT 'a snapshot belongs to no instance' FROM snapshot s LEFT JOIN instance i ON i.id = s.instance
    WHERE i.id IS NULL LIMIT 20
    """,
    """
    SELECT 'a snapshot of ' || i.flow || '/' || i.key || ' is newer than the instance' FROM snapshot s
    JOIN instance i ON i.id = s.instance WHERE s.sequence > i.head OR s.revision > i.revision LIMIT 20
    """,
    """
    SELECT 'a timer of ' || i.flow || '/' || i.key || ' waits, and the instance has ended'
    FROM timer t JOIN instance i ON i.id = t.instance WHERE i.status IN (1, 2, 3) LIMIT 20
    """,
    """
    SELECT 'instance ' || flow || '/' || key || ' has an unknown status' FROM instance
    WHERE status NOT IN (0, 1, 2, 3, 4) LIMIT 20
    """,
    """
    SELECT 'a timer belongs to no instance' FROM timer t LEFT JOIN instance i ON i.id = t.instance
    WHERE i.id IS NULL LIMIT 20
    """,
    """
    SELECT 'job ' || b.id || ' belongs to no instance' FROM job b LEFT JOIN instance i ON i.id = b.instance
    WHERE i.id IS NULL LIMIT 20
    """,
    """
    SELECT 'the answer to a key refers to journal entry ' || a.sequence || ', which is to come'
    FROM (SELECT sequence FROM answer_0 UNION ALL SELECT sequence FROM answer_1) a
    WHERE a.sequence > max((SELECT coalesce(max(sequence), 0) FROM journal),
      (SELECT coalesce(max(value), 1) - 1 FROM meta WHERE name = 'kept_from')) LIMIT 20
    """,
  ]
}
