import FlowIR
import FlowJSON
import FlowMachine
import Testing

/// Behaviour of statecharts. The numbers are those of the W3C SCXML tests.
@Suite("Statecharts, with the numbers of the W3C SCXML tests") struct StatechartTests {
  /// A program with events and one flow with the given body.
  private func test(_ body: String, events: String = "Go Next Back") throws -> TestInstance {
    let declared = events.split(separator: " ").map { "event \($0)" }.joined(separator: " ")
    var test = try TestInstance("event Begin \(declared)\nflow F { \(body) }")
    try test.send("Begin")
    return test
  }

  @Test("355, 364: entering a compound state enters its initial child, recursively")
  func initialChildren() throws {
    let test = try test(
      """
      start on Begin -> a
      state a { entry log "a" initial state b { entry log "b" initial state c { entry log "c" on Go -> end } } }
      final end
      """)
    #expect(test.state == "a.b.c")
    #expect(test.log == ["a", "b", "c"])
  }

  @Test("403a: a child's reaction takes precedence over its parent's")
  func innermostFirst() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { on Go -> end  initial state b { on Go do log "b"  after 1d -> end } }
      final end
      """)
    try test.send("Go")
    #expect(test.log == ["b"] && test.state == "a.b")
  }

  @Test("404 to 406: exits from inside out with later regions first, then actions, then entries from outside in")
  func order() throws {
    var test = try test(
      """
      start on Begin -> p
      parallel p {
        exit log "exit p"
        region r1 { exit log "exit r1" initial state s1 { exit log "exit s1" } }
        region r2 { exit log "exit r2" initial state s2 { exit log "exit s2" } }
        on Go -> q do log "act"
      }
      state q { entry log "enter q" initial state q1 { entry log "enter q1" on Go -> end } }
      final end
      """)
    try test.send("Go")
    #expect(test.log == ["exit s2", "exit r2", "exit s1", "exit r1", "exit p", "act", "enter q", "enter q1"])
  }

  @Test("417, 570: a parallel state is done when every region is")
  func parallelDone() throws {
    var test = try test(
      """
      start on Begin -> p
      parallel p {
        region r1 { initial state a { on Go -> x } final x }
        region r2 { initial state b { on Next -> y } final y }
        on done -> end
      }
      final end
      """)
    #expect(test.state == "p.r1.a p.r2.b")
    try test.send("Go")
    #expect(test.state == "p.r1.x p.r2.b")
    try test.send("Next")
    #expect(test.state == "end")
  }

  @Test("416: the final child of a compound state raises its done event")
  func compoundDone() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { initial state b { on Go -> c } final c  on done -> end }
      final end { entry log "end" }
      """)
    try test.send("Go")
    #expect(test.log == ["end"] && test.instance?.status == .done)
  }

  @Test("503: a reaction without a target exits and enters no state")
  func targetless() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { entry log "in" exit log "out" on Go do log "act" on Next -> end }
      final end
      """)
    try test.send("Go")
    #expect(test.log == ["in", "act"])
  }

  @Test("504, 505: a target inside does not exit the source state, except with reenter")
  func internalAndExternal() throws {
    var test = try test(
      """
      start on Begin -> a
      state a {
        entry log "in" exit log "out"
        on Go -> c  on Next -> c reenter  on Back -> a
        initial state b { on Done -> end }
        state c { on Done -> end }
      }
      final end
      """, events: "Go Next Back Done")
    try test.send("Go")
    #expect(test.state == "a.c" && test.log == ["in"])
    try test.send("Next")
    #expect(test.state == "a.c" && test.log == ["in", "out", "in"])
    try test.send("Back")
    #expect(test.state == "a.b" && test.log == ["in", "out", "in", "out", "in"])
  }

  @Test("388: history restores the innermost states")
  func history() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { on Next -> away  initial state b { initial state c { on Go -> d } state d { on Done -> end } } }
      state away { on Back -> a.history }
      final end
      """, events: "Go Next Back Done")
    try test.send("Go")
    #expect(test.state == "a.b.d")
    try test.send("Next")
    try test.send("Back")
    #expect(test.state == "a.b.d")
  }

  @Test("144, 419, 421: `always` reactions first, then raised events in their order")
  func internalEvents() throws {
    var test = try test(
      """
      data { n: int = 0 }
      start on Begin -> a
      state a {
        on Go do { raise One{} raise Two{} n = 1 }
        always when n == 1 do { log "always" n = 2 }
        on One do log "one"  on Two do log "two"  on Next -> end
      }
      final end
      """, events: "Go Next One Two")
    try test.send("Go")
    #expect(test.log == ["always", "one", "two"])
  }

  @Test("an endless chain of reactions is refused")
  func endless() throws {
    var test = try test(
      """
      data { n: int = 0 }
      start on Begin -> a
      state a { on Go do n = 1  always when n > 0 do n = n + 1  on Next -> end }
      final end
      """)
    #expect(try test.refused("Go").reason == .tooManyMicrosteps)
    #expect(test.data["n"] == 0)
  }

  @Test("a failing expression refuses the step with its source location")
  func failure() throws {
    var test = try test(
      """
      data { n: int = 1 }
      start on Begin -> a
      state a { on Go do { log "before" n = n / (n - 1) } on Next -> end }
      final end
      """)
    let refusal = try test.refused("Go")
    guard case .failed(_, let location) = refusal.reason else { throw TestInstance.Failure("another reason") }
    #expect(location.description.hasPrefix("test.flow:"))
    #expect(test.log.isEmpty)
  }

  @Test("185 to 187: timers fire in order, and not after their state is exited")
  func timers() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { every 1h do log "hour" after 150m -> b on Go -> b }
      state b { entry log "b" on Next -> end }
      final end
      """)
    try test.wait("5h")
    #expect(test.log == ["hour", "hour", "b"])
    #expect(test.instance?.timers == [])
  }

  @Test("missed ticks of `every` fire once")
  func missed() throws {
    let test = try test(
      """
      start on Begin -> a
      state a { every 1h do log "hour" on Go -> end }
      final end
      """)
    let timer = try #require(test.instance?.timers.first)
    let instance = try #require(test.instance)
    let late = timer.due + 5 * 3_600_000 + 1
    guard
      case .accepted(let step) = test.stepper.step(
        instance, .timer(transition: timer.transition, armed: timer.armed), now: late)
    else { throw TestInstance.Failure("refused") }
    #expect(step.next.timers.map(\.due) == [timer.due + 6 * 3_600_000])
  }

  @Test("a deferred event is delivered in a later state that handles it")
  func deferred() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { defer Next on Go -> b }
      state b { on Next -> end }
      final end
      """)
    #expect(try test.send("Next").disposition == .deferred)
    try test.send("Go")
    #expect(test.state == "end")
  }

  @Test("a deferred event is delivered when its guard becomes true, without a state change")
  func deferredUntilGuard() throws {
    var test = try test(
      """
      data { n: int = 0 }
      start on Begin -> a
      state a { on Next when n > 0 -> b  defer Next  on Go do n = 1 }
      final b
      """)
    #expect(try test.send("Next").disposition == .deferred)
    try test.send("Go")
    #expect(test.state == "b")
  }

  @Test("an event that one region ignores and another defers is deferred, regardless of its sender")
  func ignoredAndDeferred() throws {
    var test = try test(
      """
      ongoing
      start on Begin -> p
      parallel p {
        region one { initial state a { ignore Next on Back do raise Next } }
        region two { initial state b { defer Next on Go -> c } state c { on Next -> d } final d { entry log "d" } }
      }
      """)
    #expect(try test.send("Next").disposition == .deferred)
    try test.send("Back")
    #expect(test.instance?.deferred.count == 2)
    try test.send("Go")
    #expect(test.log == ["d"] && test.instance?.deferred == [])
  }

  @Test("a deferred event keeps its caller, also when a timer releases it")
  func callerOfDeferredEvent() throws {
    let text = """
      role boss event Begin event Next
      flow F {
        start on Begin -> a
        state a { defer Next after 1h -> b }
        state b { on Next by boss -> end  on Next do log "no" }
        final end
      }
      """
    for (role, state) in [("clerk", "b"), ("boss", "end")] {
      var test = try TestInstance(text)
      try test.send("Begin")
      try test.send("Next", by: role)
      try test.wait("1h")
      #expect(test.state == state)
    }
  }

  @Test("an event raised by a timer has no role requirement, also when it is deferred")
  func deferredWithoutCaller() throws {
    var test = try TestInstance(
      """
      role boss event Begin event Next event Go
      flow F {
        start on Begin -> a
        state a { defer Next  after 1h do raise Next  on Go -> b }
        state b { on Next by boss -> end }
        final end
      }
      """)
    try test.send("Begin")
    try test.wait("1h")
    try test.send("Go")
    #expect(test.state == "end")
  }

  @Test("a raised event without a reaction refuses the step")
  func unhandledRaise() throws {
    var test = try test(
      """
      start on Begin -> a
      state a { on Go -> b do raise Next  on Next -> c  after 1h -> b do raise Back }
      state b { on Back -> c }
      final c
      """)
    let refusal = try test.refused("Go")
    #expect(refusal.reason == .raised("Next", ["b"]))
    #expect(refusal.message == "`Go` raises `Next`, which is not handled in `b`")
    #expect(test.state == "a")
    try test.wait("1h")
    #expect(test.state == "c")
  }

  @Test("the suffixes `for` and `when` of a statement")
  func suffixes() throws {
    var test = try test(
      """
      data { names: list<string> = ["ann", "bob", "eve"] }
      start on Begin -> a
      state a { on Go do log "hi " + n for n in names when n != "bob" on Next -> end }
      final end
      """)
    try test.send("Go")
    #expect(test.log == ["hi ann", "hi eve"])
  }
}
