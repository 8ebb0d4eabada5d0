import Synchronization
import Testing

@testable import FlowRuntime

/// Maintenance has its share of the time under any load, and runs at its due times when the store is idle.
@Suite("Maintenance schedule") struct MaintenanceScheduleTests {
  private final class Clock: Sendable {
    private let milliseconds = Mutex(1000.0)
    var now: Double { milliseconds.withLock { $0 } }
    func advance(_ by: Double) { milliseconds.withLock { $0 += by } }
  }

  /// The share of time that pieces of 10 ms have between batches of 5 ms during one minute.
  private func share(lag: Int64, hasMore: Bool = true) -> Double {
    let clock = Clock()
    var schedule = MaintenanceSchedule(clock: { clock.now })
    let start = clock.now
    var spent = 0.0
    while clock.now - start < 60_000 {
      clock.advance(5)
      schedule.didCommit()
      guard schedule.mayRun(now: 0, isIdle: false) else { continue }
      clock.advance(10)
      spent += 10
      schedule.didRun(MaintenanceResult(hasMore: hasMore, lag: lag))
    }
    return spent / (clock.now - start)
  }

  @Test("under load, maintenance gets a tenth of the time, and half with a large backlog")
  func shares() {
    #expect(abs(share(lag: 0) - 0.1) < 0.02)
    #expect(abs(share(lag: 120_000) - 0.5) < 0.1)
    #expect(share(lag: 35_000) > 0.2)
  }

  @Test("a busy store without a backlog is inspected once a second")
  func busyWithoutBacklog() {
    #expect(abs(share(lag: 0, hasMore: false) - 0.01) < 0.005)
  }

  @Test("an idle store is maintained at its due time")
  func idle() {
    let clock = Clock()
    var schedule = MaintenanceSchedule(clock: { clock.now })
    let first = schedule.mayRun(now: 0, isIdle: true)
    #expect(first, "the due time is unknown after a start")
    schedule.didRun(MaintenanceResult(nextDue: 5000))
    let early = schedule.mayRun(now: 4999, isIdle: true)
    #expect(!early)
    #expect(schedule.nextDue(4000) == 5000)
    let due = schedule.mayRun(now: 5000, isIdle: true)
    #expect(due)
    schedule.didRun(MaintenanceResult())
    #expect(schedule.nextDue(5000) == nil)
    schedule.didCommit()
    let atOnce = schedule.mayRun(now: 5000, isIdle: true)
    #expect(!atOnce, "commits may follow")
    clock.advance(201)
    let later = schedule.mayRun(now: 5000, isIdle: true)
    #expect(later)
  }

  /// A store in which some activities always have work, and some fail.
  private final class BusyStore: MaintainedStore {
    var rotation = MaintenanceRotation()
    var busy: Set<MaintenanceActivity> = []
    var failing: [MaintenanceActivity: StoreError] = [:]
    var done: [MaintenanceActivity] = []
    var settled = 0

    func beginMaintenance() throws(StoreError) {}

    func run(
      _ activity: MaintenanceActivity, at now: Int64, _ result: inout MaintenanceResult
    ) throws(StoreError) -> Bool {
      if let error = failing[activity] { throw error }
      if busy.contains(activity) { done.append(activity) }
      return busy.contains(activity)
    }

    func settleMaintenance() throws(StoreError) { settled += 1 }

    func nextMaintenance(after now: Int64) throws(StoreError) -> (due: Int64?, lag: Int64) { (now + 5, 3) }
  }

  @Test("activities take turns, also when one always has work and another one fails")
  func rotation() throws {
    let store = BusyStore()
    store.busy = [.archive, .fold, .space]
    store.failing = [.expiry: .unavailable("full")]
    let results = try (0..<6).map { _ in try store.maintain(now: 10, isIdle: true) }
    #expect(store.done == [.archive, .fold, .space, .archive, .fold, .space])
    #expect(results.map(\.warning) == [nil, nil, "full", nil, nil, "full"])
    #expect(results.allSatisfy { $0.hasMore && $0.nextDue == 15 && $0.lag == 3 })
    #expect(store.settled == 0)
  }

  @Test("a store is settled when it is idle and nothing is due, and a fatal failure is thrown")
  func settling() throws {
    let store = BusyStore()
    #expect(try !store.maintain(now: 10, isIdle: false).hasMore && store.settled == 0)
    #expect(try !store.maintain(now: 10, isIdle: true).hasMore && store.settled == 1)
    store.failing = [.keys: .fatal("gone")]
    #expect(throws: StoreError.fatal("gone")) { try store.maintain(now: 10, isIdle: true) }
  }

  @Test("the operator is warned of a backlog once a minute")
  func warnings() {
    let clock = Clock()
    var schedule = MaintenanceSchedule(clock: { clock.now })
    let late = MaintenanceResult(lag: 90_000)
    let results = [MaintenanceResult(lag: 60_000), late, late]
    let warnings = results.map { schedule.warning(of: $0) }
    #expect(warnings[0] == nil)
    #expect(warnings[1]?.contains("90 s behind") == true)
    #expect(warnings[2] == nil)
    clock.advance(60_000)
    let failed = schedule.warning(of: MaintenanceResult(warning: "full"))
    #expect(failed == "full")
  }
}
