/// The row of a job: work that has not ended.
public struct JobRow: Hashable, Sendable {
  public var id: Int64
  public var instance: Int64
  /// The step that requested it, and its index in that step.
  public var revision: Int
  public var number: Int
  public var action: String
  /// The queue of external workers; nil for the engine's own runners.
  public var queue: String?
  /// The index of the call that waits for the result; nil when no call waits.
  public var call: Int?
  /// The key of work that is done once. All jobs with a key but the first wait for the first, and are never due.
  public var once: String?
  /// The number of attempts that have ended.
  public var attempt: Int
  public var due: JobDue
  /// Jobs with a higher priority are claimed, and get a slot of a limit, before others.
  public var priority: Int64 = 0
  /// The end of an external worker's lease, in milliseconds since 1970; 0 without a lease.
  public var lease: Int64
  /// The number of leases so far, which identifies the holder of an old one.
  public var fence: Int
  /// The self-reported name of the worker that holds the lease; nil for none.
  public var worker: String?
  /// The deadline of the attempt, which no lease exceeds, in milliseconds since 1970; 0 without one.
  public var deadline: Int64 = 0
  /// The number of the job under which the work was first requested: a different one for a redriven dead letter.
  public var origin: Int64
  /// The epoch of the store in which the work was first requested.
  public var epoch: Int
  /// The arguments, as JSON.
  public var arguments: [UInt8]
  /// The result as JSON, while the instance cannot process it; empty before.
  public var outcome: [UInt8]
  /// The failed attempts as a JSON list, the newest last; empty before the first.
  public var failures: [UInt8]

  public init(
    id: Int64, instance: Int64, revision: Int, number: Int, action: String, queue: String?, call: Int?, once: String?,
    attempt: Int = 0, due: JobDue, lease: Int64 = 0, fence: Int = 0, origin: Int64 = 0, epoch: Int = 0,
    arguments: [UInt8], outcome: [UInt8] = [], failures: [UInt8] = []
  ) {
    self.id = id
    self.instance = instance
    self.revision = revision
    self.number = number
    self.action = action
    self.queue = queue
    self.call = call
    self.once = once
    self.attempt = attempt
    self.due = due
    self.lease = lease
    self.fence = fence
    self.origin = origin
    self.epoch = epoch
    self.arguments = arguments
    self.outcome = outcome
    self.failures = failures
  }
}

/// A dead letter: work whose attempts are exhausted, or a message of a broker that was refused.
///
/// The job of a message has no instance; its action is the event, its queue the broker and the queue, its arguments are
/// the payload, and the key of work that is done once is the identifier of the message.
public struct DeadRow: Hashable, Sendable {
  public var job: JobRow
  public var at: Int64
  public var code: String
  public var message: String

  public init(job: JobRow, at: Int64, code: String, message: String) {
    self.job = job
    self.at = at
    self.code = code
    self.message = message
  }
}

/// Work that is done at most once for a key. Without an outcome it is in progress.
public struct OnceRow: Hashable, Sendable {
  public var key: String
  /// The number of the job that does it.
  public var job: Int64
  /// The result as JSON; empty while it is in progress.
  public var outcome: [UInt8]
  /// The number of results that were undone: the work that follows has another idempotency key.
  public var generation: Int

  /// True if only the generation of the key is known.
  public var isForgotten: Bool { job == 0 && outcome.isEmpty }

  public init(key: String, job: Int64, outcome: [UInt8], generation: Int = 0) {
    self.key = key
    self.job = job
    self.outcome = outcome
    self.generation = generation
  }
}

/// The completion of a claimed job, so that a repeated report receives the first answer.
public struct CompletionRow: Hashable, Sendable {
  public var job: Int64
  public var fence: Int
  /// A digest of the report.
  public var digest: Int64
  /// Milliseconds since 1970.
  public var at: Int64

  public init(job: Int64, fence: Int, digest: Int64, at: Int64) {
    self.job = job
    self.fence = fence
    self.digest = digest
    self.at = at
  }
}
