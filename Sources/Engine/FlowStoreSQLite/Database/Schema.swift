import FlowRuntime

/// The tables, and the pragmas for durability.
enum Schema {
  /// The application id in the header of the file: `flow` in ASCII.
  static let applicationID: Int64 = 0x666C_6F77
  static var version: Int64 { Int64(migrations.count) }

  /// The start of the names in `meta` of the positions of publications.
  static let cursorPrefix = "cursor "

  static let pragmas = """
    PRAGMA page_size = 4096;
    PRAGMA auto_vacuum = INCREMENTAL;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = 1;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -65536;
    PRAGMA journal_size_limit = 67108864;
    """

  /// Internal references are integers, names are stored once; no index covers columns that change with every event.
  private static let tables = """
    CREATE TABLE definition (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, ir TEXT NOT NULL);
    CREATE TABLE instance (
      id INTEGER PRIMARY KEY, flow TEXT NOT NULL, key TEXT NOT NULL, definition INTEGER NOT NULL,
      status INTEGER NOT NULL, revision INTEGER NOT NULL, started_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
      position TEXT NOT NULL, data TEXT NOT NULL, incident TEXT NOT NULL);
    CREATE UNIQUE INDEX instance_key ON instance (flow, key);
    CREATE INDEX instance_status ON instance (status, id);
    CREATE TABLE journal (
      sequence INTEGER PRIMARY KEY, instance INTEGER NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL,
      at INTEGER NOT NULL, body TEXT NOT NULL);
    CREATE INDEX journal_instance ON journal (instance, sequence);
    CREATE TABLE answer (
      key TEXT NOT NULL, scope TEXT NOT NULL, digest INTEGER NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL,
      PRIMARY KEY (key, scope)) WITHOUT ROWID;
    CREATE INDEX answer_at ON answer (at);
    CREATE TABLE timer (
      instance INTEGER NOT NULL, transition INTEGER NOT NULL, armed INTEGER NOT NULL, due INTEGER NOT NULL,
      PRIMARY KEY (instance, transition, armed)) WITHOUT ROWID;
    CREATE INDEX timer_due ON timer (due);
    CREATE TABLE job (
      id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, revision INTEGER NOT NULL, number INTEGER NOT NULL,
      action TEXT NOT NULL, queue TEXT, call INTEGER, once TEXT, attempt INTEGER NOT NULL, due INTEGER NOT NULL,
      lease INTEGER NOT NULL, fence INTEGER NOT NULL, arguments TEXT NOT NULL, outcome TEXT NOT NULL);
    CREATE INDEX job_due ON job (queue, due);
    CREATE INDEX job_instance ON job (instance);
    CREATE INDEX job_once ON job (once) WHERE once IS NOT NULL;
    CREATE TABLE dead_letter (
      id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, revision INTEGER NOT NULL, number INTEGER NOT NULL,
      action TEXT NOT NULL, attempts INTEGER NOT NULL, at INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
      arguments TEXT NOT NULL);
    CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
    CREATE TABLE once (key TEXT PRIMARY KEY, job INTEGER NOT NULL, outcome TEXT NOT NULL) WITHOUT ROWID;
    """

  /// The changes from each version to the next; the first creates the tables of a new file.
  static let migrations = [
    tables, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth, thirteenth,
  ]

  /// Deployments, scheduled starts, archived instances, and the failures of a job's attempts.
  private static let second = """
    CREATE TABLE deployment (
      flow TEXT PRIMARY KEY, definition INTEGER NOT NULL, origin TEXT NOT NULL, at INTEGER NOT NULL,
      retired INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE schedule (
      flow TEXT NOT NULL, start INTEGER NOT NULL, definition INTEGER NOT NULL, due INTEGER NOT NULL,
      PRIMARY KEY (flow, start)) WITHOUT ROWID;
    CREATE TABLE tombstone (
      flow TEXT NOT NULL, key TEXT NOT NULL, status INTEGER NOT NULL, ended_at INTEGER NOT NULL,
      PRIMARY KEY (flow, key)) WITHOUT ROWID;
    CREATE INDEX tombstone_ended ON tombstone (ended_at);
    CREATE INDEX instance_ended ON instance (updated_at) WHERE status IN (1, 2, 3);
    CREATE INDEX dead_letter_instance ON dead_letter (instance);
    ALTER TABLE job ADD COLUMN failures TEXT NOT NULL DEFAULT '';
    ALTER TABLE dead_letter ADD COLUMN queue TEXT;
    ALTER TABLE dead_letter ADD COLUMN once TEXT;
    ALTER TABLE dead_letter ADD COLUMN failures TEXT NOT NULL DEFAULT '';
    """

