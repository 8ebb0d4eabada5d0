import FlowRuntime

/// The index of idempotency keys, by a hash of the key: recent ones in memory, the others in two tables in rotation.
///
/// A new answer is stored with its journal entry and is moved to the younger table later, see
/// ``RecentIdempotencyKeys``. When the younger table has reached the retention period of answers, the older one is
/// emptied as a whole and becomes the younger. So each answer is stored for at least one period, and removal is cheap.
final class IdempotencyIndex {
  /// An answer that is stored in a journal entry.
  struct Named {
    var hash: KeyHash
    var row: IdempotencyRow
  }

  private struct Table {
    let find, add, empty: Statement
  }

  private let connection: SQLiteConnection
  private let tables: [Table]
  private let setMeta: Statement
  private var secret: (UInt64, UInt64)?
  private var younger: Int
  /// The time since which the younger table receives answers, in milliseconds since 1970; 0 before the first.
  private var since: Int64
  private var recent: RecentIdempotencyKeys
  /// The number of pieces of the departing run that were moved in the current transaction.
  private var movedPieces = 0

  init(_ connection: SQLiteConnection, runLength: Int) throws(StoreError) {
    self.connection = connection
    recent = RecentIdempotencyKeys(runLength: runLength)
    var made: [Table] = []
    for table in SummedTable.answers {
      made.append(
        Table(
          find: try connection.prepare("SELECT rest, digest, sequence FROM \(table.name) WHERE hash = ?1"),
          add: try connection.prepare(table.insert("OR IGNORE")),
          empty: try connection.prepare("DELETE FROM \(table.name)")))
    }
    tables = made
    setMeta = try connection.prepare(SummedTable.meta.insert("OR REPLACE"))
    younger = Int(try connection.integer("SELECT value FROM meta WHERE name = 'answers'")) & 1
    since = try connection.integer("SELECT value FROM meta WHERE name = 'answers_since'")
    try adopt()
    try readRecent()
  }

  func find(_ scope: String, _ key: String) throws(StoreError) -> IdempotencyRow? {
    let hash = try hash(scope, key)
    if let answer = recent[hash] {
      return IdempotencyRow(scope: scope, key: key, digest: answer.digest, sequence: answer.sequence, at: 0)
    }
    for table in [tables[younger], tables[1 - younger]] {
      let (_, found) = try location(of: hash, in: table)
      guard let found else { continue }
      return IdempotencyRow(scope: scope, key: key, digest: found.digest, sequence: found.sequence, at: 0)
    }
    return nil
  }

  /// Adds the hashes of their keys to answers.
  func named(_ rows: [IdempotencyRow]) throws(StoreError) -> [Named] {
    var named: [Named] = []
    named.reserveCapacity(rows.count)
    for row in rows { named.append(Named(hash: try hash(row.scope, row.key), row: row)) }
    return named
  }

  /// Moves a part of the gathered answers to their table; called within each transaction.
  /// - Parameter count: The number of new answers in the transaction. Twice as many are moved, so that runs are not
  ///   delayed.
  func move(atLeast count: Int) throws(StoreError) {
    movedPieces = 0
    guard recent.isLeaving else { return }
    if since == 0, recent.runBegin != 0 { try begin(at: recent.runBegin) }
    var moved = 0
    for piece in recent.pieces.reversed() {
      for hash in piece.sorted(by: { $0.high < $1.high }) {
        if let answer = recent[hash] { try add(hash, answer) }
      }
      (moved, movedPieces) = (moved + piece.count, movedPieces + 1)
      if moved >= 2 * count { break }
    }
    if movedPieces == recent.pieces.count {
      try setMeta.run(.text("answers_moved"), .integer(recent.runEnd))
    }
  }

  /// Records the answers of a durable commit.
  /// - Parameter last: The newest entry of the journal.
  func note(_ named: some Sequence<Named>, last: Int64) {
    recent.drop(movedPieces)
    movedPieces = 0
    for answer in named {
      recent.add(answer.hash, .init(digest: answer.row.digest, sequence: answer.row.sequence), at: answer.row.at)
    }
    recent.age(last: last)
  }

  /// Adds answers that are not part of an entry of the same transaction.
  func add(_ named: some Sequence<Named>) throws(StoreError) {
    for answer in named {
      if since == 0 { try begin(at: answer.row.at) }
      try add(answer.hash, .init(digest: answer.row.digest, sequence: answer.row.sequence))
    }
  }

