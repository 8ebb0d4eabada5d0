import FlowIR

/// Gives out instants so that no period of the limit's length holds more of them than the limit allows.
///
/// It remembers as many instants as a period may hold: each new one comes no sooner than a period after the one that
/// many before it. It is not kept in the store, so that a period in which the engine starts again may hold more.
struct Pace {
  let limit: RateLimit
  /// The instants given last, as a ring.
  private var given: [Int64] = []
  private var next = 0

  init(_ limit: RateLimit) { self.limit = limit }

  /// The next instant that is free, `now` at the earliest.
  mutating func take(_ now: Int64) -> Int64 {
    let size = max(limit.count, 1)
    guard given.count == size else {
      given.append(max(now, given.last ?? now))
      return given[given.count - 1]
    }
    let (free, overflow) = given[next].addingReportingOverflow(limit.periodMilliseconds)
    let slot = overflow ? now : max(now, free)
    given[next] = slot
    next = (next + 1) % size
    return slot
  }
}

extension Engine {
  /// Whether a job may go out now; one that may not is put off until it may, which is no try.
  func isInPace(_ row: JobRow, _ cached: Cached) -> Bool {
    guard let limit = policy(row, cached.version.machine, cached.row.flow).limit else { return true }
    let now = world.now()
    var slot = reserved[row.id] ?? 0
    if slot == 0 {
      if paces[row.action]?.limit != limit { paces[row.action] = Pace(limit) }
      slot = paces[row.action]?.take(now) ?? now
    }
    guard slot > now else {
      reserved[row.id] = nil
      return true
    }
    reserved[row.id] = slot
    var later = row
    later.due = slot
    write(later)
    return false
  }
}
