import FlowIR
import FlowJSON
import FlowMachine

/// Lets no period of the limit's length hold more than the limit allows, over restarts as well.
///
/// It remembers as many instants as a period may hold: something may go out no sooner than a period after what went
/// out that many before it. What has to wait is given the instant when its turn will be.
struct ActionThrottle {
  /// How many parts of a period a kept pace tells apart, and how often in a period of constant use it is kept.
  static let grain = 16

  let limit: RateLimit
  /// When the last ones went out, and the instants given to them and to those that wait.
  private var sent: Ring
  private var given: Ring
  /// How many have gone out since this was kept last.
  var unkept = 0

  init(_ limit: RateLimit) {
    self.limit = limit
    sent = Ring(limit.count)
    given = Ring(limit.count)
  }

  /// How many may go out before that is kept: so many may be forgotten when the process ends.
  var isToBeKept: Bool { unkept >= ActionThrottle.mostUnkept(limit) }

  static func mostUnkept(_ limit: RateLimit) -> Int { max(limit.count / grain, 1) }

  /// Notes that something goes out, if it may.
  mutating func send(_ now: Int64, hasTurn: Bool) -> Bool {
    guard sent.free(now, limit.periodMilliseconds) <= now else { return false }
    // Nobody gets ahead of those who wait already.
    guard hasTurn || given.free(now, limit.periodMilliseconds) <= now else { return false }
    if !hasTurn { given.add(now) }
    sent.add(now)
    unkept += 1
    return true
  }

  /// The instant at which one more may go out.
  mutating func turn(_ now: Int64) -> Int64 {
    let period = limit.periodMilliseconds
    let slot = max(given.free(now, period), sent.free(now, period))
    given.add(slot)
    return slot
  }

  /// The same with another limit.
  func adapted(to limit: RateLimit) -> ActionThrottle {
    var made = ActionThrottle(limit)
    for instant in sent.instants { made.sent.add(instant) }
    for instant in given.instants { made.given.add(instant) }
    made.unkept = unkept
    return made
  }

  // MARK: - Keeping

  /// What went out in the last period, a little later rather than sooner: `[[instant, count], …]`.
  func kept(_ now: Int64) -> JSON {
    let part = max(limit.periodMilliseconds / Int64(ActionThrottle.grain), 1)
    var blocks: [(first: Int64, last: Int64, count: Int)] = []
    for instant in sent.instants where instant > now - limit.periodMilliseconds {
      if let block = blocks.last, instant - block.first < part {
        blocks[blocks.count - 1] = (block.first, instant, block.count + 1)
      } else {
        blocks.append((instant, instant, 1))
      }
    }
    return .array(blocks.map { [.int($0.last), .int(Int64($0.count))] })
  }

  /// Goes on from what was kept.
  /// - Parameter lost: How many may have gone out since, at any time up to now.
  init(_ limit: RateLimit, kept: JSON, lost: Int, now: Int64) {
    self.init(limit)
    for block in kept.array ?? [] {
      guard let parts = block.array, parts.count == 2, let instant = parts[0].int, let count = parts[1].int else {
        continue
      }
      // A clock that was set back must not hold anything for ever.
      for _ in 0..<min(count, limit.count) { remember(min(Int64(instant), now)) }
    }
    for _ in 0..<min(lost, limit.count) { remember(now) }
  }

  private mutating func remember(_ instant: Int64) {
    sent.add(instant)
    given.add(instant)
  }
}

/// The last instants of many.
private struct Ring {
  private let size: Int
  private var kept: [Int64] = []
  private var next = 0

  init(_ size: Int) { self.size = max(size, 1) }

  /// Oldest first.
  var instants: [Int64] { Array(kept[next...] + kept[..<next]) }

  mutating func add(_ instant: Int64) {
    guard kept.count == size else { return kept.append(instant) }
    kept[next] = instant
    next = (next + 1) % size
  }

  /// The first instant, `now` at the earliest, that is a period after the oldest of them when there is no room.
  func free(_ now: Int64, _ period: Int64) -> Int64 {
    // Those that wait come in their order, room or not.
    let newest = kept.isEmpty ? now : max(kept[(next + kept.count - 1) % kept.count], now)
    guard kept.count == size else { return newest }
    let (free, overflow) = kept[next].addingReportingOverflow(period)
    return overflow ? newest : max(newest, free)
  }
}

extension Engine {
  /// What became of a job that wanted to go out.
  enum Passage {
    case free
    /// It was put off until its turn, which is no try.
    case wait
    /// It may go out when what went out before it is on the disk.
    case hold
  }

  /// Whether a job may go out now.
  func passage(_ row: JobRow, _ cached: Cached, isKeptFirst: Bool = false) -> Passage {
    guard let limit = policy(row, cached.version.machine, cached.row.flow).limit else { return .free }
    let now = world.now()
    var pace = paces[row.action] ?? startingPace(row.action, limit)
    if pace.limit != limit { pace = pace.adapted(to: limit) }
    defer { paces[row.action] = pace }
    guard isKeptFirst || !pace.isToBeKept else { return .hold }
    let slot = reserved[row.id]
    if slot.map({ $0 <= now }) ?? true, pace.send(now, hasTurn: slot != nil) {
      reserved[row.id] = nil
      unkeptPaces.insert(row.action)
      return .free
    }
    var later = row
    later.due = slot.map { $0 > now ? $0 : pace.turn(now) } ?? pace.turn(now)
    reserved[row.id] = later.due
    write(later)
    return .wait
  }

  /// Goes on from what the store knows of an action with a limit. What went out last may not be in it, but then its
  /// job is still there.
  private func startingPace(_ action: String, _ limit: RateLimit) -> ActionThrottle {
    let kept = read { () throws(StoreError) in try store.pace(action: action) }
    let most = ActionThrottle.mostUnkept(limit)
    let lost = read { () throws(StoreError) in
      try store.countJobs(action: action, upTo: start.job, due: start.now, limit: most)
    }
    let json = (kept ?? nil).flatMap { try? JSON(parsing: $0) } ?? []
    return ActionThrottle(limit, kept: json, lost: lost ?? most, now: start.now)
  }

  /// Reads the paces of a program before anything can happen to its jobs.
  func startPaces(of machine: Machine) {
    for action in machine.program.actions where paces[action.name] == nil {
      if let limit = action.policy.limit { paces[action.name] = startingPace(action.name, limit) }
    }
  }

  /// Puts what has gone out into the batch, if there is one or so much of it that it has to be kept now.
  func keepPaces() {
    let isUrgent = unkeptPaces.contains { paces[$0]?.isToBeKept ?? false }
    guard isUrgent || !batch.isEmpty else { return }
    let now = world.now()
    for action in unkeptPaces { batch.paces[action] = paces[action]?.kept(now).bytes() }
  }

  /// Notes that the paces of a batch are on the disk.
  func notePacesKept() {
    guard !unkeptPaces.isEmpty else { return }
    for action in unkeptPaces { paces[action]?.unkept = 0 }
    unkeptPaces.removeAll(keepingCapacity: true)
  }
}
