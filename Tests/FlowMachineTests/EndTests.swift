import CEL
import FlowIR
import FlowJSON
import FlowMachine
import Testing

/// The ends of instances, and loops of timers.
@Suite("Ends of instances and endless timers") struct EndTests {
  private let sleeper = """
    event Begin
    event Go
    flow F {
      data { n: int = 0 }
      start on Begin -> a
      every 1h do n = n + 1
      state a { exit log "left a"  on Go -> b }
      final b
    }
    """

  @Test("an operator's abort runs no exit statements")
  func abortRunsNoExit() throws {
    var test = try TestInstance(sleeper)
    try test.send("Begin")
    let instance = try #require(test.instance)
    guard case .accepted(let step) = test.stepper.abort(instance, now: test.now) else {
      Issue.record("the abort was refused")
      return
    }
    #expect(step.next.status == .failed)
    #expect(step.next.timers.isEmpty)
    #expect(!step.effects.contains(.log("left a")))
  }

  @Test("cancelling a called flow runs its exit statements")
  func cancelRunsExits() throws {
    var test = try TestInstance(sleeper)
    try test.send("Begin")
    let instance = try #require(test.instance)
    guard case .accepted(let step) = test.stepper.cancel(instance, now: test.now) else {
      Issue.record("the cancellation was refused")
      return
    }
    #expect(step.effects.contains(.log("left a")))
  }

  @Test("a timer of the flow is armed at the start and ends with the instance")
  func flowTimersAreArmed() throws {
    var test = try TestInstance(sleeper)
    try test.send("Begin")
    #expect(test.instance?.timers.map(\.due) == [test.now + 3_600_000])
    try test.wait("2h")
    #expect(test.data["n"] == .int(2))
    let step = try test.send("Go")
    #expect(test.instance?.timers.isEmpty == true)
    #expect(step.effects.contains { if case .disarm = $0 { true } else { false } })
  }

  @Test("timers that are due again at the same instant are refused after 1,000 firings")
  func zeroTimeLoopsAreRefused() throws {
    var test = try TestInstance(
      """
      event Begin
      flow F {
        data { n: int = 0 }
        start on Begin -> a
        state a { at timestamp("1970-01-01T00:00:00Z") when n >= 0 -> a do n = n + 1  after 1h -> b }
        final b
      }
      """)
    try test.send("Begin")
    var firings = 0
    while firings <= 2000, let instance = test.instance, let timer = instance.timers.min(by: { $0.due < $1.due }) {
      let input = Input.timer(transition: timer.transition, armed: timer.armed)
      guard case .accepted(let step) = test.stepper.step(instance, input, now: test.now) else { break }
      firings += 1
      test.instance = step.next
    }
    #expect(firings == 1000)
    #expect(test.data["n"] == .int(1000))
    let instance = try #require(test.instance)
    let restored = try restored(instance, test.machine, test.stepper)
    #expect(restored.timers == instance.timers, "the count is stored with the instance")
  }
}
