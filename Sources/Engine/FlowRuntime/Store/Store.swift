/// Why a store could not do what it was asked.
public enum StoreError: Error, Hashable, Sendable {
  /// The disk is full, busy or unreadable; the same may work later.
  case unavailable(String)
  /// What was written may be gone: the process has to stop, and start again from what is on the disk.
  case fatal(String)
  /// The file is not a store of this version.
  case unusable(String)

  public var message: String {
    switch self {
    case .unavailable(let message), .fatal(let message), .unusable(let message): message
    }
  }
}

/// Where instances live. One thread owns a store; nobody else writes to it.
public protocol Store: AnyObject {
  /// Makes a batch durable as a whole, or changes nothing. Returns when it is on the disk.
  func commit(_ batch: StoreBatch) throws(StoreError)

  func instance(flow: String, key: String) throws(StoreError) -> InstanceRow?
  func instance(id: Int64) throws(StoreError) -> InstanceRow?

  /// What is left of an instance that was archived.
  func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone?

  /// What an idempotency key was used for.
  func answer(scope: String, key: String) throws(StoreError) -> IdempotencyRow?

  /// An entry of the journal.
  func entry(sequence: Int64) throws(StoreError) -> JournalEntry?

  /// What came of the work that was done once for a key.
  func once(key: String) throws(StoreError) -> OnceRow?

  /// The timers that are due, earliest first.
  func dueTimers(at now: Int64, limit: Int) throws(StoreError) -> [TimerRow]
  /// When the first timer after an instant is due.
  func nextTimer(after now: Int64) throws(StoreError) -> Int64?

  /// The jobs that are due and whose lease, if they had one, is over, earliest first; of one queue of outside workers,
  /// or the engine's own.
  func dueJobs(queue: String?, at now: Int64, limit: Int) throws(StoreError) -> [JobRow]
  func job(id: Int64) throws(StoreError) -> JobRow?
  /// The jobs of an instance, by their number.
  func jobs(instance: Int64) throws(StoreError) -> [JobRow]
  /// The jobs with a key of work that is done once, by their number.
  func jobs(once: String) throws(StoreError) -> [JobRow]
  /// When the first of the engine's own jobs after an instant is due.
  func nextJob(after now: Int64) throws(StoreError) -> Int64?

  /// How fast an action has gone out, as its engine has kept it; nil when it never did.
  func pace(action: String) throws(StoreError) -> [UInt8]?
  /// How many of the engine's own jobs of an action are due, of those up to a number; no more than `limit` are counted.
  func countJobs(action: String, upTo last: Int64, due now: Int64, limit: Int) throws(StoreError) -> Int

  /// Work whose tries are spent, by the number of its job.
  func dead(id: Int64) throws(StoreError) -> DeadRow?

  /// What was deployed last of each flow.
  func deployments() throws(StoreError) -> [DeploymentRow]
  /// The scheduled starts.
  func schedules() throws(StoreError) -> [ScheduleRow]

  /// The IR of a version, by its hash.
  func definition(hash: String) throws(StoreError) -> [UInt8]?

  func counters() throws(StoreError) -> StoreCounters

  /// Does a little of what can be done while nothing waits: moving the log into the file, forgetting old keys,
  /// archiving instances that have ended long ago.
  /// - Returns: Whether there is more to do, and the instances that are gone.
  func maintain(now: Int64) throws(StoreError) -> MaintenanceResult
}

/// What a little upkeep of a store has come to.
public struct MaintenanceResult: Hashable, Sendable {
  public var hasMore: Bool
  /// The numbers of the instances that were archived.
  public var archived: [Int64]

  public init(hasMore: Bool = false, archived: [Int64] = []) {
    self.hasMore = hasMore
    self.archived = archived
  }
}

/// What an engine goes on from: the highest numbers that were ever given out, 0 for none.
public struct StoreCounters: Hashable, Sendable {
  public var sequence: Int64
  public var instance: Int64
  public var job: Int64
  /// What tells this store from every other; empty in a new one.
  public var identity: String

  public init(sequence: Int64 = 0, instance: Int64 = 0, job: Int64 = 0, identity: String = "") {
    self.sequence = sequence
    self.instance = instance
    self.job = job
    self.identity = identity
  }
}

/// Reads what was committed, from any thread.
public protocol Queries: Sendable {
  func instance(flow: String, key: String) throws(StoreError) -> InstanceRow?
  /// Instances by their number, from behind `after`; nil is the beginning.
  func instances(_ filter: InstanceFilter, after: Int64?, limit: Int) throws(StoreError) -> [InstanceRow]
  /// What happened to an instance, from behind a sequence number.
  func history(instance: Int64, after: Int64, limit: Int) throws(StoreError) -> [JournalEntry]
  /// What the history of an instance begins with when what came before was archived; nil when all of it is there.
  func beginning(instance: Int64) throws(StoreError) -> InstanceSnapshot?
  /// The newest sequence number; 0 when nothing has happened.
  func lastSequence() throws(StoreError) -> Int64
  /// What happened at all, from behind a sequence number.
  func journal(after: Int64, limit: Int) throws(StoreError) -> [JournalEntry]

  /// The first sequence number from which on nothing has been archived; 1 when nothing ever was.
  func keptFrom() throws(StoreError) -> Int64
  /// What tells this store from every other, and from what it was before it was restored from a backup.
  func epoch() throws(StoreError) -> String
  /// How many instances of a flow, or of all, are where.
  func population(flow: String?) throws(StoreError) -> [InstanceCounts]
  /// Work whose tries are spent, by the number of its job, from behind `after`.
  func deadLetters(flow: String?, after: Int64, limit: Int) throws(StoreError) -> [DeadLetter]
  /// The jobs of an instance that have not ended.
  func jobs(instance: Int64) throws(StoreError) -> [JobRow]
  /// What is left of an instance that was archived.
  func tombstone(flow: String, key: String) throws(StoreError) -> Tombstone?
  /// The IR of a version, by its hash.
  func definition(hash: String) throws(StoreError) -> [UInt8]?
  /// The programs that a flow was ever served from, the oldest first.
  func versions(flow: String) throws(StoreError) -> [VersionRow]
  /// The files that a program was compiled from; nil where they were not kept.
  func source(hash: String) throws(StoreError) -> [SourceText]?
  /// How much waits, and how large the store is.
  func extent() throws(StoreError) -> StoreSize
}

/// How many instances stand in the same states of the same version.
public struct InstanceCounts: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  public var status: Int
  /// The innermost active states, as paths.
  public var states: [String]
  public var count: Int
  /// When the one was last touched that has not moved for longest, in milliseconds since 1970.
  public var oldest: Int64

  public init(flow: String, definition: String, status: Int, states: [String], count: Int, oldest: Int64) {
    self.flow = flow
    self.definition = definition
    self.status = status
    self.states = states
    self.count = count
    self.oldest = oldest
  }
}

/// A dead letter with the names of its instance.
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
  /// Bytes of the file, and of those the ones that nothing uses.
  public var bytes: Int64
  public var freeBytes: Int64

  public init(timers: Int, jobs: Int, deadLetters: Int, bytes: Int64, freeBytes: Int64) {
    self.timers = timers
    self.jobs = jobs
    self.deadLetters = deadLetters
    self.bytes = bytes
    self.freeBytes = freeBytes
  }
}
