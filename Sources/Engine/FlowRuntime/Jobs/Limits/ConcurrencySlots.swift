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
    var running = 0
    /// The waiting jobs from `head` on, the first one first. Withdrawn jobs are skipped when it is their turn.
    var waiting: [Int64] = []
    var head = 0
  }

  private struct Position {
    var name: Name
    var isRunning: Bool
  }

  /// The state of the restoration after a start or an abandoned batch.
  enum Restoration {
    /// The running attempts are not counted yet.
    case counting
    /// Waiting jobs with higher numbers than this one have not been made due yet.
    case waking(after: Int64)
    case done
  }

  private var slots: [Name: Slot] = [:]
  private var jobs: [Int64: Position] = [:]
  /// The actions with a limit in any loaded program.
  private var actions: Set<String> = []
  var restoration = Restoration.counting
  /// The jobs whose turn it has become during a claim, in their order; nil outside of one.
  var granted: [Int64]?

  var hasLimits: Bool { !actions.isEmpty }

  func isLimited(_ action: String) -> Bool { actions.contains(action) }

  /// Records an action with a limit. Attempts of it that already run are counted.
  mutating func add(_ action: String) {
    guard actions.insert(action).inserted else { return }
    restoration = .counting
  }

  /// Forgets everything, to be restored from the store.
  mutating func reset() {
    slots = [:]
    jobs = [:]
    restoration = .counting
  }

  /// Counts a running attempt, also above the limit.
  mutating func count(_ job: Int64, as name: Name, limit: Int) {
    guard jobs[job] == nil else { return }
    jobs[job] = Position(name: name, isRunning: true)
    slots[name, default: Slot(count: limit)].running += 1
  }

  /// Takes a slot for the attempt of a job, or queues the job.
  /// - Returns: True if the attempt may run.
  mutating func take(_ job: Int64, as name: Name, limit: Int) -> Bool {
    if let known = jobs[job] { return known.isRunning }
    var slot = slots[name] ?? Slot(count: limit)
    slot.count = limit
    let isFree = slot.running < limit && slot.head == slot.waiting.count
    if isFree { slot.running += 1 } else { slot.waiting.append(job) }
    jobs[job] = Position(name: name, isRunning: isFree)
    slots[name] = slot
    return isFree
  }

  /// Ends the attempt of a job, or its wait.
  /// - Returns: The jobs whose turn it is now; each has its slot. Usually one.
  mutating func release(_ job: Int64) -> [Int64] {
    guard let known = jobs.removeValue(forKey: job), known.isRunning, var slot = slots[known.name] else { return [] }
    slot.running -= 1
    var next: [Int64] = []
    while slot.running < slot.count, let waiting = dequeue(from: &slot, known.name) {
      jobs[waiting] = Position(name: known.name, isRunning: true)
      slot.running += 1
      next.append(waiting)
      granted?.append(waiting)
    }
    slots[known.name] = slot.running == 0 ? nil : slot
    return next
  }

  private func dequeue(from slot: inout Slot, _ name: Name) -> Int64? {
    while slot.head < slot.waiting.count {
      let job = slot.waiting[slot.head]
      slot.head += 1
      if slot.head > 64, slot.head * 2 > slot.waiting.count {
        slot.waiting.removeFirst(slot.head)
        slot.head = 0
      }
      if let position = jobs[job], position.name == name, !position.isRunning { return job }
    }
    return nil
  }
}
