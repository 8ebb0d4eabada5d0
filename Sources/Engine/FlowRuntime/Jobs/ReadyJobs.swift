/// Jobs that wait for a runner, first come first served. No operation costs more when many wait.
struct ReadyJobs {
  private struct Entry {
    var serial: Int
    var row: JobRow
  }

  /// The entries from `head` on, with those that were replaced or removed.
  private var entries: [Entry] = []
  private var head = 0
  /// The serial number of the entry of each waiting job.
  private var serials: [Int64: Int] = [:]
  private var lastSerial = 0

  var count: Int { serials.count }
  var isEmpty: Bool { serials.isEmpty }

  func contains(_ id: Int64) -> Bool { serials[id] != nil }

  /// Adds jobs behind the others. One that is waiting is replaced, and waits behind them, too.
  mutating func append(_ rows: [JobRow]) { for row in rows { entries.append(entry(row)) } }

  /// Puts jobs in front of the others.
  mutating func prepend(_ rows: [JobRow]) {
    guard !rows.isEmpty else { return }
    entries.replaceSubrange(0..<head, with: rows.map { entry($0) })
    head = 0
  }

  private mutating func entry(_ row: JobRow) -> Entry {
    lastSerial += 1
    serials[row.id] = lastSerial
    return Entry(serial: lastSerial, row: row)
  }

  /// Removes a job that no longer waits for a runner.
  mutating func remove(_ id: Int64) { serials[id] = nil }

  /// Removes the first jobs.
  mutating func removeFirst(_ most: Int) -> [JobRow] {
    var taken: [JobRow] = []
    while taken.count < most, head < entries.count {
      let entry = entries[head]
      head += 1
      guard serials[entry.row.id] == entry.serial else { continue }
      serials[entry.row.id] = nil
      taken.append(entry.row)
    }
    if head > 64, head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
    return taken
  }
}
