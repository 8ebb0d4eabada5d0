/// Reads committed state, from any thread. All queries throw `StoreError` when the store cannot be read.
public protocol Queries: InstanceQueries, JournalQueries, JobQueries, DeploymentQueries {
  /// The number of waiting timers and jobs, and the size of the store.
  func extent() throws(StoreError) -> StoreSize
  /// The epoch of the journal, which changes with a restore from a backup.
  func epoch() throws(StoreError) -> String
}

/// Reads instances.
public protocol InstanceQueries: Sendable {
  func instance(flow: String, key: String) throws(StoreError) -> InstanceRow?
  /// The items of the calls over lists of an instance, by call and position.
  func items(instance: Int64) throws(StoreError) -> [ItemRow]
  /// Instances by number.
  /// - Parameter after: The number after which the list starts; nil for the first.
  func instances(_ filter: InstanceFilter, after: Int64?, limit: Int) throws(StoreError) -> RowPage<InstanceRow>
  /// The record of an archived instance.
  func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone?
  /// The number of instances of a flow, or of all, by state.
  func population(flow: String?) throws(StoreError) -> [InstanceCounts]
}

/// Reads the journal.
public protocol JournalQueries: Sendable {
  /// The entries of an instance after a sequence number.
  func history(instance: Int64, after: Int64, limit: Int) throws(StoreError) -> RowPage<JournalEntry>
  /// The snapshot at the start of an instance's history; nil when the history is complete.
  func beginning(instance: Int64) throws(StoreError) -> InstanceSnapshot?
  /// The newest sequence number; 0 in an empty journal.
  func lastSequence() throws(StoreError) -> Int64
  /// The entries of all instances after a sequence number.
  func journal(after: Int64, limit: Int) throws(StoreError) -> RowPage<JournalEntry>
  /// The first sequence number from which on the journal is complete; 1 when nothing was archived.
  func keptFrom() throws(StoreError) -> Int64
  /// The positions up to which publications have published the journal, by name.
  func cursors() throws(StoreError) -> [String: Int64]
}

/// Reads jobs and dead letters.
public protocol JobQueries: Sendable {
  /// The jobs of an instance that have not ended.
  func jobs(instance: Int64) throws(StoreError) -> [JobRow]
  /// The operations on many instances by number, as JSON.
  func bulkOperations() throws(StoreError) -> [Int64: [UInt8]]
  /// Dead letters by the number of their job, after a number.
  /// - Parameters:
  ///   - flow: The flow of the jobs; nil for all.
  ///   - queues: The queues whose messages are listed with a flow, as `JobRow.queue` names them.
  func deadLetters(
    flow: String?, queues: [String], after: Int64, limit: Int
  ) throws(StoreError) -> RowPage<DeadLetter>
  /// The jobs of all instances that have not ended, by number, after a number.
  func jobs(flow: String?, after: Int64, limit: Int) throws(StoreError) -> RowPage<PendingJob>
}

extension JobQueries {
  /// Dead letters by the number of their job, after a number; with a flow those of its jobs only.
  /// - Throws: `StoreError` when the store can't be read.
  public func deadLetters(flow: String?, after: Int64, limit: Int) throws(StoreError) -> RowPage<DeadLetter> {
    try deadLetters(flow: flow, queues: [], after: after, limit: limit)
  }
}

/// Reads programs.
public protocol DeploymentQueries: Sendable {
  /// The last deployment of each flow.
  func deployments() throws(StoreError) -> [DeploymentRow]
  /// The IR of a program, by its hash.
  func definition(hash: String) throws(StoreError) -> [UInt8]?
  /// The programs from which a flow was ever served, oldest first.
  func versions(flow: String) throws(StoreError) -> [VersionRow]
  /// The source files of a program; nil when they were not stored.
  func source(hash: String) throws(StoreError) -> [SourceText]?
  /// The next run of each scheduled start.
  func schedules() throws(StoreError) -> [ScheduleRow]
}

/// The number of instances in the same states of the same version.
public struct InstanceCounts: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  public var status: InstanceStatus
  /// The innermost active states, as paths.
  public var states: [String]
  public var count: Int
  /// The last change of the least recently changed instance, in milliseconds since 1970.
  public var oldest: Int64

  public init(
    flow: String, definition: String, status: InstanceStatus, states: [String], count: Int, oldest: Int64
  ) {
    self.flow = flow
    self.definition = definition
    self.status = status
    self.states = states
    self.count = count
    self.oldest = oldest
  }
}

/// A job with the flow and the key of its instance.
public struct PendingJob: Hashable, Sendable {
  public var flow: String
  public var key: String
  public var row: JobRow

  public init(flow: String, key: String, row: JobRow) {
    self.flow = flow
    self.key = key
    self.row = row
  }
}

/// A dead letter with the flow and the key of its instance, which are empty for the message of a broker.
public struct DeadLetter: Hashable, Sendable {
  public var flow: String
  public var key: String
  public var row: DeadRow

  public init(flow: String, key: String, row: DeadRow) {
    self.flow = flow
    self.key = key
    self.row = row
  }
}

/// The size of a store.
public struct StoreSize: Hashable, Sendable {
  public var timers: Int
  public var jobs: Int
  public var deadLetters: Int
  /// The number of instances with an incident.
  public var incidents: Int
  /// The size of the file in bytes, and its unused part.
  public var bytes: Int64
  public var freeBytes: Int64

  public init(timers: Int, jobs: Int, deadLetters: Int, incidents: Int, bytes: Int64, freeBytes: Int64) {
    self.timers = timers
    self.jobs = jobs
    self.deadLetters = deadLetters
    self.incidents = incidents
    self.bytes = bytes
    self.freeBytes = freeBytes
  }
}
