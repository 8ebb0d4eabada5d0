/// Jobs that wait for a runner: the highest priority first, then first come first served.
struct ReadyJobs {
  private var queue = JobQueue()
  private var rows: [Int64: JobRow] = [:]

  var count: Int { queue.count }
  var isEmpty: Bool { queue.isEmpty }

  func contains(_ id: Int64) -> Bool { queue.contains(id) }

  /// Adds jobs behind the others. One that is waiting is replaced, and waits behind them, too.
  mutating func append(_ rows: [JobRow]) {
    for row in rows {
      self.rows[row.id] = row
      queue.append(row.id, priority: row.priority)
    }
  }

  /// Puts jobs in front of the others.
  mutating func prepend(_ rows: [JobRow]) {
    for row in rows.reversed() {
      self.rows[row.id] = row
      queue.prepend(row.id, priority: row.priority)
    }
  }

  /// Removes a job that no longer waits for a runner.
  mutating func remove(_ id: Int64) {
    queue.remove(id)
    rows[id] = nil
  }

  /// Removes the first jobs.
  mutating func removeFirst(_ most: Int) -> [JobRow] {
    var taken: [JobRow] = []
    while taken.count < most, let (id, _) = queue.removeFirst() {
      if let row = rows.removeValue(forKey: id) { taken.append(row) }
    }
    return taken
  }
}
