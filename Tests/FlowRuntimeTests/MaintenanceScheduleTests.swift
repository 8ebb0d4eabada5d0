import Synchronization
import Testing

@testable import FlowRuntime

/// Maintenance gets its share under any load, and runs by its due times when idle.
@Suite struct MaintenanceScheduleTests {
  private final class Clock: Sendable {
    private let milliseconds = Mutex(1000.0)
    var now: Double { milliseconds.withLock { $0 } }
    func advance(_ by: Double) { milliseconds.withLock { $0 += by } }
  }

  /// The share of the time that pieces of 10 ms get while batches of 5 ms follow each other for a minute.
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

  @Test("under load it gets a tenth of the time, and half when much is behind")
  func shares() {
    #expect(abs(share(lag: 0) - 0.1) < 0.02)
    #expect(abs(share(lag: 120_000) - 0.5) < 0.1)
    #expect(share(lag: 35_000) > 0.2)
  }

  @Test("a busy store is looked at once a second when nothing is due")
  func busyAndTidy() {
    #expect(abs(share(lag: 0, hasMore: false) - 0.01) < 0.005)
  }

  @Test("an idle store is maintained at its due time")
  func idle() {
    let clock = Clock()
    var schedule = MaintenanceSchedule(clock: { clock.now })
    let first = schedule.mayRun(now: 0, isIdle: true)
    #expect(first, "a new start does not know what is due")
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

  @Test("the operator is warned once a minute of what is behind")
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
