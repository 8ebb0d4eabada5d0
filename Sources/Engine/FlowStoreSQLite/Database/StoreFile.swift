public import FlowRuntime
import Glibc

/// What is done to the file of a store as a whole: copies, checks, tidying.
public enum StoreFile {
  /// Copies a store while it is served: the copy is as the store was at one commit.
  /// - Throws: `.unusable` when there is no such store, or something is at the target already.
  public static func backup(_ path: String, to target: String) throws(StoreError) {
    guard access(target, F_OK) != 0 else { throw .unusable("there is something at `\(target)` already") }
    let connection = try open(path)
    guard PrivateFile.create(target) else {
      throw .unusable("cannot create `\(target)`: \(String(cString: strerror(errno)))")
    }
    try connection.prepare("VACUUM INTO ?1").run(.text(target))
  }

  /// Makes a store from a backup. Whoever followed the old one is told to begin anew: the epoch is another.
  /// - Throws: `.unusable` when the backup is none or is damaged, or something is at the target already.
  public static func restore(_ backup: String, to target: String) throws(StoreError) {
    let problems = try check(backup)
    guard problems.isEmpty else { throw .unusable("`\(backup)` is damaged: \(problems[0])") }
    let lock = try FileLock(path: target + ".lock")
    try StoreFile.backup(backup, to: target)
    let connection = try SQLiteConnection(path: target, isReadOnly: false)
    try connection.run(
      "INSERT INTO meta VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1")
    withExtendedLifetime(lock) {}
  }

  /// Writes a store anew without the space that nothing uses. Nobody may serve it meanwhile.
  /// - Returns: Its size before and after, in bytes.
  public static func compact(_ path: String) throws(StoreError) -> (before: Int64, after: Int64) {
    _ = try open(path)
    let lock = try FileLock(path: path + ".lock")
    let connection = try SQLiteConnection(path: path, isReadOnly: false)
    try connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    let before = try size(connection)
    try connection.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
    withExtendedLifetime(lock) {}
    return (before, try size(connection))
  }

  /// Looks for damage: pages, indexes, and rows that say different things.
  /// - Returns: What is wrong, in words; nothing when all is well.
  public static func check(_ path: String) throws(StoreError) -> [String] {
    let connection = try open(path)
    do throws(StoreError) {
      // What is damaged may be found by any question.
      var problems = try texts(connection, "PRAGMA integrity_check(20)").filter { $0 != "ok" }
      for rule in rules { problems += try texts(connection, rule) }
      return problems
    } catch {
      guard case .fatal(let message) = error else { throw error }
      return [message]
    }
  }

  /// Questions whose answers are contradictions.
  private static let rules = [
    """
    SELECT 'journal entry ' || j.sequence || ' belongs to no instance' FROM journal j
    LEFT JOIN instance i ON i.id = j.instance WHERE i.id IS NULL LIMIT 20
    """,
    """
    SELECT 'the journal has a hole before entry ' || sequence FROM (
      SELECT sequence, lag(sequence) OVER (ORDER BY sequence) AS previous FROM journal
      WHERE sequence >= coalesce((SELECT value FROM meta WHERE name = 'kept_from'), 1))
    WHERE previous IS NOT NULL AND sequence <> previous + 1 LIMIT 20
    """,
    """
    SELECT 'instance ' || i.flow || '/' || i.key || ' is at revision ' || i.revision || ', its journal at '
      || max(j.revision)
    FROM instance i JOIN (
      SELECT instance, revision FROM journal WHERE kind = 'step'
      UNION ALL SELECT instance, revision FROM snapshot WHERE kept = 1) j ON j.instance = i.id
    GROUP BY i.id HAVING max(j.revision) <> i.revision LIMIT 20
    """,
    """
    SELECT 'a snapshot belongs to no instance' FROM snapshot s LEFT JOIN instance i ON i.id = s.instance
    WHERE i.id IS NULL LIMIT 20
    """,
    """
    SELECT 'a snapshot of ' || i.flow || '/' || i.key || ' is newer than the instance' FROM snapshot s
    JOIN instance i ON i.id = s.instance WHERE s.sequence > i.head OR s.revision > i.revision LIMIT 20
    """,
    """
    SELECT 'journal entry ' || j.sequence || ' is older than what the history of its instance begins with'
    FROM snapshot s JOIN journal j ON j.instance = s.instance WHERE s.kept = 1 AND j.sequence <= s.sequence LIMIT 20
    """,
    """
    SELECT 'what came before journal entry ' || j.sequence || ' is missing' FROM journal j
    LEFT JOIN journal p ON p.sequence = j.previous
    LEFT JOIN snapshot s ON s.instance = j.instance AND s.sequence = j.previous AND s.kept = 1
    WHERE j.previous <> 0 AND p.sequence IS NULL AND s.sequence IS NULL LIMIT 20
    """,
    """
    SELECT 'a timer of ' || i.flow || '/' || i.key || ' waits, and the instance has ended'
    FROM timer t JOIN instance i ON i.id = t.instance WHERE i.status IN (1, 2, 3) LIMIT 20
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
    """
    SELECT 'journal entry ' || j.sequence || ' is not in the chain of its instance' FROM journal j
    JOIN instance i ON i.id = j.instance
    WHERE j.sequence <> i.head
      AND (j.instance, j.sequence) NOT IN (SELECT instance, previous FROM journal WHERE sequence > previous)
    LIMIT 20
    """,
  ]

  private static func texts(_ connection: SQLiteConnection, _ sql: String) throws(StoreError) -> [String] {
    let statement = try connection.prepare(sql)
    var found: [String] = []
    while try statement.next() { found.append(statement.text(0)) }
    return found
  }

  private static func open(_ path: String) throws(StoreError) -> SQLiteConnection {
    guard access(path, R_OK) == 0 else {
      throw .unusable("cannot read `\(path)`: \(String(cString: strerror(errno)))")
    }
    let connection = try SQLiteConnection(path: path, isReadOnly: true)
    guard try connection.integer("PRAGMA application_id") == Schema.applicationID else {
      throw .unusable("`\(path)` is no store of flows")
    }
    return connection
  }

  private static func size(_ connection: SQLiteConnection) throws(StoreError) -> Int64 {
    try connection.integer("PRAGMA page_size") * connection.integer("PRAGMA page_count")
  }
}
