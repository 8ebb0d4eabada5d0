/// Numbers of jobs: the highest priority first, then the first one that was added. No operation costs more than
/// logarithmically in the number of jobs.
struct JobQueue {
  private struct Entry: Comparable {
    var priority: Int64
    var serial: Int
    var job: Int64

    static func < (left: Entry, right: Entry) -> Bool {
      left.priority != right.priority ? left.priority > right.priority : left.serial < right.serial
    }
  }

  /// Also those of jobs that were removed or added again.
  private var entries = Heap<Entry>()
  /// The serial number of the entry of each job.
  private var serials: [Int64: Int] = [:]
  private var lastSerial = 0
  private var firstSerial = 0

  var count: Int { serials.count }
  var isEmpty: Bool { serials.isEmpty }

  func contains(_ job: Int64) -> Bool { serials[job] != nil }

  /// Adds a job behind the others of its priority. One that is in the queue moves there.
  mutating func append(_ job: Int64, priority: Int64) {
    lastSerial += 1
    insert(Entry(priority: priority, serial: lastSerial, job: job))
  }

  /// Puts a job in front of the others of its priority.
  mutating func prepend(_ job: Int64, priority: Int64) {
    firstSerial -= 1
    insert(Entry(priority: priority, serial: firstSerial, job: job))
  }

  /// Adds a job in the order of the numbers of jobs, in front of those of its priority that are added later.
  mutating func restore(_ job: Int64, priority: Int64) {
    lastSerial = max(lastSerial, Int(job))
    insert(Entry(priority: priority, serial: Int(job), job: job))
  }

  /// True if a job goes before all others: it has a higher priority, or the same and, with `byNumber`, a lower number.
  mutating func isFirst(_ row: JobRow, byNumber: Bool) -> Bool {
    while let first = entries.first {
      guard serials[first.job] == first.serial else {
        _ = entries.popFirst()
        continue
      }
      return row.priority != first.priority ? row.priority > first.priority : byNumber && row.id < first.job
    }
    return true
  }

  /// - Returns: False when the job was not in the queue.
  @discardableResult
  mutating func remove(_ job: Int64) -> Bool {
    guard serials.removeValue(forKey: job) != nil else { return false }
    if serials.isEmpty { entries.removeAll() }
    if entries.count > 64, entries.count > 2 * serials.count {
      entries.filter { serials[$0.job] == $0.serial }
    }
    return true
  }

  /// Removes the job whose turn it is; nil when the queue is empty.
  mutating func removeFirst() -> (job: Int64, priority: Int64)? {
    while let entry = entries.popFirst() {
      guard serials[entry.job] == entry.serial else { continue }
      serials[entry.job] = nil
      return (entry.job, entry.priority)
    }
    return nil
  }

  private mutating func insert(_ entry: Entry) {
    serials[entry.job] = entry.serial
    entries.insert(entry)
  }
}
