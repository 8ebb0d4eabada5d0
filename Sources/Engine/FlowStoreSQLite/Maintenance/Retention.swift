import FlowRuntime

// The sizes of the pieces in which a store on SQLite enforces its retention periods.
extension Retention {
  /// The largest number of instances that are archived in one transaction.
  static let largestBatch = 200
  /// The number of unused pages that one piece of maintenance returns to the file system.
  static let pagesAtOnce: Int64 = 64
  /// The number of journal entries that one piece of maintenance visits, to find instances with many.
  static let visitsAtOnce = 500
  /// The number of snapshots that one piece of maintenance makes the beginning of a history.
  static let foldsAtOnce = 20
  /// The number of rows that one piece of maintenance removes from tables of expired records.
  static let expiredAtOnce = 500
  /// The number of snapshots that an instance may have in the time that entries are kept, and the number of steps
  /// between two of them after which another one is taken sooner.
  static let snapshotsPerPeriod: Int64 = 8
  static let longestFold: Int64 = 1000
}
