/// An instance as a store keeps it.
public struct InstanceRow: Hashable, Sendable {
  public var id: Int64
  public var flow: String
  public var key: String
  /// The hash of the program that it runs.
  public var definition: String
  /// 0 running, 1 done, 2 failed, 3 cancelled, 4 suspended.
  public var status: Int
  public var revision: Int
  /// Milliseconds since 1970.
  public var startedAt: Int64
  public var updatedAt: Int64
  /// Where it is, as JSON.
  public var position: [UInt8]
  /// What it knows, as JSON.
  public var data: [UInt8]
  /// Why its last timer or result could not be taken; empty when nothing is wrong.
  public var incident: String

  public init(
    id: Int64, flow: String, key: String, definition: String, status: Int, revision: Int, startedAt: Int64,
    updatedAt: Int64, position: [UInt8], data: [UInt8], incident: String = ""
  ) {
    self.id = id
    self.flow = flow
    self.key = key
    self.definition = definition
    self.status = status
    self.revision = revision
    self.startedAt = startedAt
    self.updatedAt = updatedAt
    self.position = position
    self.data = data
    self.incident = incident
  }
}

extension InstanceRow {
  public static let cancelled = 3
  public static let suspended = 4
  /// The statuses by their numbers.
  public static let statusNames = ["running", "done", "failed", "cancelled", "suspended"]

  public var statusName: String {
    InstanceRow.statusNames.indices.contains(status) ? InstanceRow.statusNames[status] : "unknown"
  }
  /// Whether nothing more can happen to it.
  public var hasEnded: Bool { 1...3 ~= status }
}

/// What an instance was at some time: what its history begins with, when the entries up to then were archived.
public struct InstanceSnapshot: Hashable, Sendable {
  public var instance: Int64
  /// The place of the last entry that has led to it.
  public var sequence: Int64
  /// When it was taken, in milliseconds since 1970.
  public var at: Int64
  /// The hash of the program that it ran.
  public var definition: String
  public var status: Int
  public var revision: Int
  public var startedAt: Int64
  /// Where it was and what it knew, as ``InstanceRow`` has them.
  public var position: [UInt8]
  public var data: [UInt8]

  public init(
    instance: Int64, sequence: Int64, at: Int64, definition: String, status: Int, revision: Int, startedAt: Int64,
    position: [UInt8], data: [UInt8]
  ) {
    self.instance = instance
    self.sequence = sequence
    self.at = at
    self.definition = definition
    self.status = status
    self.revision = revision
    self.startedAt = startedAt
    self.position = position
    self.data = data
  }
}

/// That there was an instance, when all else of it has been archived.
public struct Tombstone: Hashable, Sendable {
  public var status: Int
  /// Milliseconds since 1970.
  public var endedAt: Int64

  public init(status: Int, endedAt: Int64) {
    self.status = status
    self.endedAt = endedAt
  }
}

/// Which program the new instances of a flow run.
public struct DeploymentRow: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  /// `files` or `api`.
  public var origin: String
  /// Milliseconds since 1970.
  public var at: Int64
  public var isRetired: Bool

  public init(flow: String, definition: String, origin: String, at: Int64, isRetired: Bool) {
    self.flow = flow
    self.definition = definition
    self.origin = origin
    self.at = at
    self.isRetired = isRetired
  }
}

/// When a scheduled start of a flow falls due next.
public struct ScheduleRow: Hashable, Sendable {
  public var flow: String
  /// The index of the start in its flow.
  public var start: Int
  /// The hash of the program that says so.
  public var definition: String
  /// Milliseconds since 1970.
  public var due: Int64

  public init(flow: String, start: Int, definition: String, due: Int64) {
    self.flow = flow
    self.start = start
    self.definition = definition
    self.due = due
  }
}

/// That an idempotency key was used, and for what.
public struct IdempotencyRow: Hashable, Sendable {
  public var scope: String
  public var key: String
  /// A digest of what was asked.
  public var digest: Int64
  /// The journal entry of the step, from which the answer can be given again.
  public var sequence: Int64
  public var at: Int64

  public init(scope: String, key: String, digest: Int64, sequence: Int64, at: Int64) {
    self.scope = scope
    self.key = key
    self.digest = digest
    self.sequence = sequence
    self.at = at
  }
}

/// What names a timer.
public struct TimerID: Hashable, Sendable {
  public var instance: Int64
  public var transition: Int
  /// The revision in which it was armed.
  public var armed: Int

  public init(instance: Int64, transition: Int, armed: Int) {
    self.instance = instance
    self.transition = transition
    self.armed = armed
  }
}

/// A timer of an instance.
public struct TimerRow: Hashable, Sendable {
  public var id: TimerID
  public var due: Int64

  public init(id: TimerID, due: Int64) {
    self.id = id
    self.due = due
  }
}

/// Work that has not ended.
public struct JobRow: Hashable, Sendable {
  public var id: Int64
  public var instance: Int64
  /// The step that asked for it, and its place there.
  public var revision: Int
  public var number: Int
  public var action: String
  /// The queue of outside workers; nil for the engine's own runners.
  public var queue: String?
  /// The index of the call that waits; nil for work that is forgotten about.
  public var call: Int?
  /// The key of work that is done once. All but the first with a key wait for it, never due themselves.
  public var once: String?
  /// Tries that have ended.
  public var attempt: Int
  public var due: Int64
  /// When the lease of an outside worker ends; 0 without one.
  public var lease: Int64
  /// Counts the leases, so that the holder of an old one is known.
  public var fence: Int
  /// The arguments, as JSON.
  public var arguments: [UInt8]
  /// How the work has ended, as JSON, while its instance could not take that yet; empty before.
  public var outcome: [UInt8]
  /// The tries that have failed, the newest last, as a JSON list; empty before the first.
  public var failures: [UInt8]

  public init(
    id: Int64, instance: Int64, revision: Int, number: Int, action: String, queue: String?, call: Int?, once: String?,
    attempt: Int = 0, due: Int64, lease: Int64 = 0, fence: Int = 0, arguments: [UInt8], outcome: [UInt8] = [],
    failures: [UInt8] = []
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
    self.arguments = arguments
    self.outcome = outcome
    self.failures = failures
  }
}

/// Work whose tries are spent.
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

/// Work that is done at most once for a key. Without an outcome it is under way.
public struct OnceRow: Hashable, Sendable {
  public var key: String
  /// The job that does it.
  public var job: Int64
  /// The result as JSON; empty while it is under way.
  public var outcome: [UInt8]

  public init(key: String, job: Int64, outcome: [UInt8]) {
    self.key = key
    self.job = job
    self.outcome = outcome
  }
}

/// What names a scheduled start.
public struct ScheduleID: Hashable, Sendable {
  public var flow: String
  public var start: Int

  public init(flow: String, start: Int) {
    self.flow = flow
    self.start = start
  }
}
