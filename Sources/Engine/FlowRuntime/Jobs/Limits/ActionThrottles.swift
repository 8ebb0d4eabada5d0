import FlowIR
import FlowJSON
import FlowMachine

/// The throttles of all actions with a `limit`.
struct ActionThrottles {
  /// The decision on a job that requests to start.
  enum Admission {
    case free
    /// It waits for its turn; this is not an attempt.
    case wait
    /// It may start after the preceding starts are committed.
    case hold
  }

  /// Throttles by their name: the action, and with `per` the value of its expression.
  private var throttles: [String: ActionThrottle] = [:]
  /// The throttle of each job that waits, or whose turn it is.
  private var names: [Int64: String] = [:]
  /// The throttles with jobs that wait, with an instant that is not after that of their next turn.
  private var turns = TurnQueue()
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

  /// Admits a job, or lets it wait.
  /// - Parameter isSavedFirst: True if the start is committed before it takes effect.
  mutating func admit(
    _ row: JobRow, as name: String, limit: RateLimit, at now: Int64, isSavedFirst: Bool, order: LimitOrder
  ) -> Admission {
    adapt(name, to: limit)
    guard isSavedFirst || !(throttles[name]?.mustBeSaved ?? false) else { return .hold }
    if throttles[name]?.start(row, at: now, order) ?? false {
      names[row.id] = nil
      dirty.insert(name)
      return .free
    }
    note(row, waitsFor: name, at: now)
    return .wait
  }

  private mutating func adapt(_ name: String, to limit: RateLimit) {
    guard let throttle = throttles[name] else { return throttles[name] = ActionThrottle(limit) }
    guard throttle.limit != limit else { return }
    throttles[name] = throttle.adapted(to: limit)
  }

  // MARK: - Waiting

  /// Lets a job wait, as it did before a restart.
  mutating func wait(_ row: JobRow, for name: String, limit: RateLimit, at now: Int64) {
    adapt(name, to: limit)
    throttles[name]?.wait(row)
    note(row, waitsFor: name, at: now)
  }

  private mutating func note(_ row: JobRow, waitsFor name: String, at now: Int64) {
    names[row.id] = name
    if let turn = throttles[name]?.nextTurn(at: now) { turns.add(name, at: turn) }
  }

  /// The instant of the next turn, at the latest; nil when no job waits.
  var nextTurn: Int64? { turns.next }

  /// The jobs whose turn it is, those of each throttle in their order; at most `limit`.
  mutating func dueJobs(at now: Int64, limit: Int) -> [Int64] {
    var due: [Int64] = []
    while due.count < limit, let name = turns.removeFirst(at: now) {
      while due.count < limit, let job = throttles[name]?.dequeue(at: now) { due.append(job) }
      if let turn = throttles[name]?.nextTurn(at: now) { turns.add(name, at: turn) }
    }
    return due
  }

  /// Removes a job that waits, or whose turn it is.
  mutating func release(_ job: Int64) {
    guard let name = names.removeValue(forKey: job) else { return }
    throttles[name]?.release(job)
  }

  /// Removes all jobs that wait, to be restored from the store.
  mutating func releaseAll() {
    for name in Set(names.values) { throttles[name]?.releaseAll() }
    names = [:]
    turns = TurnQueue()
  }

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
  /// Admits a job under the limit of its action, or lets it wait for its turn.
  /// - Throws: `BindingError` when the expression after `per` fails.
  func admit(
    _ row: JobRow, of cached: Cached, isSavedFirst: Bool = false
  ) throws(BindingError) -> ActionThrottles.Admission {
    guard let (name, limit) = try throttle(of: row, in: cached) else { return .free }
    let now = world.now()
    let admission = throttles.admit(
      row, as: name, limit: limit, at: now, isSavedFirst: isSavedFirst,
      order: limitRestoration.order)
    if case .wait = admission { wait(row) }
    throttles.prune(at: now)
    return admission
  }

  /// The throttle of a job, restored if it is used for the first time; nil without a limit.
  /// - Throws: `BindingError` when the expression after `per` fails.
  func throttle(of row: JobRow, in cached: Cached) throws(BindingError) -> (name: String, limit: RateLimit)? {
    guard let limit = policy(of: row, in: cached.version.machine, flow: cached.row.flow).limit else { return nil }
    let key = try rateKey(of: row, in: cached.version)
    let name = ActionThrottles.name(row.action, key: key)
    if !throttles.has(name) {
      restoreThrottle(name, limit: limit, lost: key == nil ? nil : lostStarts(of: row.action, limit: limit))
    }
    return (name, limit)
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
