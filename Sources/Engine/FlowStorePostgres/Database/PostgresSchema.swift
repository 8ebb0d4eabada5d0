public import FlowRuntime

/// The tables of a store. `@.` stands for its schema.
///
/// `part` is first in every key, so that a later version can distribute a store over several owners; it is always 0.
/// No row is updated by every commit: the fence is only locked, and numbers are assigned in memory.
enum PostgresSchema {
  /// The version of the tables that this program creates, and the newest that it can open.
  static var version: Int64 { Int64(migrations.count) }

  /// The first version in which nodes record the versions that they can open.
  static let firstWithFormats: Int64 = 3

  /// The start of the names in `meta` of the positions of publications.
  static let cursorPrefix = "cursor "

  /// The changes from each version to the next; the first creates the tables.
  static let migrations = [tables + jobs + records, keyLifetimes, nodes, items, scheduledRuns, priorities]

  private static let tables = """
    CREATE TABLE @.meta (name text COLLATE "C" PRIMARY KEY, value text COLLATE "C" NOT NULL);
    CREATE TABLE @.fence (part smallint PRIMARY KEY, epoch bigint NOT NULL, owner text COLLATE "C" NOT NULL);
    INSERT INTO @.fence VALUES (0, 0, '');
    CREATE TABLE @.lease (
      part smallint PRIMARY KEY, owner text COLLATE "C" NOT NULL, address text NOT NULL, expires timestamptz NOT NULL,
      successor text COLLATE "C" NOT NULL);
    INSERT INTO @.lease VALUES (0, '', '', '-infinity', '');
    CREATE TABLE @.node (
      node text COLLATE "C" PRIMARY KEY, address text NOT NULL, version text NOT NULL, seen timestamptz NOT NULL);
    CREATE TABLE @.definition (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hash text COLLATE "C" NOT NULL UNIQUE,
      ir text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL DEFAULT '');
    CREATE TABLE @.instance (
      part smallint NOT NULL, id bigint NOT NULL, flow text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
      definition bigint NOT NULL, status bigint NOT NULL, revision bigint NOT NULL, started_at bigint NOT NULL,
      updated_at bigint NOT NULL, ended_at bigint, position text COLLATE "C" NOT NULL, data text COLLATE "C" NOT NULL,
      incident text COLLATE "C" NOT NULL, PRIMARY KEY (part, id)) WITH (fillfactor = 80);
    CREATE UNIQUE INDEX instance_key ON @.instance (part, flow, key);
    CREATE INDEX instance_status ON @.instance (part, status, id);
    CREATE INDEX instance_incident ON @.instance (part, id) WHERE incident <> '';
    CREATE INDEX instance_ended ON @.instance (part, ended_at) WHERE ended_at IS NOT NULL;
    CREATE TABLE @.journal (
      part smallint NOT NULL, sequence bigint NOT NULL, instance bigint NOT NULL, revision bigint NOT NULL,
      kind text COLLATE "C" NOT NULL, at bigint NOT NULL, body text COLLATE "C" NOT NULL, is_answer boolean NOT NULL,
      PRIMARY KEY (part, sequence));
    CREATE INDEX journal_instance ON @.journal (part, instance, sequence);
    CREATE TABLE @.answer_0 (
      part smallint NOT NULL, high bigint NOT NULL, low bigint NOT NULL, digest bigint NOT NULL,
      sequence bigint NOT NULL, PRIMARY KEY (part, high, low));
    CREATE TABLE @.answer_1 (
      part smallint NOT NULL, high bigint NOT NULL, low bigint NOT NULL, digest bigint NOT NULL,
      sequence bigint NOT NULL, PRIMARY KEY (part, high, low));
    CREATE TABLE @.timer (
      part smallint NOT NULL, instance bigint NOT NULL, transition bigint NOT NULL, armed bigint NOT NULL,
      due bigint NOT NULL, PRIMARY KEY (part, instance, transition, armed));
    CREATE INDEX timer_due ON @.timer (part, due, instance);
    ALTER TABLE @.instance SET (autovacuum_vacuum_scale_factor = 0.01);
    ALTER TABLE @.timer SET (autovacuum_vacuum_scale_factor = 0.01);

    """

