import FlowRuntime
import Synchronization
import Testing

@Suite("A clock that never goes back") struct SteadyClockTests {
  private final class Source: Sendable {
    let time = Atomic<Int64>(1_000_000)
    func set(_ value: Int64) { time.store(value, ordering: .relaxed) }
    func add(_ value: Int64) { time.add(value, ordering: .relaxed) }
  }

  private let source = Source()
  private let clock: SteadyClock

  init() {
    let source = source
    clock = SteadyClock { source.time.load(ordering: .relaxed) }
  }

  @Test("it follows its source forwards")
  func forwards() {
    for step in [0, 1, 500, 3_600_000] as [Int64] {
      source.add(step)
      #expect(clock.now() == source.time.load(ordering: .relaxed))
    }
  }

  @Test("a source that is set back is followed at half speed until it has caught up")
  func setBack() {
    let shown = clock.now()
    source.add(-1000)
    #expect(clock.now() == shown)
    // Millisecond by millisecond: half of each must not be lost.
    for elapsed in 1...2000 as ClosedRange<Int64> {
      source.add(1)
      #expect(clock.now() == shown + elapsed / 2)
    }
    #expect(clock.now() == source.time.load(ordering: .relaxed))
    source.add(7)
    #expect(clock.now() == source.time.load(ordering: .relaxed))
  }

  @Test("a second step back does not return to an earlier instant")
  func setBackTwice() {
    var last = clock.now()
    for step in [-1000, 600, -700, 50, 3000] as [Int64] {
      source.add(step)
      let now = clock.now()
      #expect(now >= last)
      last = now
    }
    #expect(last == source.time.load(ordering: .relaxed))
  }

  @Test("it continues the time of a predecessor, unless that is too far ahead")
  func predecessor() {
    let now = clock.now()
    #expect(clock.resume(from: now - 5, upTo: 1000) == 0 && clock.now() == now)
    #expect(clock.resume(from: now + 2000, upTo: 1000) == 2000 && clock.now() == now)
    #expect(clock.resume(from: now + 1000, upTo: 1000) == 1000 && clock.now() == now + 1000)
    source.add(500)
    #expect(clock.now() == now + 1250)
    source.add(1500)
    #expect(clock.now() == now + 2000)
  }
}
