/// The attempts of actions with a limit `at once` that are running, and the jobs that wait for one of them to end.
///
/// Attempts of the engine's own runners end with the process, and those of outside workers are leases in the store, so
/// that nothing else is stored: a waiting job is a row that is due when it is its turn.
struct ConcurrencySlots {
  /// The action of a limit, and the value of its `per`; empty without one.
  struct Name: Hashable {
    var action: String
    var key: String
  }

  private struct Slot {
    var count: Int
    /// The number of attempts that run, or may start.
    var taken = 0
    /// The priorities of the jobs that have a slot and have not started.
    var granted: [Int64: Int64] = [:]
    var waiting = JobQueue()

    mutating func take(_ row: JobRow, _ order: LimitOrder) -> Bool {
      if taken < count, order != .unknown, waiting.isFirst(row, byNumber: order == .byNumber) {
        taken += 1
        return true
      }
      // The slot was given away before this job was asked.
      if let other = granted.min(by: { ($0.value, -$0.key) < ($1.value, -$1.key) }), other.value < row.priority {
        granted[other.key] = nil
        waiting.prepend(other.key, priority: other.value)
        return true
      }
      switch order {
      case .byArrival: waiting.append(row.id, priority: row.priority)
      case .byNumber, .unknown: waiting.restore(row.id, priority: row.priority)
      }
      return false
    }

    /// Gives a free slot to the job whose turn it is.
    mutating func grant() -> Int64? {
      guard taken < count, let (job, priority) = waiting.removeFirst() else { return nil }
      taken += 1
      granted[job] = priority
      return job
    }
  }

  private var slots: [Name: Slot] = [:]
  /// The limit of each job that runs, may start or waits.
  private var names: [Int64: Name] = [:]
  /// The actions with a limit in any loaded program.
  private var actions: Set<String> = []

  var hasLimits: Bool { !actions.isEmpty }

  func isLimited(_ action: String) -> Bool { actions.contains(action) }

  /// Records an action with a limit.
  /// - Returns: False when it was known; attempts of a new one may already run.
  mutating func add(_ action: String) -> Bool { actions.insert(action).inserted }

  /// Forgets everything, to be restored from the store.
  mutating func reset() {
    slots = [:]
    names = [:]
  }

  /// Counts a running attempt, also above the limit.
  mutating func count(_ job: Int64, as name: Name, limit: Int) {
    guard names[job] == nil else { return }
    names[job] = name
    slots[name, default: Slot(count: limit)].taken += 1
  }

  /// Takes a slot for the attempt of a job, or queues the job.
  /// - Returns: True if the attempt may run.
  mutating func take(_ row: JobRow, as name: Name, limit: Int, _ order: LimitOrder) -> Bool {
    slots[name, default: Slot(count: limit)].count = limit
    if names[row.id] == name {
      slots[name]?.granted[row.id] = nil
      return slots[name]?.waiting.contains(row.id) == false
    }
    names[row.id] = name
    return slots[name]?.take(row, order) ?? true
  }

  /// Queues a job that waits, as it did before a restart.
  mutating func wait(_ row: JobRow, as name: Name, limit: Int) {
    slots[name, default: Slot(count: limit)].count = limit
    guard names[row.id] == nil else { return }
    names[row.id] = name
    slots[name]?.waiting.restore(row.id, priority: row.priority)
  }

  /// Ends the attempt of a job, or its wait.
  /// - Returns: The jobs whose turn it is now; each has its slot. Usually one.
  mutating func release(_ job: Int64) -> [Int64] {
    guard let name = names.removeValue(forKey: job) else { return [] }
    slots[name]?.granted[job] = nil
    if slots[name]?.waiting.remove(job) == true { return [] }
    slots[name]?.taken -= 1
    return grant(name)
  }

  /// Gives all free slots to waiting jobs.
  /// - Returns: The jobs whose turn it is now.
  mutating func grantAll() -> [Int64] { Array(slots.keys).flatMap { grant($0) } }

  private mutating func grant(_ name: Name) -> [Int64] {
    var next: [Int64] = []
    while let waiting = slots[name]?.grant() { next.append(waiting) }
    if let slot = slots[name], slot.taken == 0, slot.waiting.isEmpty { slots[name] = nil }
    return next
  }
}
