import FlowIR
import FlowJSON
import FlowMachine

/// The throttles of all actions with a `limit`.
struct ActionThrottles {
  /// The decision on a job that requests to start.
  enum Admission {
    case free
    /// It waits until an instant in milliseconds since 1970; this is not an attempt.
    case wait(until: Int64)
    /// It may start after the preceding starts are committed.
    case hold
  }

  private var throttles: [String: ActionThrottle] = [:]
  /// The instants that waiting jobs were assigned, by the number of the job.
  private var slots: [Int64: Int64] = [:]
  /// The actions with starts that are not stored yet.
  private var dirty: Set<String> = []
  /// The start of the engine in milliseconds since 1970, and the highest job number before it.
  let startedAt: Int64
  let lastJob: Int64

  init(startedAt: Int64, lastJob: Int64) {
    self.startedAt = startedAt
    self.lastJob = lastJob
  }

  func has(_ action: String) -> Bool { throttles[action] != nil }

  mutating func add(_ throttle: ActionThrottle, for action: String) { throttles[action] = throttle }

  /// Admits a job, or reserves an instant for it.
  /// - Parameter isSavedFirst: True if the start is committed before it takes effect.
  mutating func admit(_ row: JobRow, limit: RateLimit, at now: Int64, isSavedFirst: Bool) -> Admission {
    var throttle = throttles[row.action] ?? ActionThrottle(limit)
    if throttle.limit != limit { throttle = throttle.adapted(to: limit) }
    defer { throttles[row.action] = throttle }
    guard isSavedFirst || !throttle.mustBeSaved else { return .hold }
    let slot = slots[row.id]
    if slot.map({ $0 <= now }) ?? true, throttle.start(at: now, hasTurn: slot != nil) {
      slots[row.id] = nil
      dirty.insert(row.action)
      return .free
    }
    let turn = slot.flatMap { $0 > now ? $0 : nil } ?? throttle.reserve(at: now)
    slots[row.id] = turn
    return .wait(until: turn)
  }

  /// Releases the instant of a removed job.
  mutating func release(_ job: Int64) { slots[job] = nil }

  // MARK: - Storing

  /// The throttles to store with the current batch: all changed ones if there is another write or one of them must be
  /// stored now, otherwise none.
  func unsaved(withOthers hasOthers: Bool, at now: @autoclosure () -> Int64) -> [String: [UInt8]] {
    guard !dirty.isEmpty else { return [:] }
    let isUrgent = dirty.contains { throttles[$0]?.mustBeSaved ?? false }
    guard isUrgent || hasOthers else { return [:] }
    let now = now()
    var out: [String: [UInt8]] = [:]
    for action in dirty { out[action] = throttles[action]?.json(at: now).bytes() }
    return out
  }

  /// Records that the unsaved throttles are committed.
  mutating func markSaved() {
    guard !dirty.isEmpty else { return }
    for action in dirty { throttles[action]?.unsaved = 0 }
    dirty.removeAll(keepingCapacity: true)
  }
}

extension Engine {
  /// Admits a job under the limit of its action, or postpones it to its turn.
  func admit(_ row: JobRow, of cached: Cached, isSavedFirst: Bool = false) -> ActionThrottles.Admission {
    guard let limit = policy(of: row, in: cached.version.machine, flow: cached.row.flow).limit else { return .free }
    if !throttles.has(row.action) { restoreThrottle(row.action, limit: limit) }
    let admission = throttles.admit(row, limit: limit, at: world.now(), isSavedFirst: isSavedFirst)
    if case .wait(let turn) = admission {
      var later = row
      later.due = .at(turn)
      write(later)
    }
    return admission
  }

  /// Restores the throttles of a program before any of its jobs can change.
  func restoreThrottles(of machine: Machine) {
    for action in machine.program.actions where !throttles.has(action.name) {
      if let limit = action.policy.limit { restoreThrottle(action.name, limit: limit) }
    }
  }

  /// Restores the throttle of an action. The last starts may be missing in the store, but their jobs are then stored.
  private func restoreThrottle(_ action: String, limit: RateLimit) {
    let stored = read { () throws(StoreError) in try store.throttle(action: action) }
    let most = ActionThrottle.maximumUnsaved(limit)
    let (now, last) = (throttles.startedAt, throttles.lastJob)
    let lost = read { () throws(StoreError) in
      try store.countJobs(action: action, upTo: last, due: now, limit: most)
    }
    let json = (stored ?? nil).flatMap { try? JSON(parsing: $0) } ?? []
    throttles.add(ActionThrottle(limit, stored: json, lost: lost ?? most, now: now), for: action)
  }
}
