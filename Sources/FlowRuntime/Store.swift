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

  /// What an idempotency key was used for.
  func answer(scope: String, key: String) throws(StoreError) -> AnswerRow?

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

  /// The IR of a version, by its hash.
  func definition(hash: String) throws(StoreError) -> [UInt8]?

  func counters() throws(StoreError) -> StoreCounters

  /// Does what can be done while nothing waits: moving the log into the file, forgetting old keys.
  func maintain(now: Int64) throws(StoreError)
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
  /// The jobs of an instance that have not ended, by their number.
  func jobs(instance: Int64) throws(StoreError) -> [JobRow]
  /// Work whose tries are spent, by its number, from behind `after`.
  func deadLetters(flow: String?, after: Int64, limit: Int) throws(StoreError) -> [DeadLetter]
  /// How many instances there are, by flow, status and states.
  func instanceCounts(flow: String?) throws(StoreError) -> [InstanceCount]
  func workCount() throws(StoreError) -> WorkCount
  /// The IR of a version, by its hash.
  func definition(hash: String) throws(StoreError) -> [UInt8]?
  /// What happened to an instance, from behind a sequence number.
  func history(instance: Int64, after: Int64, limit: Int) throws(StoreError) -> [JournalEntry]
  /// The newest sequence number; 0 when nothing has happened.
  func lastSequence() throws(StoreError) -> Int64
  func journalSpan() throws(StoreError) -> JournalSpan
  /// What happened at all, from behind a sequence number.
  func journal(after: Int64, limit: Int) throws(StoreError) -> [JournalEntry]
}
