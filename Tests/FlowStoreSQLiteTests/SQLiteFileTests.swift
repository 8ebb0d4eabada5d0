import FlowJSON
import FlowRuntime
import FlowStoreSQLite
import FlowTestSupport
import Foundation
import Testing

/// The requirements for the file of a store.
@Suite("Files of stores") struct SQLiteFileTests {
  private let folder: TestFolder
  private var path: String { folder.store }

  init() throws { folder = try TestFolder() }

  private func problem() -> String {
    do {
      _ = try SQLiteStore(path: path)
      return "none"
    } catch {
      return error.message
    }
  }

  @Test(
    "a database of another program is rejected",
    arguments: [
      ("CREATE TABLE t (x)", "is a database of another program"),
      ("PRAGMA application_id = 5; CREATE TABLE t (x)", "is a database of another program"),
    ])
  func foreignDatabase(_ sql: String, _ message: String) throws {
    try folder.sqlite(sql)
    #expect(problem().contains(message))
  }

  @Test("a store of a newer version is rejected") func newerVersion() throws {
    _ = try SQLiteStore(path: path)
    try folder.sqlite("PRAGMA user_version = 99")
    #expect(problem().contains("is a store of version 99; this program knows versions up to 13"))
  }

  /// A store from before versions of flows were recorded: versions of instances and deployments are known.
  @Test("an older store is upgraded, and its versions of flows are known") func olderVersion() throws {
    _ = try SQLiteStore(path: path)
    try folder.sqlite(
      """
      DROP TABLE item;
      DROP TABLE version;
      DROP TABLE completion;
      DROP TABLE archived_answer;
      DROP TABLE bulk;
      DROP INDEX job_lease;
      DROP INDEX job_due;
      DROP INDEX job_turn;
      ALTER TABLE job DROP COLUMN priority;
      ALTER TABLE dead_letter DROP COLUMN priority;
      CREATE INDEX job_due ON job (queue, due);
      ALTER TABLE journal DROP COLUMN sum;
      ALTER TABLE instance DROP COLUMN sum;
      ALTER TABLE job DROP COLUMN origin;
      ALTER TABLE job DROP COLUMN epoch;
      ALTER TABLE job DROP COLUMN worker;
      ALTER TABLE job DROP COLUMN deadline;
      ALTER TABLE job DROP COLUMN sum;
      ALTER TABLE dead_letter DROP COLUMN origin;
      ALTER TABLE dead_letter DROP COLUMN epoch;
      ALTER TABLE dead_letter DROP COLUMN sum;
      ALTER TABLE once DROP COLUMN generation;
      DROP INDEX instance_incident;
      DROP TABLE snapshot;
      DROP TABLE pace;
      ALTER TABLE definition DROP COLUMN source;
      ALTER TABLE definition DROP COLUMN sum;
      ALTER TABLE answer_0 DROP COLUMN sum;
      ALTER TABLE answer_1 DROP COLUMN sum;
      ALTER TABLE timer DROP COLUMN sum;
      ALTER TABLE meta DROP COLUMN sum;
      ALTER TABLE once DROP COLUMN sum;
      ALTER TABLE deployment DROP COLUMN sum;
      ALTER TABLE schedule DROP COLUMN running;
      ALTER TABLE schedule DROP COLUMN waiting;
      ALTER TABLE schedule DROP COLUMN last_run;
      ALTER TABLE schedule DROP COLUMN last_skipped;
      ALTER TABLE schedule DROP COLUMN skipped;
      ALTER TABLE schedule DROP COLUMN sum;
      ALTER TABLE tombstone DROP COLUMN sum;
      DROP INDEX tombstone_taken;
      DROP INDEX tombstone_ended;
      CREATE INDEX tombstone_ended ON tombstone (ended_at);
      ALTER TABLE tombstone DROP COLUMN taken_until;
      ALTER TABLE tombstone DROP COLUMN instance;
      INSERT INTO definition (id, hash, ir) VALUES (1, 'aa', '{}'), (2, 'bb', '{}');
      INSERT INTO instance
        (id, flow, key, definition, status, revision, started_at, updated_at, position, data, incident)
        VALUES (1, 'F', 'k', 1, 0, 1, 5, 5, '{}', '{}', ''), (2, 'F', 'l', 2, 0, 1, 6, 6, '{}', '{}', '');
      INSERT INTO deployment VALUES ('F', 2, 'api', 9, 0);
      PRAGMA user_version = 4
      """)
    _ = try SQLiteStore(path: path)
    let queries = try SQLiteQueries(path: path)
    #expect(
      try queries.versions(flow: "F") == [
        VersionRow(flow: "F", definition: "aa", number: nil, origin: "", at: 5),
        VersionRow(flow: "F", definition: "bb", number: nil, origin: "api", at: 9),
      ])
    #expect(try queries.source(hash: "aa") == nil && queries.versions(flow: "G") == [])
  }

  @Test("a file that is not a SQLite database is rejected") func otherFile() throws {
    try Data(repeating: 0x41, count: 8192).write(to: URL(filePath: path))
    #expect(problem() == "the store is not a SQLite file")
  }

  @Test("only one process can open a store") func lock() throws {
    do {
      let store = try SQLiteStore(path: path)
      #expect(problem().contains("another process serves this store"))
      withExtendedLifetime(store) {}
    }
    #expect(problem() == "none", "the lock is released with its store")
  }

  @Test("a missing folder is an error") func missingFolder() {
    #expect(throws: StoreError.self) { try SQLiteStore(path: "/nowhere/at/all.db") }
    #expect(throws: StoreError.self) { try SQLiteQueries(path: path) }
  }

  @Test("the write-ahead log is reset under load") func writeAheadLog() throws {
    let store = try SQLiteStore(path: path)
    var sequence: Int64 = 0
    for _ in 0..<60 {
      var batch = StoreBatch()
      for _ in 0..<100 {
        sequence += 1
        batch.journal.append(
          JournalEntry(
            sequence: sequence, instance: 1, flow: "F", key: "k", revision: 1, kind: .step, at: 1,
            body: .string(String(repeating: "x", count: 4000))))
      }
      try store.commit(batch)
    }
    let size = try FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int ?? 0
    #expect(size > 0 && size < 6000 * 4096, "the log is \(size) bytes long after \(sequence) pages")
    _ = try store.maintain(now: 1, isIdle: true)
  }
}
