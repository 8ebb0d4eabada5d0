import FlowNodes
import FlowRuntime
import FlowStorePostgres
import FlowStoreSQLite

/// The location that `--store` names: a file, or a PostgreSQL database.
enum StoreLocation: Sendable {
  case file(String)
  case database(PostgresDatabase)

  /// - Throws: `.unusable` for an invalid location of a database.
  init(_ text: String) throws(StoreError) {
    self = PostgresDatabase.isLocation(text) ? .database(try PostgresDatabase(text)) : .file(text)
  }

  /// The path, or the location without its password.
  var text: String {
    switch self {
    case .file(let path): path
    case .database(let database): database.publicText
    }
  }
}

/// The store of a server: opens its writer, and connections that read.
struct ServedStore: Sendable {
  /// Opens the store for the engine, on the engine's thread.
  var open: @Sendable () throws(StoreError) -> any Store
  var makeQueries: @Sendable () throws(StoreError) -> any Queries
  /// The nodes of the store; nil for a server without others.
  var nodes: (@Sendable () throws(StoreError) -> [NodeRow])?
  /// The role of this node among several; nil for a server without other nodes.
  var role: String?
  /// The clock that all nodes of the store share; nil for a server without other nodes.
  var clock: SteadyClock?
  /// The lead of the newest journal entry over the shared clock that is not an error of a clock, in milliseconds.
  static let longestLead: Int64 = 3_600_000

  /// The store in a file.
  static func file(_ path: String, retention: Retention, opening: SQLiteStore.OpeningOptions) -> ServedStore {
    ServedStore(
      open: { () throws(StoreError) in try SQLiteStore(path: path, retention: retention, options: opening) },
      makeQueries: { () throws(StoreError) in try SQLiteQueries(path: path) })
  }

  /// The store in a database whose lease this process holds.
  static func database(_ database: PostgresDatabase, lease: PostgresLease, retention: Retention) -> ServedStore {
    let claimedAt = lease.databaseMilliseconds ?? currentMilliseconds()
    return ServedStore(
      open: { () throws(StoreError) in try PostgresStore(database, lease: lease, retention: retention) },
      makeQueries: { () throws(StoreError) in PostgresQueries(database) },
      nodes: { () throws(StoreError) in
        try lease.nodes().map { node in
          var node = node
          if node.id == lease.node { node.ownerSince = claimedAt }
          return node
        }
      }, role: NodeHandler.Role.owner.rawValue,
      clock: SteadyClock { lease.databaseMilliseconds ?? currentMilliseconds() })
  }
}
