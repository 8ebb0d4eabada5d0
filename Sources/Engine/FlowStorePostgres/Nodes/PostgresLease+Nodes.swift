public import FlowRuntime
import Synchronization

// The nodes of a store: each process records itself, so that others can show it, and an owner that ends can choose its
// successor.
extension PostgresLease {
  /// The time after which a process that has not recorded itself does not count as a successor, in milliseconds.
  private static let aliveMilliseconds = 3000
  /// The time after which the record of a process is removed, in milliseconds.
  private static let keptMilliseconds = 3_600_000

  /// Records that this process is alive, and removes records of processes that have ended long ago.
  /// - Parameters:
  ///   - role: `owner`, `standby` or `draining`.
  ///   - version: The version of Flow.
  /// - Throws: `.unavailable` when the database did not answer.
  public func register(role: String, version: String) throws(StoreError) {
    let statements = [
      PostgresStatement(
        """
        INSERT INTO @.node (node, address, version, seen, role, oldest_format, newest_format)
        VALUES ($1, $2, $3, clock_timestamp(), $4, 1, $5)
        ON CONFLICT (node) DO UPDATE SET seen = clock_timestamp(), role = excluded.role
        """,
        [.text(node), .text(address), .text(version), .text(role), .integer(PostgresSchema.version)]),
      PostgresStatement(
        """
        DELETE FROM @.node
        WHERE seen < clock_timestamp() - interval '\(PostgresLease.keptMilliseconds) milliseconds'
        """),
    ]
    _ = try perform(statements, on: registry)
  }

  /// Removes the record of this process.
  /// - Throws: `.unavailable` when the database did not answer.
  public func unregister() throws(StoreError) {
    _ = try perform([PostgresStatement("DELETE FROM @.node WHERE node = $1", [.text(node)])], on: registry)
  }

  /// The processes that serve the store, or have served it in the last hour.
  /// - Throws: `.unavailable` when the database did not answer.
  public func nodes() throws(StoreError) -> [NodeRow] {
    let statement = PostgresStatement(
      """
      SELECT node, address, version, role, oldest_format, newest_format,
        (extract(epoch FROM seen) * 1000)::bigint,
        seen > clock_timestamp() - interval '\(PostgresLease.aliveMilliseconds) milliseconds'
      FROM @.node ORDER BY seen DESC, node
      """)
    return try perform([statement], on: views)[0].map { row in
      let (oldest, newest) = (row.integer(4), row.integer(5))
      return NodeRow(
        id: row.text(0), address: row.text(1), version: row.text(2), role: row.text(3),
        formats: oldest...max(oldest, newest), seenAt: row.integer(6), isAlive: row.document(7) == Array("t".utf8))
    }
  }

  /// The standby to hand the store to: the one that was seen last.
  /// - Throws: `.unavailable` when the database did not answer.
  public func successor() throws(StoreError) -> NodeRow? {
    try nodes().first { $0.isAlive && $0.role == "standby" && $0.id != node }
  }

  private func perform(
    _ statements: [PostgresStatement], on connection: borrowing Mutex<DatabaseConnectionBox>
  ) throws(StoreError) -> [PostgresRows] {
    do throws(DatabaseFailure) {
      return try connection.withLock { box throws(DatabaseFailure) in
        try box.connection.run(statements)
      }
    } catch {
      throw error.storeError
    }
  }
}

extension PostgresDatabase {
  /// The flows that another node of the store serves; empty when no other node is alive.
  /// - Throws: `.unavailable` when the database did not answer.
  public func flowsOfOthers() throws(StoreError) -> [String] {
    let query = PostgresStatement(
      """
      SELECT flow FROM @.deployment WHERE part = 0 AND retired = 0 AND EXISTS (
        SELECT 1 FROM @.node
        WHERE seen > clock_timestamp() - interval '\(PostgresLease.lifetimeMilliseconds) milliseconds')
      ORDER BY flow
      """)
    do throws(DatabaseFailure) {
      return try DatabaseConnection(self).run([query])[0].map { $0.text(0) }
    } catch {
      throw error.storeError
    }
  }

  /// Joins the nodes of the store: the first one determines the secret and the cluster.
  /// - Parameters:
  ///   - cluster: The fingerprint of the cluster key; empty for none.
  ///   - proposal: A random secret.
  /// - Returns: The secret of all nodes.
  /// - Throws: `.unusable` when the nodes of the store have another cluster key.
  public func join(cluster: String, proposal: String) throws(StoreError) -> String {
    let connection = DatabaseConnection(self)
    let statements = [
      PostgresStatement(
        "INSERT INTO @.meta VALUES ('cluster', $1), ('node_secret', $2) ON CONFLICT (name) DO NOTHING",
        [.text(cluster), .text(proposal)])
    ]
    let query = PostgresStatement(
      "SELECT value FROM @.meta WHERE name IN ('cluster', 'node_secret') ORDER BY name")
    do throws(DatabaseFailure) {
      _ = try connection.run(statements)
      // A second transaction, which sees the rows of another node that was faster.
      let found = try connection.run([query])[0].map { $0.text(0) }
      guard found.count == 2, found[0] == cluster else {
        throw .rejected(
          .unusable("the store belongs to another cluster: its nodes have another cluster key"), state: "")
      }
      return found[1]
    } catch {
      throw error.storeError
    }
  }
}