  /// No index is changed by every event at a random page, except the rows themselves: the entries of an instance are
  /// chained backwards, and idempotency keys are found by a hash, in two tables in rotation, so that the older one is
  /// emptied as a whole.
  private static let third = """
    ALTER TABLE journal ADD COLUMN previous INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE instance ADD COLUMN head INTEGER NOT NULL DEFAULT 0;
    UPDATE journal SET previous = (
      SELECT coalesce(max(b.sequence), 0) FROM journal b
      WHERE b.instance = journal.instance AND b.sequence < journal.sequence);
    UPDATE instance SET head = (SELECT coalesce(max(sequence), 0) FROM journal WHERE instance = instance.id);
    DROP INDEX journal_instance;
    CREATE TABLE answer_0 (
      hash INTEGER PRIMARY KEY, rest INTEGER NOT NULL, digest INTEGER NOT NULL, sequence INTEGER NOT NULL);
    CREATE TABLE answer_1 (
      hash INTEGER PRIMARY KEY, rest INTEGER NOT NULL, digest INTEGER NOT NULL, sequence INTEGER NOT NULL);
    """

  /// Entries contain the hash of their idempotency key until the hash is in a table. SQLite creates a temporary table
  /// for each `IN` in a partial index, at each changed row; comparisons avoid that.
  private static let fourth = """
    ALTER TABLE journal ADD COLUMN hash INTEGER;
    ALTER TABLE journal ADD COLUMN rest INTEGER;
    ALTER TABLE journal ADD COLUMN digest INTEGER;
    INSERT OR REPLACE INTO meta SELECT 'answers_moved', coalesce(max(sequence), 0) FROM journal;
    DROP INDEX instance_ended;
    CREATE INDEX instance_ended ON instance (updated_at) WHERE status >= 1 AND status <= 3;
    """

  /// The sources of programs, and the programs from which each flow was ever served.
  private static let fifth = """
    ALTER TABLE definition ADD COLUMN source TEXT NOT NULL DEFAULT '';
    CREATE TABLE version (
      flow TEXT NOT NULL, definition INTEGER NOT NULL, number INTEGER, origin TEXT NOT NULL, at INTEGER NOT NULL,
      PRIMARY KEY (flow, definition)) WITHOUT ROWID;
    INSERT INTO version SELECT flow, definition, NULL, '', min(started_at) FROM instance GROUP BY flow, definition;
    INSERT OR REPLACE INTO version SELECT flow, definition, NULL, origin, at FROM deployment;
    """

  /// Snapshots of instances, so that old journal entries can be archived: one that is `kept` is the start of the
  /// history of its instance; the others become so when they are old enough. And the throttles of actions.
  private static let sixth = """
    CREATE TABLE snapshot (
      instance INTEGER NOT NULL, sequence INTEGER NOT NULL, kept INTEGER NOT NULL, at INTEGER NOT NULL,
      definition INTEGER NOT NULL, status INTEGER NOT NULL, revision INTEGER NOT NULL, started_at INTEGER NOT NULL,
      position TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (instance, sequence)) WITHOUT ROWID;
    CREATE INDEX snapshot_at ON snapshot (at) WHERE kept = 0;
    CREATE TABLE pace (action TEXT PRIMARY KEY, spent TEXT NOT NULL) WITHOUT ROWID;
    """

  /// Checksums over the contents of rows; keys of jobs that outlive archiving and restoring; leases that expire;
  /// completions of claimed jobs, so that they can be repeated; idempotency records of archived instances; operations
  /// on many instances.
  private static let seventh = """
    ALTER TABLE journal ADD COLUMN sum INTEGER;
    ALTER TABLE instance ADD COLUMN sum INTEGER;
    ALTER TABLE snapshot ADD COLUMN sum INTEGER;
    ALTER TABLE job ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE job ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE job ADD COLUMN worker TEXT;
    ALTER TABLE job ADD COLUMN deadline INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE job ADD COLUMN sum INTEGER;
    CREATE INDEX job_lease ON job (lease) WHERE lease > 0;
    ALTER TABLE dead_letter ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE dead_letter ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE dead_letter ADD COLUMN sum INTEGER;
    ALTER TABLE once ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE completion (
      job INTEGER PRIMARY KEY, fence INTEGER NOT NULL, digest INTEGER NOT NULL, at INTEGER NOT NULL);
    CREATE TABLE archived_answer (
      sequence INTEGER PRIMARY KEY, flow TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL,
      at INTEGER NOT NULL, body TEXT NOT NULL, hash INTEGER NOT NULL, rest INTEGER NOT NULL, digest INTEGER NOT NULL);
    CREATE TABLE bulk (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
    """

  /// The few instances with an incident, which operators look for.
  private static let eighth = "CREATE INDEX instance_incident ON instance (id) WHERE incident <> '';"

