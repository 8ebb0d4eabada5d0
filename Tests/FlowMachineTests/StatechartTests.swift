import FlowIR
import FlowJSON
import FlowMachine
import Testing

/// Behaviours of statecharts; the numbers are those of the W3C's SCXML tests.
@Suite struct StatechartTests {
  /// Events and one flow around a body.
  private func play(_ body: String, events: String = "Go Next Back") throws -> TestInstance {
    let declared = events.split(separator: " ").map { "event \($0)" }.joined(separator: " ")
    var play = try TestInstance("event Begin \(declared)\nflow F { \(body) }")
    try play.send("Begin")
    return play
  }

  @Test("355, 364: entering a compound enters its initial child, recursively")
  func initialChildren() throws {
    let play = try play(
      """
      start on Begin -> a
      state a { entry log "a" initial state b { entry log "b" initial state c { entry log "c" on Go -> end } } }
      final end
      """)
    #expect(play.state == "a.b.c")
    #expect(play.log == ["a", "b", "c"])
  }

  @Test("403a: a child's reaction goes before its parent's")
  func innermostFirst() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { on Go -> end  initial state b { on Go do log "b"  after 1d -> end } }
      final end
      """)
    try play.send("Go")
    #expect(play.log == ["b"] && play.state == "a.b")
  }

  @Test("404 to 406: exits inside out, later regions first; then the acts; entries outside in")
  func order() throws {
    var play = try play(
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
    try play.send("Go")
    #expect(play.log == ["exit s2", "exit r2", "exit s1", "exit r1", "exit p", "act", "enter q", "enter q1"])
  }

  @Test("417, 570: a parallel is done when every region is")
  func parallelDone() throws {
    var play = try play(
      """
      start on Begin -> p
      parallel p {
        region r1 { initial state a { on Go -> x } final x }
        region r2 { initial state b { on Next -> y } final y }
        on done -> end
      }
      final end
      """)
    #expect(play.state == "p.r1.a p.r2.b")
    try play.send("Go")
    #expect(play.state == "p.r1.x p.r2.b")
    try play.send("Next")
    #expect(play.state == "end")
  }

  @Test("416: the final child of a compound raises its done")
  func compoundDone() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { initial state b { on Go -> c } final c  on done -> end }
      final end { entry log "end" }
      """)
    try play.send("Go")
    #expect(play.log == ["end"] && play.instance?.status == .done)
  }

  @Test("503: without a target nothing is left or entered")
  func targetless() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { entry log "in" exit log "out" on Go do log "act" on Next -> end }
      final end
      """)
    try play.send("Go")
    #expect(play.log == ["in", "act"])
  }

  @Test("504, 505: a target inside keeps the source; reenter leaves it")
  func internalAndExternal() throws {
    var play = try play(
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
    try play.send("Go")
    #expect(play.state == "a.c" && play.log == ["in"])
    try play.send("Next")
    #expect(play.state == "a.c" && play.log == ["in", "out", "in"])
    try play.send("Back")
    #expect(play.state == "a.b" && play.log == ["in", "out", "in", "out", "in"])
  }

  @Test("388: history goes back to the innermost states")
  func history() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { on Next -> away  initial state b { initial state c { on Go -> d } state d { on Done -> end } } }
      state away { on Back -> a.history }
      final end
      """, events: "Go Next Back Done")
    try play.send("Go")
    #expect(play.state == "a.b.d")
    try play.send("Next")
    try play.send("Back")
    #expect(play.state == "a.b.d")
  }

  @Test("144, 419, 421: always first, then raised events in their order")
  func internalEvents() throws {
    var play = try play(
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
    try play.send("Go")
    #expect(play.log == ["always", "one", "two"])
  }

  @Test("a chain of reactions without an end is refused")
  func endless() throws {
    var play = try play(
      """
      data { n: int = 0 }
      start on Begin -> a
      state a { on Go do n = 1  always when n > 0 do n = n + 1  on Next -> end }
      final end
      """)
    #expect(try play.refused("Go").reason == .tooManyMicrosteps)
    #expect(play.data["n"] == 0)
  }

  @Test("a failing expression refuses the step with its place")
  func failure() throws {
    var play = try play(
      """
      data { n: int = 1 }
      start on Begin -> a
      state a { on Go do { log "before" n = n / (n - 1) } on Next -> end }
      final end
      """)
    let refusal = try play.refused("Go")
    guard case .failed(_, let place) = refusal.reason else { throw TestInstance.Failure("another reason") }
    #expect(place.description.hasPrefix("test.flow:"))
    #expect(play.log.isEmpty)
  }

  @Test("185 to 187: timers fire in their order, and not after their state is left")
  func timers() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { every 1h do log "hour" after 150m -> b on Go -> b }
      state b { entry log "b" on Next -> end }
      final end
      """)
    try play.wait("5h")
    #expect(play.log == ["hour", "hour", "b"])
    #expect(play.instance?.timers == [])
  }

  @Test("missed firings of every collapse into one")
  func missed() throws {
    let play = try play(
      """
      start on Begin -> a
      state a { every 1h do log "hour" on Go -> end }
      final end
      """)
    let timer = try #require(play.instance?.timers.first)
    let instance = try #require(play.instance)
    let late = timer.due + 5 * 3_600_000 + 1
    guard
      case .accepted(let step) = play.stepper.step(
        instance, .timer(transition: timer.transition, armed: timer.armed), now: late)
    else { throw TestInstance.Failure("refused") }
    #expect(step.next.timers.map(\.due) == [timer.due + 6 * 3_600_000])
  }

  @Test("defer keeps an event until a state wants it")
  func deferred() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { defer Next on Go -> b }
      state b { on Next -> end }
      final end
      """)
    #expect(try play.send("Next").disposition == .deferred)
    try play.send("Go")
    #expect(play.state == "end")
  }

  @Test("what is deferred is offered again as soon as a guard lets it, without leaving the state")
  func deferredBehindAGuard() throws {
    var play = try play(
      """
      data { n: int = 0 }
      start on Begin -> a
      state a { on Next when n > 0 -> b  defer Next  on Go do n = 1 }
      final b
      """)
    #expect(try play.send("Next").disposition == .deferred)
    try play.send("Go")
    #expect(play.state == "b")
  }

  @Test("one region puts off what another one ignores: it is kept, whoever sent it")
  func ignoredAndDeferred() throws {
    var play = try play(
      """
      ongoing
      start on Begin -> p
      parallel p {
        region one { initial state a { ignore Next on Back do raise Next } }
        region two { initial state b { defer Next on Go -> c } state c { on Next -> d } final d { entry log "d" } }
      }
      """)
    #expect(try play.send("Next").disposition == .deferred)
    try play.send("Back")
    #expect(play.instance?.deferred.count == 2)
    try play.send("Go")
    #expect(play.log == ["d"] && play.instance?.deferred == [])
  }

  @Test("who sent what was deferred counts, even when a timer lets it go on")
  func deferredKeepsItsCaller() throws {
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
      var play = try TestInstance(text)
      try play.send("Begin")
      try play.send("Next", by: role)
      try play.wait("1h")
      #expect(play.state == state)
    }
  }

  @Test("what is raised in a step of a timer is for nobody's role, even when it was deferred meanwhile")
  func deferredWithoutACaller() throws {
    var play = try TestInstance(
      """
      role boss event Begin event Next event Go
      flow F {
        start on Begin -> a
        state a { defer Next  after 1h do raise Next  on Go -> b }
        state b { on Next by boss -> end }
        final end
      }
      """)
    try play.send("Begin")
    try play.wait("1h")
    try play.send("Go")
    #expect(play.state == "end")
  }

  @Test("what is raised and nothing takes refuses the step")
  func raisedForNobody() throws {
    var play = try play(
      """
      start on Begin -> a
      state a { on Go -> b do raise Next  on Next -> c  after 1h -> b do raise Back }
      state b { on Back -> c }
      final c
      """)
    let refusal = try play.refused("Go")
    #expect(refusal.reason == .raised("Next", ["b"]))
    #expect(refusal.message == "`Go` raises `Next`, which is not handled in `b`")
    #expect(play.state == "a")
    try play.wait("1h")
    #expect(play.state == "c")
  }

  @Test("the suffixes for and when")
  func suffixes() throws {
    var play = try play(
      """
      data { names: list<string> = ["ann", "bob", "eve"] }
      start on Begin -> a
      state a { on Go do log "hi " + n for n in names when n != "bob" on Next -> end }
      final end
      """)
    try play.send("Go")
    #expect(play.log == ["hi ann", "hi eve"])
  }
}
