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

  /// Throttles by their name: the action, and with `per` the value of its expression.
  private var throttles: [String: ActionThrottle] = [:]
  /// The instants that waiting jobs were assigned, by the number of the job.
  private var slots: [Int64: Int64] = [:]
  /// The throttles with starts that are not stored yet, and those that are to be removed from the store.
  private var dirty: Set<String> = []
  private var removed: Set<String> = []
  /// The number of starts that may be missing in the store for each key of an action.
  private var lost: [String: Int] = [:]
  /// The number of throttles above which unused ones are removed.
  private var pruningSize = 1000
  /// The start of the engine in milliseconds since 1970, and the highest job number before it.
  let startedAt: Int64
  let lastJob: Int64

  init(startedAt: Int64, lastJob: Int64) {
    self.startedAt = startedAt
    self.lastJob = lastJob
  }

  func has(_ action: String) -> Bool { throttles[action] != nil }

  /// - Parameter hasLost: True if the throttle counts starts that are not in the store. It is stored with the next
  ///   batch, which may postpone their jobs: after another restart, these are not due and would not count.
  mutating func add(_ throttle: ActionThrottle, for name: String, hasLost: Bool) {
    throttles[name] = throttle
    removed.remove(name)
    if hasLost { dirty.insert(name) }
  }

  /// The name of the throttle of a key. No action has a name with a line break.
  static func name(_ action: String, key: String?) -> String { key.map { "\(action)\n\($0)" } ?? action }

  /// The number of starts that may be missing for each key of an action; nil when it is not known.
  func lostStarts(of action: String) -> Int? { lost[action] }

  mutating func setLostStarts(of action: String, _ count: Int) { lost[action] = count }

  /// Removes throttles of keys that were not used for a period.
  mutating func prune(at now: Int64) {
    guard throttles.count > pruningSize else { return }
    for (name, throttle) in throttles where name.contains("\n") && !dirty.contains(name) && throttle.isIdle(at: now) {
      throttles[name] = nil
      removed.insert(name)
    }
    pruningSize = max(2 * throttles.count, 1000)
  }

  /// Admits a job, or reserves an instant for it.
  /// - Parameter isSavedFirst: True if the start is committed before it takes effect.
  mutating func admit(
    _ row: JobRow, as name: String, limit: RateLimit, at now: Int64, isSavedFirst: Bool
  ) -> Admission {
    var throttle = throttles[name] ?? ActionThrottle(limit)
    if throttle.limit != limit { throttle = throttle.adapted(to: limit) }
    defer { throttles[name] = throttle }
    guard isSavedFirst || !throttle.mustBeSaved else { return .hold }
    let slot = slots[row.id]
    if slot.map({ $0 <= now }) ?? true, throttle.start(at: now, hasTurn: slot != nil) {
      slots[row.id] = nil
      dirty.insert(name)
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
    guard !dirty.isEmpty || !removed.isEmpty else { return [:] }
    let isUrgent = dirty.contains { throttles[$0]?.mustBeSaved ?? false }
    guard isUrgent || hasOthers else { return [:] }
    let now = now()
    var out: [String: [UInt8]] = [:]
    for name in removed { out[name] = [] }
    for action in dirty { out[action] = throttles[action]?.json(at: now).bytes() }
    return out
  }

  /// Records that the unsaved throttles are committed.
  mutating func markSaved() {
    removed.removeAll(keepingCapacity: true)
    guard !dirty.isEmpty else { return }
    for action in dirty { throttles[action]?.unsaved = 0 }
    dirty.removeAll(keepingCapacity: true)
  }
}

extension Engine {
  /// Admits a job under the limit of its action, or postpones it to its turn.
  /// - Throws: `BindingError` when the expression after `per` fails.
  func admit(
    _ row: JobRow, of cached: Cached, isSavedFirst: Bool = false
  ) throws(BindingError) -> ActionThrottles.Admission {
    let machine = cached.version.machine
    guard let limit = policy(of: row, in: machine, flow: cached.row.flow).limit else { return .free }
    let key = try rateKey(of: row, in: cached.version)
    let name = ActionThrottles.name(row.action, key: key)
    if !throttles.has(name) {
      restoreThrottle(name, limit: limit, lost: key == nil ? nil : lostStarts(of: row.action, limit: limit))
    }
    let now = world.now()
    let admission = throttles.admit(row, as: name, limit: limit, at: now, isSavedFirst: isSavedFirst)
    if case .wait(let turn) = admission {
      var later = row
      later.due = .at(turn)
      write(later)
    }
    if key != nil { throttles.prune(at: now) }
    return admission
  }

  private func rateKey(of row: JobRow, in version: Version) throws(BindingError) -> String? {
    guard let index = action(of: row, in: version.machine) else { return nil }
    let action = version.machine.program.actions[index]
    guard let expression = action.rateKey else { return nil }
    let arguments = try arguments(of: row, for: action, in: version.machine)
    return try version.stepper.limitKey(expression, of: action, arguments: arguments)
  }

  /// Restores the throttles of a program before any of its jobs can change. Those of keys are restored when they are
  /// used first; the number of starts that they may miss is determined now.
  func restoreThrottles(of machine: Machine) {
    for action in machine.program.actions {
      guard let limit = action.policy.limit else { continue }
      if action.rateKey != nil {
        if throttles.lostStarts(of: action.name) == nil {
          throttles.setLostStarts(of: action.name, lostStarts(of: action.name, limit: limit))
        }
      } else if !throttles.has(action.name) {
        restoreThrottle(action.name, limit: limit, lost: nil)
      }
    }
  }

  /// The number of starts of an action that may be missing in the store: their jobs are then stored.
  private func lostStarts(of action: String, limit: RateLimit) -> Int {
    let most = ActionThrottle.maximumUnsaved(limit)
    if let known = throttles.lostStarts(of: action) { return min(known, most) }
    let found = read { () throws(StoreError) in
      try store.countJobs(action: action, upTo: throttles.lastJob, due: throttles.startedAt, limit: most)
    }
    return found ?? most
  }

  /// Restores the throttle of an action, or of one of its keys.
  /// - Parameter lost: The number of starts that may be missing in the store; nil to count the jobs of the action.
  private func restoreThrottle(_ name: String, limit: RateLimit, lost: Int?) {
    let stored = read { () throws(StoreError) in try store.throttle(action: name) }
    let lost = lost ?? lostStarts(of: name, limit: limit)
    let json = (stored ?? nil).flatMap { try? JSON(parsing: $0) } ?? []
    throttles.add(
      ActionThrottle(limit, stored: json, lost: lost, now: throttles.startedAt), for: name, hasLost: lost > 0)
  }
}
