import FlowRuntime

/// The answers to idempotency keys, by a hash of the key: two tables that take turns.
///
/// New answers go to the younger one. When that is as old as answers are kept, the older one is emptied as a whole and
/// becomes the younger. So each is kept for one to two windows, and forgetting costs next to nothing.
final class AnswerTables {
  private struct Table {
    let find, add, empty: Statement
  }

  private let connection: Connection
  private let tables: [Table]
  private let setMeta: Statement
  private var secret: (UInt64, UInt64)?
  private var younger: Int
  /// When the younger table took its first answer, in milliseconds since 1970; 0 when it has none.
  private var since: Int64

  init(_ connection: Connection) throws(StoreError) {
    self.connection = connection
    var made: [Table] = []
    for name in ["answer_0", "answer_1"] {
      made.append(
        Table(
          find: try connection.prepare("SELECT rest, digest, sequence FROM \(name) WHERE hash = ?1"),
          add: try connection.prepare("INSERT INTO \(name) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING"),
          empty: try connection.prepare("DELETE FROM \(name)")))
    }
    tables = made
    setMeta = try connection.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")
    younger = Int(try connection.integer("SELECT value FROM meta WHERE name = 'answers'")) & 1
    since = try connection.integer("SELECT value FROM meta WHERE name = 'answers_since'")
    try adopt()
  }

  func find(_ scope: String, _ key: String) throws(StoreError) -> AnswerRow? {
    let hash = try hash(scope, key)
    for table in [tables[younger], tables[1 - younger]] {
      let (_, found) = try place(of: hash, in: table)
      guard let found else { continue }
      return AnswerRow(scope: scope, key: key, digest: found.digest, sequence: found.sequence, at: 0)
    }
    return nil
  }

  /// Adds answers; to be called within a transaction.
  func add(_ rows: [AnswerRow]) throws(StoreError) {
    guard let first = rows.first else { return }
    if since == 0 { try begin(at: first.at) }
    for row in rows {
      let hash = try hash(row.scope, row.key)
      if try add(row, hash, at: hash.high) { continue }
      let (free, known) = try place(of: hash, in: tables[younger])
      // The engine asks before it answers, so that a key is there twice only after what it stood for was archived.
      guard known == nil else { continue }
      _ = try add(row, hash, at: free)
    }
  }

  /// - Returns: False when something stands there.
  private func add(_ row: AnswerRow, _ hash: KeyHash, at place: Int64) throws(StoreError) -> Bool {
    try tables[younger].add.run(.integer(place), .integer(hash.low), .integer(row.digest), .integer(row.sequence))
    return connection.changes == 1
  }

  /// Lets the tables change places when it is time.
  func forget(_ now: Int64) throws(StoreError) {
    guard since != 0, now - since >= SQLiteStore.answerWindow else { return }
    do throws(StoreError) {
      try connection.run("BEGIN IMMEDIATE")
      try tables[1 - younger].empty.run()
      try setMeta.run(.text("answers"), .integer(Int64(1 - younger)))
      try setMeta.run(.text("answers_since"), .integer(0))
      try connection.run("COMMIT")
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
    younger = 1 - younger
    since = 0
  }

  private func begin(at instant: Int64) throws(StoreError) {
    try setMeta.run(.text("answers_since"), .integer(instant))
    since = instant
  }

  /// Where a key stands, or else the free place where it would: behind whatever has the same 64 bits by chance.
  private func place(
    of hash: KeyHash, in table: Table
  ) throws(StoreError) -> (free: Int64, known: (digest: Int64, sequence: Int64)?) {
    var place = hash.high
    while true {
      table.find.bind(.integer(place))
      guard try table.find.next() else { return (place, nil) }
      defer { table.find.reset() }
      if table.find.integer(0) == hash.low { return (place, (table.find.integer(1), table.find.integer(2))) }
      place &+= 1
    }
  }

  private func hash(_ scope: String, _ key: String) throws(StoreError) -> KeyHash {
    if secret == nil {
      let identity = try connection.text("SELECT value FROM meta WHERE name = 'identity'")
      // A store without a name yet has no secret to keep.
      guard !identity.isEmpty else { return KeyHash(scope, key, secret: KeyHash.secret("")) }
      secret = KeyHash.secret(identity)
    }
    return KeyHash(scope, key, secret: secret ?? KeyHash.secret(""))
  }

  /// Takes over what a store of an older version has.
  private func adopt() throws(StoreError) {
    guard try connection.integer("SELECT count(*) FROM sqlite_master WHERE name = 'answer'") == 1 else { return }
    let old = try connection.prepare("SELECT scope, key, digest, sequence, at FROM answer")
    var rows: [AnswerRow] = []
    while try old.next() {
      rows.append(
        AnswerRow(
          scope: old.text(0), key: old.text(1), digest: old.integer(2), sequence: old.integer(3), at: old.integer(4)))
    }
    do throws(StoreError) {
      try connection.run("BEGIN IMMEDIATE")
      try add(rows.sorted { $0.at > $1.at })
      try connection.run("DROP TABLE answer; COMMIT")
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
  }
}