  /// A key of work that is done once has any length, so that it is found by its digest.
  private static let jobs = """
    CREATE TABLE @.job (
      part smallint NOT NULL, id bigint NOT NULL, instance bigint NOT NULL, revision bigint NOT NULL,
      number bigint NOT NULL, action text COLLATE "C" NOT NULL, queue text COLLATE "C", call bigint,
      once text COLLATE "C", attempt bigint NOT NULL, due bigint NOT NULL, lease bigint NOT NULL,
      fence bigint NOT NULL, arguments text COLLATE "C" NOT NULL, outcome text COLLATE "C" NOT NULL,
      failures text COLLATE "C" NOT NULL, origin bigint NOT NULL, epoch bigint NOT NULL, worker text COLLATE "C",
      deadline bigint NOT NULL, PRIMARY KEY (part, id));
    CREATE INDEX job_due ON @.job (part, queue, due, id);
    CREATE INDEX job_instance ON @.job (part, instance);
    CREATE INDEX job_once ON @.job (part, md5(once)) WHERE once IS NOT NULL;
    CREATE INDEX job_lease ON @.job (part, lease) WHERE lease > 0;
    CREATE TABLE @.dead_letter (
      part smallint NOT NULL, id bigint NOT NULL, instance bigint NOT NULL, revision bigint NOT NULL,
      number bigint NOT NULL, action text COLLATE "C" NOT NULL, attempts bigint NOT NULL, at bigint NOT NULL,
      code text COLLATE "C" NOT NULL, message text COLLATE "C" NOT NULL, arguments text COLLATE "C" NOT NULL,
      queue text COLLATE "C", once text COLLATE "C", failures text COLLATE "C" NOT NULL, origin bigint NOT NULL,
      epoch bigint NOT NULL, PRIMARY KEY (part, id));
    CREATE INDEX dead_letter_instance ON @.dead_letter (part, instance);
    CREATE TABLE @.once (
      part smallint NOT NULL, name bytea NOT NULL, key text COLLATE "C" NOT NULL, job bigint NOT NULL,
      outcome text COLLATE "C" NOT NULL, generation bigint NOT NULL, PRIMARY KEY (part, name));
    CREATE TABLE @.completion (
      part smallint NOT NULL, job bigint NOT NULL, fence bigint NOT NULL, digest bigint NOT NULL, at bigint NOT NULL,
      PRIMARY KEY (part, job));
    CREATE TABLE @.bulk (
      part smallint NOT NULL, id bigint NOT NULL, document text COLLATE "C" NOT NULL, PRIMARY KEY (part, id));
    CREATE TABLE @.pace (
      part smallint NOT NULL, action text COLLATE "C" NOT NULL, spent text COLLATE "C" NOT NULL,
      PRIMARY KEY (part, action));
    ALTER TABLE @.job SET (autovacuum_vacuum_scale_factor = 0.01);

    """

  /// The number of an archived instance, and the instant until which its flow declares its key to be taken. Each kind
  /// of record has an index of its own, so that those that stay indefinitely are never visited.
  private static let keyLifetimes = """
    ALTER TABLE @.tombstone ADD COLUMN instance bigint NOT NULL DEFAULT 0;
    ALTER TABLE @.tombstone ADD COLUMN taken_until bigint;
    DROP INDEX @.tombstone_ended;
    CREATE INDEX tombstone_ended ON @.tombstone (part, ended_at) WHERE taken_until IS NULL;
    CREATE INDEX tombstone_taken ON @.tombstone (part, taken_until) WHERE taken_until IS NOT NULL;

    """

  /// The role of a process, and the versions of the tables that it can open.
  private static let nodes = """
    DELETE FROM @.node;
    ALTER TABLE @.node ADD COLUMN role text NOT NULL;
    ALTER TABLE @.node ADD COLUMN oldest_format bigint NOT NULL;
    ALTER TABLE @.node ADD COLUMN newest_format bigint NOT NULL;

    """