  /// The version from which on every row has a checksum.
  private static let summedVersion: Int64 = 9
  /// The version from which on keys have declared lifetimes.
  private static let keyLifetimeVersion: Int64 = 10
  /// The version from which on items of calls over lists are rows.
  private static let itemVersion: Int64 = 11
  /// The version from which on schedules have the instance that they started last.
  private static let scheduledRunVersion: Int64 = 12
  /// The version from which on jobs have a priority.
  private static let priorityVersion: Int64 = 13

  /// Checksums of the rows of all tables; those of the journal, of snapshots, jobs and dead letters cover all columns.
  /// A row that already differs from its checksum keeps it.
  private static let ninth = [
    summed("definition", "id, hash, ir, source"), summed("answer_0", "hash, rest, digest, sequence"),
    summed("answer_1", "hash, rest, digest, sequence"), summed("timer", "instance, transition, armed, due"),
    summed("meta", "name, value"), summed("once", "key, job, outcome, generation"),
    summed("deployment", "flow, definition, origin, at, retired"), summed("schedule", "flow, start, definition, due"),
    summed("tombstone", "flow, key, status, ended_at"), summed("version", "flow, definition, number, origin, at"),
    summed("pace", "action, spent"), summed("completion", "job, fence, digest, at"),
    summed("archived_answer", "sequence, flow, key, revision, at, body, hash, rest, digest"),
    summed("bulk", "id, document"),
    """
    UPDATE instance SET sum = checksum(id, flow, key, definition, status, revision, started_at, updated_at, position,
      data, incident) WHERE sum IS NULL;
    UPDATE journal SET sum = checksum(sequence, instance, revision, kind, at, previous, body, hash, rest, digest)
    WHERE sum IS NULL
      OR hash IS NOT NULL AND sum = checksum(sequence, instance, revision, kind, at, previous, body);
    UPDATE snapshot SET sum = checksum(instance, sequence, at, definition, status, revision, started_at, position,
      data, kept)
    WHERE sum IS NULL OR sum = checksum(instance, sequence, at, definition, status, revision, started_at, position,
      data);
    UPDATE job SET sum = checksum(id, instance, revision, number, action, queue, call, once, attempt, due, lease,
      fence, arguments, outcome, failures, origin, epoch, worker, deadline)
    WHERE sum IS NULL OR sum = checksum(id, instance, revision, number, attempt, origin, epoch, action,
      coalesce(queue, ''), coalesce(once, ''), arguments, failures, coalesce(call, -1), due, lease, fence,
      coalesce(worker, ''), deadline, outcome);
    UPDATE dead_letter SET sum = checksum(id, instance, revision, number, action, attempts, at, code, message,
      arguments, queue, once, failures, origin, epoch)
    WHERE sum IS NULL OR sum = checksum(id, instance, revision, number, max(attempts - 1, 0), origin, epoch, action,
      coalesce(queue, ''), coalesce(once, ''), arguments, failures, at, code, message);
    """,
  ].joined(separator: "\n")

  /// The number of an archived instance, and the instant until which its flow declares its key to be taken. Each kind
  /// of record has an index of its own, so that those that stay indefinitely are never visited.
  private static let tenth = """
    ALTER TABLE tombstone ADD COLUMN instance INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE tombstone ADD COLUMN taken_until INTEGER;
    UPDATE tombstone SET sum = checksum(flow, key, status, ended_at, instance, taken_until)
    WHERE sum = checksum(flow, key, status, ended_at);
    DROP INDEX tombstone_ended;
    CREATE INDEX tombstone_ended ON tombstone (ended_at) WHERE taken_until IS NULL;
    CREATE INDEX tombstone_taken ON tombstone (taken_until) WHERE taken_until IS NOT NULL;
    """

  /// The items of calls over lists, so that a step does not write the whole list. An instance of an earlier version has
  /// them in its position until its next step.
  private static let eleventh = """
    CREATE TABLE item (
      instance INTEGER NOT NULL, call INTEGER NOT NULL, item INTEGER NOT NULL, document TEXT NOT NULL, sum INTEGER,
      PRIMARY KEY (instance, call, item)) WITHOUT ROWID;
    """

  /// The instance that each schedule started last, its waiting run, and the runs that were skipped.
  private static let twelfth = """
    ALTER TABLE schedule ADD COLUMN running TEXT;
    ALTER TABLE schedule ADD COLUMN waiting INTEGER;
    ALTER TABLE schedule ADD COLUMN last_run INTEGER;
    ALTER TABLE schedule ADD COLUMN last_skipped INTEGER;
    ALTER TABLE schedule ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
    UPDATE schedule
    SET sum = checksum(flow, start, definition, due, running, waiting, last_run, last_skipped, skipped)
    WHERE sum = checksum(flow, start, definition, due);
    """

