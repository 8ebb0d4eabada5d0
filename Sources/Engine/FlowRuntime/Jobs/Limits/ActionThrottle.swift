import FlowIR
import FlowJSON

/// Enforces that no period contains more starts than the limit allows, also across restarts.
///
/// It stores as many instants as a period allows: a job may start no sooner than a period after the start that many
/// positions before it. An instant is given to a job that waits when it comes, and not before: then the job with the
/// highest priority gets it.
struct ActionThrottle {
  /// The number of parts of a period that a stored throttle distinguishes, and the number of times in a period of
  /// constant use that it is stored.
  static let grain = 16

  let limit: RateLimit
  /// The instants of the last starts, and those that were given to jobs.
  private var started: InstantRing
  private var given: InstantRing
  private var waiting = JobQueue()
  /// The priorities of the jobs that were given an instant and have not started.
  private var turns: [Int64: Int64] = [:]
  /// The number of starts since the throttle was last stored.
  var unsaved = 0

  init(_ limit: RateLimit) {
    self.limit = limit
    started = InstantRing(limit.count)
    given = InstantRing(limit.count)
  }

  /// True if the next start has to wait until the throttle is stored.
  var mustBeSaved: Bool { unsaved >= ActionThrottle.maximumUnsaved(limit) }

  /// The number of starts that may be missing in the store when the process ends.
  static func maximumUnsaved(_ limit: RateLimit) -> Int { max(limit.count / grain, 1) }

  /// True if no start of the last period counts, and no job waits.
  func isIdle(at now: Int64) -> Bool {
    guard waiting.isEmpty else { return false }
    let latest = max(started.instants.last ?? .min, given.instants.last ?? .min)
    return latest < now - limit.periodMilliseconds
  }

  /// Records a start, if it is allowed now. A job that may not start waits.
  mutating func start(_ row: JobRow, at now: Int64, _ order: LimitOrder) -> Bool {
    let period = limit.periodMilliseconds
    var hasTurn = turns.removeValue(forKey: row.id) != nil
    if !hasTurn, let other = turns.min(by: { ($0.value, -$0.key) < ($1.value, -$1.key) }), other.value < row.priority {
      // The instant was given away before this job was asked.
      turns[other.key] = nil
      waiting.prepend(other.key, priority: other.value)
      hasTurn = true
    }
    let isNext =
      hasTurn
      || order != .unknown && waiting.isFirst(row, byNumber: order == .byNumber) && given.free(now, period) <= now
    guard isNext, started.free(now, period) <= now else {
      wait(row, order, isFirst: hasTurn)
      return false
    }
    if !hasTurn { given.add(now) }
    waiting.remove(row.id)
    started.add(now)
    unsaved += 1
    return true
  }

  private mutating func wait(_ row: JobRow, _ order: LimitOrder, isFirst: Bool) {
    if isFirst {
      waiting.prepend(row.id, priority: row.priority)
    } else if order == .byArrival {
      waiting.append(row.id, priority: row.priority)
    } else {
      waiting.restore(row.id, priority: row.priority)
    }
  }

  // MARK: - Waiting

  /// Queues a job that waits, as it did before a restart.
  mutating func wait(_ row: JobRow) {
    guard turns[row.id] == nil, !waiting.contains(row.id) else { return }
    waiting.restore(row.id, priority: row.priority)
  }

  /// The next instant for a job that waits; nil when none waits.
  func nextTurn(at now: Int64) -> Int64? {
    guard !waiting.isEmpty else { return nil }
    let period = limit.periodMilliseconds
    return max(given.free(now, period), started.free(now, period))
  }

  /// Gives the current instant to the job whose turn it is; nil when none waits, or none may start.
  mutating func dequeue(at now: Int64) -> Int64? {
    guard let turn = nextTurn(at: now), turn <= now, let (job, priority) = waiting.removeFirst() else { return nil }
    given.add(now)
    turns[job] = priority
    return job
  }

  /// Removes a job that waits.
  mutating func release(_ job: Int64) {
    waiting.remove(job)
    turns[job] = nil
  }

  /// Removes all jobs that wait.
  mutating func releaseAll() {
    waiting = JobQueue()
    turns = [:]
  }

  /// The throttle with another limit.
  func adapted(to limit: RateLimit) -> ActionThrottle {
    var made = ActionThrottle(limit)
    for instant in started.instants { made.started.add(instant) }
    for instant in given.instants { made.given.add(instant) }
    made.unsaved = unsaved
    made.waiting = waiting
    made.turns = turns
    return made
  }

  // MARK: - Storing

  /// The starts of the last period, rounded up: `[[instant, count], …]`.
  func json(at now: Int64) -> JSON {
    let part = max(limit.periodMilliseconds / Int64(ActionThrottle.grain), 1)
    var blocks: [(first: Int64, last: Int64, count: Int)] = []
    for instant in started.instants where instant > now - limit.periodMilliseconds {
      if let block = blocks.last, instant - block.first < part {
        blocks[blocks.count - 1] = (block.first, instant, block.count + 1)
      } else {
        blocks.append((instant, instant, 1))
      }
    }
    return .array(blocks.map { [.int($0.last), .int(Int64($0.count))] })
  }

  /// Restores a stored throttle.
  /// - Parameter lost: The number of starts that may have happened since, at any time up to now.
  init(_ limit: RateLimit, stored: JSON, lost: Int, now: Int64) {
    self.init(limit)
    for block in stored.array ?? [] {
      guard let parts = block.array, parts.count == 2, let instant = parts[0].int, let count = parts[1].int else {
        continue
      }
      // A clock that was set back must not block jobs indefinitely.
      for _ in 0..<min(count, limit.count) { restore(min(Int64(instant), now)) }
    }
    for _ in 0..<min(lost, limit.count) { restore(now) }
  }

  private mutating func restore(_ instant: Int64) {
    started.add(instant)
    given.add(instant)
  }
}

/// The last instants of many.
private struct InstantRing {
  private let size: Int
  private var stored: [Int64] = []
  private var next = 0

  init(_ size: Int) { self.size = max(size, 1) }

  /// Oldest first.
  var instants: [Int64] { Array(stored[next...] + stored[..<next]) }

  mutating func add(_ instant: Int64) {
    guard stored.count == size else { return stored.append(instant) }
    stored[next] = instant
    next = (next + 1) % size
  }

  /// The first instant, `now` at the earliest, that is a period after the oldest of them when the limit is reached.
  func free(_ now: Int64, _ period: Int64) -> Int64 {
    // Waiting jobs keep their order, also below the limit.
    let newest = stored.isEmpty ? now : max(stored[(next + stored.count - 1) % stored.count], now)
    guard stored.count == size else { return newest }
    let (free, overflow) = stored[next].addingReportingOverflow(period)
    return overflow ? newest : max(newest, free)
  }
}
