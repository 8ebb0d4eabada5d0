/// The due jobs of the engine, and those in progress at a runner.
struct JobScheduler {
  /// Committed jobs that a runner may execute, in the order of their numbers.
  private var ready = ReadyJobs()
  private var inFlight: Set<Int64> = []
  /// The starts of running attempts by their job, also those of outside workers, in milliseconds since 1970. They are
  /// unknown after a restart.
  private var starts: [Int64: Int64] = [:]
  /// The instant at which the store has to be queried for jobs again, in milliseconds since 1970; nil for never.
  private(set) var nextDue: Int64? = 0

  /// True if another job may start.
  var hasRoom: Bool { inFlight.count < Engine.maximumInFlight }
  var hasReady: Bool { !ready.isEmpty }
  /// The number of jobs that are ready to start.
  var readyCount: Int { ready.count }

  /// The jobs in progress, by number.
  var running: [Int64] { inFlight.sorted() }

  func isInFlight(_ id: Int64) -> Bool { inFlight.contains(id) }

  mutating func start(_ id: Int64, at now: Int64) {
    inFlight.insert(id)
    starts[id] = now
  }

  mutating func end(_ id: Int64) {
    inFlight.remove(id)
    starts[id] = nil
  }

  /// Records that an outside worker has begun an attempt.
  mutating func recordClaim(_ id: Int64, at now: Int64) { starts[id] = now }

  /// The start of the running attempt of a job, in milliseconds since 1970; nil when it is not known.
  func start(of id: Int64) -> Int64? { starts[id] }

  /// Schedules a query for all due jobs, after an abandoned batch.
  mutating func rereadStore() { nextDue = 0 }

  /// Adds the jobs that were just committed: those that are due now, and the due times of the others.
  /// - Parameter removed: The jobs that have ended or were withdrawn; they do not start any more.
  mutating func schedule(_ rows: [Int64: JobRow], removed: Set<Int64>, at now: Int64) {
    for id in removed { ready.remove(id) }
    var due: [JobRow] = []
    for row in rows.values where row.queue == nil && !inFlight.contains(row.id) {
      // An earlier version of the row does not start, and neither does a call that another node runs.
      ready.remove(row.id)
      guard let instant = row.due.instant else { continue }
      if instant <= now { due.append(row) } else { nextDue = min(nextDue ?? .max, instant) }
    }
    guard !due.isEmpty else { return }
    ready.append(due.sorted { $0.id < $1.id })
  }

  /// The number of rows to query from the store; nil when nothing new can be due.
  func rowsWanted(at now: Int64) -> Int? {
    guard let nextDue, nextDue <= now, ready.count < Engine.maximumInFlight else { return nil }
    // Those in flight are also due, and their rows still exist.
    return 2 * Engine.maximumInFlight + inFlight.count
  }

  /// Adds rows of the store that are due.
  /// - Parameter nextDue: The first due time of all others.
  mutating func add(_ rows: [JobRow]) {
    ready.append(rows.filter { !ready.contains($0.id) && !inFlight.contains($0.id) && $0.lease == 0 })
  }

  mutating func setNextDue(_ instant: Int64?) { nextDue = instant }

  /// Removes the jobs that may start now.
  /// - Parameter limit: The maximum number of jobs in progress.
  mutating func dequeue(upTo limit: Int) -> [JobRow] { ready.removeFirst(max(limit - inFlight.count, 0)) }

  /// Removes the first ready jobs, for another node.
  mutating func dequeue(atMost count: Int) -> [JobRow] { ready.removeFirst(count) }

  /// Returns jobs that have to wait for the next batch.
  mutating func putBack(_ rows: [JobRow]) { ready.prepend(rows) }
}
