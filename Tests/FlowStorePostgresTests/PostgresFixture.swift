import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation

@testable import FlowStorePostgres

/// An empty store in a schema of its own.
struct PostgresFixture {
  let server: PostgresServer
  let database: PostgresDatabase

  init(_ server: PostgresServer? = nil) throws {
    self.server = try server ?? PostgresServer.shared()
    database = try PostgresDatabase(self.server.newLocation())
    try database.prepare()
  }

  /// A store that owns the schema; the previous owner is fenced off.
  func open(_ retention: Retention = Retention()) throws -> PostgresStore {
    let lease = PostgresLease(database, address: "http://here")
    try lease.seize()
    return try PostgresStore(database, lease: lease, retention: retention, isUnlimited: true)
  }

  static func row(_ id: Int64, _ key: String, status: InstanceStatus = .running, updatedAt: Int64 = 6) -> InstanceRow {
    InstanceRow(
      id: id, flow: "F", key: key, definition: "d", status: status, revision: 1, startedAt: 5, updatedAt: updatedAt,
      position: Array(#"{"states":["a"]}"#.utf8), data: Array(#"{"a":"\u0000"}"#.utf8))
  }

  /// A batch that creates an instance with one journal entry.
  static func batch(
    _ id: Int64, _ key: String, status: InstanceStatus = .running, at: Int64 = 6, idempotencyKey: String? = nil
  ) -> StoreBatch {
    var batch = StoreBatch()
    if id == 1 {
      batch.definitions["d"] = Array("{}".utf8)
      batch.identity = "here"
    }
    batch.instances[id] = row(id, key, status: status, updatedAt: at)
    batch.created = [id]
    batch.journal = [
      JournalEntry(
        sequence: id, instance: id, flow: "F", key: key, revision: 1, kind: .step, at: at,
        body: ["disposition": "taken", "from": [], "to": ["a"], "status": "running", "created": true, "x": 1])
    ]
    if let idempotencyKey {
      batch.answers = [IdempotencyRow(scope: "F/\(key)", key: idempotencyKey, digest: id * 7, sequence: id, at: at)]
    }
    return batch
  }
}
