import FlowRuntime
import FlowStorePostgres
import FlowStoreSQLite

extension Command {
  /// A store that a copy reads or fills; no process serves it meanwhile.
  private struct OpenStore {
    var store: any StoreTransfer
    var queries: any Queries
    /// Ends the ownership of a store in a database.
    var release: () throws(StoreError) -> Void
  }

  /// `flow store copy`: copies a store between a file and a database, and compares the two.
  static func copy(_ source: String, to target: String) throws(StoreError) -> Int32 {
    let (from, into) = (try StoreLocation(source), try StoreLocation(target))
    let (read, written) = (try open(from, mayCreate: false), try open(into, mayCreate: true))
    let copy = StoreCopy(
      from: read.store, reader: read.queries, to: written.store, targetReader: written.queries)
    let rows = try copy.run()
    try read.release()
    try written.release()
    Terminal.output(
      """
      copied \(rows.instances) instances, \(rows.entries) journal entries, \(rows.jobs) jobs and \(rows.answers) \
      idempotency keys from \(from.text) to \(into.text)
      Subscribers continue with their cursors. Serve only one of the two from now on; the archive was not copied.

      """)
    return ExitCode.success
  }

  private static func open(_ location: StoreLocation, mayCreate: Bool) throws(StoreError) -> OpenStore {
    switch location {
    case .file(let path):
      var options = SQLiteStore.OpeningOptions()
      options.mayCreate = mayCreate
      return OpenStore(
        store: try SQLiteStore(path: path, options: options), queries: try SQLiteQueries(path: path), release: {})
    case .database(let database):
      try database.prepare(mayCreate: mayCreate)
      let lease = PostgresLease(database, address: "")
      if let holder = try lease.holder(), holder.isAlive {
        throw .unusable("the node at \(holder.address) serves \(location.text)")
      }
      try lease.seize()
      return OpenStore(
        store: try PostgresStore(database, lease: lease, isUnlimited: true), queries: PostgresQueries(database),
        release: { () throws(StoreError) in try lease.release() })
    }
  }
}
