import CPostgres

/// The speed of a PostgreSQL server alone, as the reference for nodes.
enum RawPostgres {
  /// Events per second when the rows of the engine are written by hand: an entry appended, and one of many rows
  /// changed. The statements are prepared, and those of a transaction are sent in one pipeline.
  /// - Parameters:
  ///   - location: A connection string of libpq.
  ///   - size: The number of events in a transaction.
  ///   - instances: The number of rows that are changed in turn.
  static func sameRows(at location: String, size: Int, instances: Int, seconds: Double) -> Double? {
    let handle = PQconnectdb(location)
    defer { PQfinish(handle) }
    guard let handle, PQstatus(handle) == CONNECTION_OK, run(setUp(instances: instances), on: handle),
      prepare(
        "entry", as: "INSERT INTO raw.journal VALUES (0, $1, $2, $1, 'step', 1700000000000, $3, false)", on: handle),
      prepare(
        "change",
        as: """
          UPDATE raw.instance SET revision = $1, updated_at = 1700000000000 + $1, data = $3 WHERE part = 0 AND id = $2
          """, on: handle),
      PQenterPipelineMode(handle) == 1
    else { return nil }
    defer {
      PQexitPipelineMode(handle)
      _ = run("DROP SCHEMA raw CASCADE", on: handle)
    }
    let begin = nanoseconds()
    var count = 0
    while Double(nanoseconds() - begin) < seconds * 1e9 {
      for _ in 0..<size {
        count += 1
        let owner = count * 7919 % instances
        guard send("entry", [count, owner], text: body, on: handle),
          send("change", [count, owner], text: data, on: handle)
        else {
          return nil
        }
      }
      guard PQpipelineSync(handle) == 1, waitForCommit(handle) else { return nil }
    }
    return Double(count) * 1e9 / Double(nanoseconds() - begin)
  }

  private static let body = String(repeating: "x", count: 150)
  private static let data = #"{"id":"c1234","total":1}"#

  /// The tables of the store that an event changes.
  private static func setUp(instances: Int) -> String {
    """
    SET client_min_messages = warning;
    DROP SCHEMA IF EXISTS raw CASCADE;
    CREATE SCHEMA raw;
    CREATE TABLE raw.journal (
      part smallint NOT NULL, sequence bigint NOT NULL, instance bigint NOT NULL, revision bigint NOT NULL,
      kind text COLLATE "C" NOT NULL, at bigint NOT NULL, body text COLLATE "C" NOT NULL, is_answer boolean NOT NULL,
      PRIMARY KEY (part, sequence));
    CREATE INDEX ON raw.journal (part, instance, sequence);
    CREATE TABLE raw.instance (
      part smallint NOT NULL, id bigint NOT NULL, flow text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
      revision bigint NOT NULL, updated_at bigint NOT NULL, position text COLLATE "C" NOT NULL,
      data text COLLATE "C" NOT NULL, PRIMARY KEY (part, id)) WITH (fillfactor = 80);
    CREATE UNIQUE INDEX ON raw.instance (part, flow, key);
    INSERT INTO raw.instance
      SELECT 0, n, 'Counter', 'c' || n, 0, 0, '{"states":["counting"]}', '{"id":"c1234","total":1}'
      FROM generate_series(0, \(instances - 1)) n;
    """
  }

  private static func run(_ sql: String, on handle: OpaquePointer) -> Bool {
    let result = PQexec(handle, sql)
    defer { PQclear(result) }
    return [PGRES_COMMAND_OK, PGRES_TUPLES_OK].contains(PQresultStatus(result))
  }

  private static func prepare(_ name: String, as sql: String, on handle: OpaquePointer) -> Bool {
    // The types of integers and text.
    let result = PQprepare(handle, name, sql, 3, [20, 20, 25])
    defer { PQclear(result) }
    return PQresultStatus(result) == PGRES_COMMAND_OK
  }

  private static func send(_ name: String, _ numbers: [Int], text: String, on handle: OpaquePointer) -> Bool {
    String(numbers[0]).withCString { first in
      String(numbers[1]).withCString { second in
        text.withCString { third in
          PQsendQueryPrepared(handle, name, 3, [first, second, third], nil, nil, 0) == 1
        }
      }
    }
  }

  private static func waitForCommit(_ handle: OpaquePointer) -> Bool {
    while true {
      // The results of each statement end with nil.
      while let result = PQgetResult(handle) {
        let status = PQresultStatus(result)
        PQclear(result)
        if status == PGRES_PIPELINE_SYNC { return true }
        guard status == PGRES_COMMAND_OK else { return false }
      }
      guard PQstatus(handle) == CONNECTION_OK else { return false }
    }
  }
}
