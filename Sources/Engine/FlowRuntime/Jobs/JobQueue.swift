/// Numbers of jobs: the highest priority first, then the first one that was added. No operation costs more than
/// logarithmically in the number of jobs.
struct JobQueue {
  private struct Entry {
    var priority: Int64
    var serial: Int
    var job: Int64

    func isBefore(_ other: Entry) -> Bool {
      priority != other.priority ? priority > other.priority : serial < other.serial
    }
  }

  /// A binary heap, with the entries of jobs that were removed or added again.
  private var entries: [Entry] = []
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
        _ = popEntry()
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
    if serials.isEmpty { entries.removeAll(keepingCapacity: true) }
    if entries.count > 64, entries.count > 2 * serials.count {
      // A sorted list is a heap.
      entries = entries.filter { serials[$0.job] == $0.serial }.sorted { $0.isBefore($1) }
    }
    return true
  }

  /// Removes the job whose turn it is; nil when the queue is empty.
  mutating func removeFirst() -> (job: Int64, priority: Int64)? {
    while let entry = popEntry() {
      guard serials[entry.job] == entry.serial else { continue }
      serials[entry.job] = nil
      return (entry.job, entry.priority)
    }
    return nil
  }

  // MARK: - Heap

  private mutating func insert(_ entry: Entry) {
    serials[entry.job] = entry.serial
    entries.append(entry)
    var index = entries.count - 1
    while index > 0, entries[index].isBefore(entries[(index - 1) / 2]) {
      entries.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private mutating func popEntry() -> Entry? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return first }
    entries[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
        if entries[child].isBefore(entries[least]) { least = child }
      }
      guard least != index else { return first }
      entries.swapAt(index, least)
      index = least
    }
  }
}