  private func add(_ hash: KeyHash, _ answer: RecentIdempotencyKeys.Answer) throws(StoreError) {
    if try add(hash, answer, at: hash.high) { return }
    let (free, known) = try location(of: hash, in: tables[younger])
    // Already present if its instance was archived, or if a run is moved again after a crash.
    if known == nil { _ = try add(hash, answer, at: free) }
  }

  /// - Returns: False when the position is occupied.
  private func add(_ hash: KeyHash, _ answer: RecentIdempotencyKeys.Answer, at location: Int64) throws(StoreError)
    -> Bool
  {
    try tables[younger].add.run(
      .integer(location), .integer(hash.low), .integer(answer.digest), .integer(answer.sequence))
    return connection.changes == 1
  }

  /// The time of the next rotation, in milliseconds since 1970; nil while there are no answers.
  var nextRotation: Int64? { since == 0 ? nil : since + SQLiteStore.answerWindow }

  /// Rotates the tables when it is due.
  /// - Returns: True if they were rotated.
  func forget(_ now: Int64) throws(StoreError) -> Bool {
    guard since != 0, now - since >= SQLiteStore.answerWindow else { return false }
    do throws(StoreError) {
      try connection.run("BEGIN IMMEDIATE")
      try tables[1 - younger].empty.run()
      try setMeta.run(.text("answers"), .integer(Int64(1 - younger)))
      // From now on, for all later answers: answers may have been gathered long before they reach a table, and the
      // other table has recent ones.
      try setMeta.run(.text("answers_since"), .integer(now))
      try connection.run("COMMIT")
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
    younger = 1 - younger
    since = now
    return true
  }

  private func begin(at instant: Int64) throws(StoreError) {
    try setMeta.run(.text("answers_since"), .integer(instant))
    since = instant
  }

  /// The position of a key, or the free position for it: the first one after all keys with the same 64 bits.
  private func location(
    of hash: KeyHash, in table: Table
  ) throws(StoreError) -> (free: Int64, known: (digest: Int64, sequence: Int64)?) {
    var location = hash.high
    while true {
      table.find.bind(.integer(location))
      guard try table.find.next() else { return (location, nil) }
      defer { table.find.reset() }
      if table.find.integer(0) == hash.low { return (location, (table.find.integer(1), table.find.integer(2))) }
      location &+= 1
    }
  }

  private func hash(_ scope: String, _ key: String) throws(StoreError) -> KeyHash {
    if secret == nil {
      let identity = try connection.text("SELECT value FROM meta WHERE name = 'identity'")
      // A new store without an identity has no secret yet.
      guard !identity.isEmpty else { return KeyHash(scope, key, secret: KeyHash.secret("")) }
      secret = KeyHash.secret(identity)
    }
    return KeyHash(scope, key, secret: secret ?? KeyHash.secret(""))
  }

  /// Migrates the answers of a store of an older version.
  private func adopt() throws(StoreError) {
    guard try connection.integer("SELECT count(*) FROM sqlite_master WHERE name = 'answer'") == 1 else { return }
    let old = try connection.prepare("SELECT scope, key, digest, sequence, at FROM answer")
    var rows: [IdempotencyRow] = []
    while try old.next() {
      rows.append(
        IdempotencyRow(
          scope: old.text(0), key: old.text(1), digest: old.integer(2), sequence: old.integer(3), at: old.integer(4)))
    }
    do throws(StoreError) {
      try connection.run("BEGIN IMMEDIATE")
      try add(named(rows.sorted { $0.at > $1.at }))
      try connection.run("DROP TABLE answer; COMMIT")
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
  }

  /// Reads the answers that are only in the journal.
  private func readRecent() throws(StoreError) {
    let moved = try connection.integer("SELECT value FROM meta WHERE name = 'answers_moved'")
    recent.begin(after: moved)
    let entries = try connection.prepare(
      """
      SELECT hash, rest, digest, sequence, at FROM journal WHERE sequence > ?1 AND hash IS NOT NULL
      UNION ALL SELECT hash, rest, digest, sequence, at FROM archived_answer WHERE sequence > ?1
      """)
    entries.bind(.integer(moved))
    while try entries.next() {
      recent.add(
        KeyHash(high: entries.integer(0), low: entries.integer(1)),
        .init(digest: entries.integer(2), sequence: entries.integer(3)), at: entries.integer(4))
    }
  }
}
