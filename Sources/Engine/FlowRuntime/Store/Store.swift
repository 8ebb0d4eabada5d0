/// The durable state of an engine. One thread owns a store and is its only writer.
public protocol Store: InstanceStore, JobStore, JournalStore, DeploymentStore, MaintainedStore {
  /// Writes a batch in one transaction. Returns when it is durable.
  /// - Throws: `.fatal` when the state on the disk is unknown.
  func commit(_ batch: StoreBatch) throws(StoreError)

  /// Verifies that the files of the store are still those that were opened.
  /// - Throws: `.fatal` when they have been deleted or replaced.
  func verify() throws(StoreError)

  /// Confirms that this process may still answer from its memory. Called before the answers of a batch that writes
  /// nothing, because a commit confirms it by itself.
  /// - Throws: `.fatal` when another process may have written to the store.
  func confirmOwnership() throws(StoreError)
}

extension Store {
  /// Succeeds: for stores that exclude other processes for as long as they are open.
  /// - Throws: Nothing.
  public func confirmOwnership() throws(StoreError) {}
}

/// Instances and their timers.
public protocol InstanceStore: AnyObject {
  func instance(flow: String, key: String) throws(StoreError) -> InstanceRow?
  func instance(id: Int64) throws(StoreError) -> InstanceRow?

  /// The items of the calls over lists of an instance, by call and position.
  func items(instance: Int64) throws(StoreError) -> [ItemRow]

  /// The numbers of the running and suspended instances of a flow, in ascending order.
  /// - Parameters:
  ///   - after: The number after which the page starts.
  ///   - last: The last number.
  ///   - limit: The number of instances of a page.
  ///   - visits: The number of instances of all flows, of either status, that the page visits at most.
  func runningInstances(
    of flow: String, after: Int64, upTo last: Int64, limit: Int, visiting visits: Int
  ) throws(StoreError) -> InstancePage

  /// The record of an archived instance.
  func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone?

  /// The timers that are due, earliest first.
  func dueTimers(at now: Int64, limit: Int) throws(StoreError) -> [TimerRow]
  /// The earliest due time of a timer after an instant.
  func nextTimer(after now: Int64) throws(StoreError) -> Int64?
}

/// Jobs, dead letters, results of work that is done once, and the throttles of actions.
public protocol JobStore: AnyObject {
  /// The due jobs without a valid lease, those with the highest priority first, and of these the earliest: those of one
  /// queue of external workers, or the engine's own.
  func dueJobs(queue: String?, at now: Int64, limit: Int) throws(StoreError) -> [JobRow]
  /// The due jobs of a queue whose instances belong to `flows`, in the same order.
  func dueJobs(queue: String, of flows: Set<String>, at now: Int64, limit: Int) throws(StoreError) -> [JobRow]
  func job(id: Int64) throws(StoreError) -> JobRow?
  /// The jobs of an instance, by number.
  func jobs(instance: Int64) throws(StoreError) -> [JobRow]
  /// The jobs with a key of work that is done once, by number.
  func jobs(once: String) throws(StoreError) -> [JobRow]
  /// The jobs that wait for their turn under a limit, with numbers higher than `number`, by number.
  func waitingJobs(after number: Int64, limit: Int) throws(StoreError) -> [JobRow]
  /// The earliest due time of the engine's own jobs after an instant; nil when none is due by the clock.
  func nextJob(after now: Int64) throws(StoreError) -> Int64?

  /// The claimed jobs with expired leases, earliest first.
  func expiredLeases(at now: Int64, limit: Int) throws(StoreError) -> [JobRow]
  /// The earliest end of a lease after an instant, in milliseconds since 1970.
  func nextLease(after now: Int64) throws(StoreError) -> Int64?
  /// The earliest due time of the jobs of a queue after an instant.
  func nextJob(queue: String, after now: Int64) throws(StoreError) -> Int64?
  /// The last recorded completion of a claimed job.
  func completion(job: Int64) throws(StoreError) -> CompletionRow?

  /// The dead letter of a job.
  func dead(id: Int64) throws(StoreError) -> DeadRow?
  /// The numbers of the dead letters of messages, the oldest first.
  func deadMessages() throws(StoreError) -> [Int64]

  /// The result of work that is done once for a key.
  func once(key: String) throws(StoreError) -> OnceRow?

  /// The stored throttle of an action as JSON; nil before the first attempt.
  func throttle(action: String) throws(StoreError) -> [UInt8]?
  /// The number of the engine's due jobs of an action with numbers up to `last`; at most `limit`.
  func countJobs(action: String, upTo last: Int64, due now: Int64, limit: Int) throws(StoreError) -> Int
}

/// The journal, and the idempotency records that refer to it.
public protocol JournalStore: AnyObject {
  func counters() throws(StoreError) -> StoreCounters

  /// An entry of the journal.
  func entry(sequence: Int64) throws(StoreError) -> JournalEntry?

  /// The record of an idempotency key.
  func answer(scope: String, key: String) throws(StoreError) -> IdempotencyRow?
}

/// Programs and their deployments.
public protocol DeploymentStore: AnyObject {
  /// The last deployment of each flow.
  func deployments() throws(StoreError) -> [DeploymentRow]
  /// The scheduled starts.
  func schedules() throws(StoreError) -> [ScheduleRow]
  /// The IR of a program, by its hash.
  func definition(hash: String) throws(StoreError) -> [UInt8]?
  /// Returns true if a flow was ever served from a program.
  func wasServed(flow: String, definition: String) throws(StoreError) -> Bool
}

/// The highest assigned numbers; 0 when none was assigned.
public struct StoreCounters: Hashable, Sendable {
  public var sequence: Int64
  public var instance: Int64
  public var job: Int64
  /// The unique identity of this store; empty in a new one.
  public var identity: String
  /// The number of times the store was restored from a backup.
  public var epoch: Int

  public init(sequence: Int64 = 0, instance: Int64 = 0, job: Int64 = 0, identity: String = "", epoch: Int = 0) {
    self.epoch = epoch
    self.sequence = sequence
    self.instance = instance
    self.job = job
    self.identity = identity
  }
}
