import Dispatch

/// Decides when the engine's thread runs maintenance: all due work while no requests are waiting, and under load for a
/// share of the time, which grows with the lag.
struct MaintenanceSchedule {
  /// The share of the time under load, for a small and for a large lag.
  static let share = 0.1
  static let largestShare = 0.5
  /// The lag at which the share starts to grow, and at which it is largest, in milliseconds.
  static let toleratedLag: Int64 = 10_000
  static let longestLag: Int64 = 60_000
  /// The maximum accumulated time, in milliseconds.
  private static let longestCredit = 50.0
  /// The pause after commits until an idle store is maintained, and the maximum interval between two checks of a busy
  /// one, in milliseconds.
  private static let idlePause = 200.0
  private static let longestPause = 1000.0
  /// The interval between two warnings, in milliseconds.
  private static let warningInterval = 60_000.0

  private let clock: () -> Double
  private var credit = 0.0
  private var last: Double
  private var started = 0.0
  private var lastRun = 0.0
  private var lastCommit = 0.0
  private var lastCheck = 0.0
  private var lastWarning = -warningInterval
  private var lag: Int64 = 0
  /// True if the last piece left due work; the others: true after commits, and the next due time.
  private var hasMore = true
  private var hasChanged = true
  private var nextInstant: Int64?

  /// - Parameter clock: A monotonic clock in milliseconds.
  init(clock: @escaping () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) / 1e6 }) {
    self.clock = clock
    last = clock()
  }

  mutating func didCommit() {
    hasChanged = true
    lastCommit = clock()
  }

  /// True once a second, when the files of the store have to be verified.
  mutating func isCheckDue() -> Bool {
    let now = clock()
    guard now - lastCheck >= MaintenanceSchedule.longestPause else { return false }
    lastCheck = now
    return true
  }

  /// Returns true if a piece may run now.
  mutating func mayRun(now instant: Int64, isIdle: Bool) -> Bool {
    let now = clock()
    // The time since the last piece excludes maintenance, so the share is converted to a ratio of the rest.
    let share = currentShare
    credit = min(credit + (now - last) * share / (1 - share), MaintenanceSchedule.longestCredit)
    last = now
    guard hasWork(at: instant, now: now, isIdle: isIdle), isIdle || credit > 0 else { return false }
    started = now
    return true
  }

  private var currentShare: Double {
    let (first, longest) = (MaintenanceSchedule.toleratedLag, MaintenanceSchedule.longestLag)
    guard lag > first else { return MaintenanceSchedule.share }
    let part = Double(min(lag, longest) - first) / Double(longest - first)
    return MaintenanceSchedule.share + part * (MaintenanceSchedule.largestShare - MaintenanceSchedule.share)
  }

  private func hasWork(at instant: Int64, now: Double, isIdle: Bool) -> Bool {
    if hasMore { return true }
    if let nextInstant, nextInstant <= instant { return true }
    guard hasChanged else { return false }
    return isIdle
      ? now - lastCommit >= MaintenanceSchedule.idlePause : now - lastRun >= MaintenanceSchedule.longestPause
  }

  mutating func didRun(_ result: MaintenanceResult) {
    let now = clock()
    credit -= now - started
    (last, lastRun, lag) = (now, now, result.lag)
    hasMore = result.hasMore
    if !hasMore { hasChanged = result.warning != nil }
    // A failed piece is retried after a pause.
    if result.warning != nil { lastCommit = now + MaintenanceSchedule.longestPause }
    nextInstant = result.nextDue
  }

  /// A failed piece is retried after a pause.
  mutating func didFail() {
    lastRun = clock()
    (last, lastCommit) = (lastRun, lastRun)
    (hasMore, hasChanged) = (false, true)
  }

  /// The message for the operator, at most once a minute: a piece has failed, or maintenance is lagging.
  mutating func warning(of result: MaintenanceResult) -> String? {
    let text =
      result.warning
      ?? (result.lag > MaintenanceSchedule.longestLag
        ? "maintenance of the store is \(result.lag / 1000) s behind: it gets half of the engine's time" : nil)
    guard let text, clock() - lastWarning >= MaintenanceSchedule.warningInterval else { return nil }
    lastWarning = clock()
    return text
  }

  /// The instant at which a piece may run, in milliseconds since 1970; nil for never.
  func nextDue(_ instant: Int64) -> Int64? {
    if hasMore { return instant }
    let pause = hasChanged ? max(MaintenanceSchedule.idlePause - (clock() - lastCommit), 0) : nil
    return [pause.map { instant + Int64($0) + 1 }, nextInstant].compactMap { $0 }.min()
  }
}