  /// The items of calls over lists. An instance of an earlier version has them in its position until its next step.
  private static let items = """
    CREATE TABLE @.item (
      part smallint NOT NULL, instance bigint NOT NULL, call bigint NOT NULL, item bigint NOT NULL,
      document text COLLATE "C" NOT NULL, PRIMARY KEY (part, instance, call, item));
    ALTER TABLE @.item SET (autovacuum_vacuum_scale_factor = 0.01);

    """

  /// The instance that each schedule started last, its waiting run, and the runs that were skipped.
  private static let scheduledRuns = """
    ALTER TABLE @.schedule ADD COLUMN running text COLLATE "C";
    ALTER TABLE @.schedule ADD COLUMN waiting bigint;
    ALTER TABLE @.schedule ADD COLUMN last_run bigint;
    ALTER TABLE @.schedule ADD COLUMN last_skipped bigint;
    ALTER TABLE @.schedule ADD COLUMN skipped bigint NOT NULL DEFAULT 0;

    """

  /// The priorities of jobs: the due jobs of a queue are found by them. And an index of the jobs that wait for a limit.
  private static let priorities = """
    ALTER TABLE @.job ADD COLUMN priority bigint NOT NULL DEFAULT 0;
    ALTER TABLE @.dead_letter ADD COLUMN priority bigint NOT NULL DEFAULT 0;
    DROP INDEX @.job_due;
    CREATE INDEX job_due ON @.job (part, queue, priority, due, id);
    CREATE INDEX job_turn ON @.job (part, id) WHERE due = 9223372036854775805;

    """

  private static let records = """
    CREATE TABLE @.version (
      part smallint NOT NULL, flow text COLLATE "C" NOT NULL, definition bigint NOT NULL, number bigint,
      origin text COLLATE "C" NOT NULL, at bigint NOT NULL, PRIMARY KEY (part, flow, definition));
    CREATE TABLE @.deployment (
      part smallint NOT NULL, flow text COLLATE "C" NOT NULL, definition bigint NOT NULL,
      origin text COLLATE "C" NOT NULL, at bigint NOT NULL, retired bigint NOT NULL, PRIMARY KEY (part, flow));
    CREATE TABLE @.schedule (
      part smallint NOT NULL, flow text COLLATE "C" NOT NULL, start bigint NOT NULL, definition bigint NOT NULL,
      due bigint NOT NULL, PRIMARY KEY (part, flow, start));
    CREATE TABLE @.tombstone (
      part smallint NOT NULL, flow text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, status bigint NOT NULL,
      ended_at bigint NOT NULL, PRIMARY KEY (part, flow, key));
    CREATE INDEX tombstone_ended ON @.tombstone (part, ended_at);
    CREATE TABLE @.snapshot (
      part smallint NOT NULL, instance bigint NOT NULL, sequence bigint NOT NULL, kept bigint NOT NULL,
      at bigint NOT NULL, definition bigint NOT NULL, status bigint NOT NULL, revision bigint NOT NULL,
      started_at bigint NOT NULL, position text COLLATE "C" NOT NULL, data text COLLATE "C" NOT NULL,
      PRIMARY KEY (part, instance, sequence));
    CREATE TABLE @.archived_answer (
      part smallint NOT NULL, sequence bigint NOT NULL, flow text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
      revision bigint NOT NULL, at bigint NOT NULL, body text COLLATE "C" NOT NULL, PRIMARY KEY (part, sequence));
    CREATE TABLE @.archive (
      part smallint NOT NULL, id bigint NOT NULL, flow text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
      status text COLLATE "C" NOT NULL, ended_at bigint NOT NULL, document text COLLATE "C" NOT NULL,
      PRIMARY KEY (part, id));
    CREATE INDEX archive_key ON @.archive (part, flow, key);

    """
}

