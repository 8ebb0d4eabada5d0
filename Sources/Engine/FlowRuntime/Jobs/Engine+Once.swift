import FlowJSON
import FlowMachine

// Work that is done once for a key. One job does it; all others with the key, of any instance, wait for its result.
extension Engine {
  /// Joins earlier work with the same key; the first job with a key only records that.
  /// - Returns: True if the result is already known, so that no row is needed.
  func joinOnce(_ row: inout JobRow, _ job: Job, of cached: Cached) -> Bool {
    guard let key = row.once else { return false }
    let first = onceRow(key)
    if let first, let json = try? JSON(parsing: first.outcome) {
      let outcome = decode(json, of: job.target, in: cached.version.machine)
      if job.call != nil {
        let source = ResultSource(known: job, of: cached.instance.flow, in: cached.version.machine)
        deliveries.add(
          Deliveries.KnownResult(
            instance: InstanceID(cached.row), job: job.reference, source: source, outcome: outcome))
      }
      return true
    }
    if let first, var holder = findJob(first.job) {
      guard holder.due == .onResume else {
        row.due = .onEnd
        return false
      }
      // The instance of the holder is suspended, which must not delay others: the jobs exchange their roles.
      holder.due = .onEnd
      write(holder)
    }
    setHolder(row, of: key)
    return false
  }

  func setHolder(_ row: JobRow, of key: String) {
    batch.writes.once[ExactText(key)] = OnceRow(
      key: key, job: row.id, outcome: [], generation: onceRow(key)?.generation ?? 0)
  }

  /// All jobs that wait for a key, except the one that has done the work.
  private func waiting(for key: String, except id: Int64) -> [JobRow] {
    let stored = read { () throws(StoreError) in try store.jobs(once: key) } ?? []
    let fresh = batch.writes.jobs.values.filter { $0.once == key }
    let ids = Set(stored.map(\.id)).union(fresh.map(\.id)).subtracting([id])
    return ids.sorted().compactMap { findJob($0) }
  }

  /// Transfers the work to another job: the first one whose instance is not suspended, or else none.
  /// - Returns: False when no job took the work over.
  @discardableResult
  func passOnOnce(of row: JobRow) -> Bool {
    guard let key = row.once, onceRow(key)?.job == row.id else { return false }
    let now = world.now()
    for var other in waiting(for: key, except: row.id) where other.due == .onEnd {
      guard let owner = (try? load(row: other.instance)) ?? nil, owner.row.status != .suspended else { continue }
      other.due = .at(now)
      write(other)
      setHolder(other, of: key)
      return true
    }
    return false
  }

  /// Completes the work of a key: all waiting jobs receive its result. A failure belongs to the holder and is not a
  /// result: the next job with the key does the work.
  func endOnce(of row: JobRow, result: JSON?) {
    guard let key = row.once else { return }
    let generation = onceRow(key)?.generation ?? 0
    guard let result else {
      if !passOnOnce(of: row), onceRow(key)?.job == row.id {
        resumeOnce(of: row, generation: generation)
      }
      return
    }
    batch.writes.once[ExactText(key)] = OnceRow(
      key: key, job: row.id, outcome: result.bytes(), generation: generation)
    for other in waiting(for: key, except: row.id) {
      remove(other)
      guard let waiter = loadOwner(of: other, at: world.now()) else { continue }
      let machine = waiter.version.machine
      guard let target = target(of: other, in: machine) else { continue }
      report(decode(result, of: target, in: machine), of: other, to: waiter)
    }
  }

  /// No job runs for the key: jobs of suspended instances do the work when they are resumed.
  private func resumeOnce(of row: JobRow, generation: Int) {
    guard let key = row.once else { return }
    batch.writes.once[ExactText(key)] = OnceRow(key: key, job: 0, outcome: [], generation: generation)
    guard var first = waiting(for: key, except: row.id).first else { return }
    first.due = .onResume
    write(first)
    setHolder(first, of: key)
  }

  /// Removes the result of a key whose work was undone: the next job with the key does it again, under another
  /// idempotency key.
  func forgetOnce(_ key: String) {
    guard let row = onceRow(key), !row.outcome.isEmpty else { return }
    batch.writes.once[ExactText(key)] = OnceRow(key: key, job: 0, outcome: [], generation: row.generation + 1)
  }
}