  /// The priorities of jobs: the due jobs of a queue are found by them. And an index of the jobs that wait for a limit.
  private static let thirteenth = """
    ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE dead_letter ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    UPDATE job SET sum = checksum(id, instance, revision, number, action, queue, call, once, attempt, due, lease,
      fence, arguments, outcome, failures, origin, epoch, worker, deadline, priority)
    WHERE sum = checksum(id, instance, revision, number, action, queue, call, once, attempt, due, lease, fence,
      arguments, outcome, failures, origin, epoch, worker, deadline);
    UPDATE dead_letter SET sum = checksum(id, instance, revision, number, action, attempts, at, code, message,
      arguments, queue, once, failures, origin, epoch, priority)
    WHERE sum = checksum(id, instance, revision, number, action, attempts, at, code, message, arguments, queue, once,
      failures, origin, epoch);
    DROP INDEX job_due;
    CREATE INDEX job_due ON job (queue, priority, due);
    CREATE INDEX job_turn ON job (id) WHERE due = 9223372036854775805;
    """

  private static func summed(_ table: String, _ columns: String) -> String {
    "ALTER TABLE \(table) ADD COLUMN sum INTEGER; UPDATE \(table) SET sum = checksum(\(columns));"
  }

  /// True if every row of a store has a checksum.
  static func hasSums(_ connection: SQLiteConnection) throws(StoreError) -> Bool {
    try connection.integer("PRAGMA user_version") >= summedVersion
  }

  /// True if the records of archived instances have declared lifetimes of their keys.
  static func hasKeyLifetimes(_ connection: SQLiteConnection) throws(StoreError) -> Bool {
    try connection.integer("PRAGMA user_version") >= keyLifetimeVersion
  }

  /// True if items of calls over lists are rows.
  static func hasItems(_ connection: SQLiteConnection) throws(StoreError) -> Bool {
    try connection.integer("PRAGMA user_version") >= itemVersion
  }

  /// True if schedules have the instance that they started last.
  static func hasScheduledRuns(_ connection: SQLiteConnection) throws(StoreError) -> Bool {
    try connection.integer("PRAGMA user_version") >= scheduledRunVersion
  }

  /// True if jobs have a priority.
  static func hasPriorities(_ connection: SQLiteConnection) throws(StoreError) -> Bool {
    try connection.integer("PRAGMA user_version") >= priorityVersion
  }

  /// The definitions of tables and indexes, sorted: all but a table that is dropped after its rows were migrated.
  static func definitions(_ connection: SQLiteConnection) throws(StoreError) -> [String] {
    let rows = try connection.prepare(
      """
      SELECT type || ' ' || name || ' of ' || tbl_name || ': ' || coalesce(sql, '') FROM sqlite_master
      WHERE tbl_name <> 'answer' ORDER BY 1
      """)
    var found: [String] = []
    while try rows.next() { found.append(rows.text(0)) }
    return found
  }

  /// The definitions of tables and indexes of a store of a version.
  static func definitions(ofVersion version: Int64) throws(StoreError) -> [String] {
    let connection = try SQLiteConnection(path: SQLiteConnection.memory, isReadOnly: false)
    for migration in migrations.prefix(Int(version)) { try connection.run(migration) }
    return try definitions(connection)
  }

  /// - Throws: `.unusable` for a store of a newer version of this program.
  static func checkVersion(_ connection: SQLiteConnection, path: String) throws(StoreError) {
    let version = try connection.integer("PRAGMA user_version")
    guard version <= Schema.version else {
      throw .unusable(
        "`\(path)` is a store of version \(version); this program knows versions up to \(Schema.version)")
    }
  }

  /// Creates the tables of a new file, migrates those of an older version, and rejects a file of another program or a
  /// newer version.
  static func prepare(_ connection: SQLiteConnection, path: String) throws(StoreError) {
    let application = try connection.integer("PRAGMA application_id")
    let version = try connection.integer("PRAGMA user_version")
    let isNew = try connection.integer("SELECT count(*) FROM sqlite_master") == 0 && application == 0
    guard isNew || application == applicationID else { throw .unusable("`\(path)` is a database of another program") }
    try checkVersion(connection, path: path)
    try connection.run(pragmas)
    guard version < Schema.version else { return }
    let steps = migrations[Int(max(version, 0))...].joined(separator: "\n")
    do throws(StoreError) {
      try connection.run(
        """
        BEGIN IMMEDIATE; \(steps) PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(Schema.version); COMMIT;
        """)
    } catch {
      try? connection.run("ROLLBACK")
      throw error
    }
  }
}