extension PostgresDatabase {
  /// Creates the tables, or brings those of an older version up to date. Several nodes may do so at the same time.
  /// - Parameter mayCreate: False to reject a database without a store.
  /// - Throws: `.unusable` for a store of a newer version, a missing store, or a database with another encoding than
  ///   UTF-8; `.unavailable` when the database cannot be reached, or a node that does not know the new tables is alive.
  public func prepare(mayCreate: Bool = true) throws(StoreError) {
    let connection = DatabaseConnection(self, timeoutMilliseconds: 60_000)
    do throws(DatabaseFailure) {
      let encoding = try connection.run([PostgresStatement("SHOW server_encoding")])[0].first { $0.text(0) }
      guard encoding == "UTF8" else {
        throw .rejected(.unusable("the encoding of the database is not UTF8"), state: "")
      }
      let version = try version(connection)
      guard version <= PostgresSchema.version else {
        throw .rejected(
          .unusable(
            "the store is of version \(version); this program knows versions up to \(PostgresSchema.version)"),
          state: "")
      }
      guard version < PostgresSchema.version else { return }
      guard version > 0 || mayCreate else {
        throw .rejected(.unusable("there is no store in \(publicText), schema `\(schema)`"), state: "")
      }
      try checkLiveNodes(version, connection)
      for number in version..<PostgresSchema.version { try migrate(from: number, connection) }
    } catch {
      throw error.storeError
    }
  }

  /// Rejects an upgrade while a node is alive that would not know the tables any more.
  private func checkLiveNodes(_ version: Int64, _ connection: DatabaseConnection) throws(DatabaseFailure) {
    guard version >= PostgresSchema.firstWithFormats else { return }
    let query = PostgresStatement(
      """
      SELECT address, version FROM @.node WHERE newest_format < $1
        AND seen > clock_timestamp() - interval '\(PostgresLease.lifetimeMilliseconds) milliseconds' ORDER BY address
      """, [.integer(PostgresSchema.version)])
    let older = try connection.run([query])[0].map { "\($0.text(0)) (Flow \($0.text(1)))" }
    guard older.isEmpty else {
      throw .rejected(
        .unavailable(
          """
          the tables of the store are upgraded from version \(version) to \(PostgresSchema.version) when the nodes \
          that do not know the new version have ended: \(older.joined(separator: ", "))
          """),
        state: "")
    }
  }

  /// The version of the store; 0 when none exists.
  private func version(_ connection: DatabaseConnection) throws(DatabaseFailure) -> Int64 {
    let table = try connection.run([
      PostgresStatement("SELECT to_regclass($1)", [.text(schema + ".meta")])
    ])[0].first { !$0.isNull(0) }
    guard table == true else { return 0 }
    return try connection.run([PostgresStatement("SELECT value FROM @.meta WHERE name = 'version'")])[0]
      .first { $0.integer(0) } ?? 0
  }

  /// One migration in one transaction. The lock ends with the transaction, so that a pooler does not matter; of two
  /// nodes the second does nothing.
  private func migrate(from number: Int64, _ connection: DatabaseConnection) throws(DatabaseFailure) {
    let guarded = """
      BEGIN;
      SELECT pg_advisory_xact_lock(hashtext('flow store \(schema)'));
      CREATE SCHEMA IF NOT EXISTS \(schema);
      DO $migration$ DECLARE found bigint := 0; BEGIN
        IF to_regclass('@.meta') IS NOT NULL THEN
          SELECT value::bigint INTO found FROM @.meta WHERE name = 'version';
        END IF;
        IF coalesce(found, 0) = \(number) THEN
          \(PostgresSchema.migrations[Int(number)])
          INSERT INTO @.meta VALUES ('version', '\(number + 1)')
            ON CONFLICT (name) DO UPDATE SET value = excluded.value;
        END IF;
      END $migration$;
      COMMIT;
      """
    do throws(DatabaseFailure) {
      try connection.script(sql(guarded))
    } catch {
      connection.close()
      throw error
    }
  }
}
