import CEL
import FlowGenerator
import FlowIR
import FlowJSON
import FlowMachine
import Testing

/// Reactions to the items of calls over lists.
@Suite("Items of calls over lists") struct FanOutTests {
  private func flow(_ reactions: String) -> String {
    """
    event Begin { people: list<string>  cap: int }
    event Leave
    event Again
    event Finish
    event Break
    action ask(who: string) -> int fails AWAY, LOST { worker "people" }
    flow F {
      data { people: list<string> = []  cap: int = 9  seen: list<string> = []  found: list<int> = [] }
      start on Begin -> asking do take people, cap
      state asking {
        call ask(who: p) as each for p in people limit cap
        \(reactions)
        on Leave -> left
        on Again -> asking
        on Finish -> done
        on Break -> broken
      }
      final left
      final done
      final broken
    }
    """
  }

  private func started(_ reactions: String, people: Int, cap: Int = 9) throws -> TestInstance {
    var test = try TestInstance(flow(reactions))
    let names = (0..<people).map { "\"p\($0)\"" }.joined(separator: ", ")
    try test.send("Begin", "{\"people\": [\(names)], \"cap\": \(cap)}")
    return test
  }

  private let both = """
    on each.item.done do seen = seen + ["+" + string(event.index) + "=" + string(event.result)]
    on each.item.failed when event.code == "AWAY" do seen = seen + ["-" + string(event.index) + " " + event.message]
    on each.done -> done do found = each.result.map(r, r.orValue(-1))
    on each.failed -> broken
    """

  @Test("each outcome is a step with its own reaction, and the call ends after the last one")
  func outcomes() throws {
    var test = try started(both, people: 3)
    try test.answer(.done(.int(7)))
    #expect(test.data["seen"] == ["+0=7"] && test.state == "asking")
    try test.answer(.failed(code: "AWAY", message: "gone", attempts: 2))
    #expect(test.data["seen"] == ["+0=7", "-1 gone"] && test.state == "asking")
    let last = try test.answer(.done(.int(9)))
    #expect(test.data["seen"] == ["+0=7", "-1 gone", "+2=9"] && test.state == "done")
    #expect(test.data["found"] == [7, -1, 9], "the result of a failed item is absent")
    #expect(last.microsteps == 2, "the last item and the call are one macrostep")
  }

  @Test("a failure that no reaction handles is that of the call, and the other items are withdrawn")
  func unhandledFailure() throws {
    var test = try started(both, people: 3)
    let step = try test.answer(.failed(code: "LOST", message: "", attempts: 1))
    #expect(test.state == "broken" && test.jobs.isEmpty)
    #expect(step.effects.count { if case .withdraw = $0 { true } else { false } } == 2)
  }

  @Test("a reaction that leaves the state withdraws what runs, and the rest never starts")
  func firstWins() throws {
    var test = try started("on each.item.done when event.result > 5 -> done", people: 5, cap: 2)
    try test.answer(.done(.int(1)))
    #expect(test.jobs.count == 2)
    try test.answer(.done(.int(6)))
    #expect(test.state == "done" && test.jobs.isEmpty)
  }

  @Test("an item and the end of the call are handled before and after events that the reaction raises")
  func order() throws {
    var test = try TestInstance(
      """
      event Begin
      action ask(n: int) { worker "people" }
      flow F {
        data { seen: list<string> = []  n: int = 0 }
        event Note
        start on Begin -> asking
        state asking {
          call ask(n: n) as each for n in [1, 2]
          on each.item.done do { seen = seen + ["item"]  raise Note }
          on Note do seen = seen + ["note"]
          always when size(seen) == 1 && n == 0 do { n = 1  seen = seen + ["always"] }
          on each.done -> over do seen = seen + ["done"]
        }
        final over
      }
      """)
    try test.send("Begin")
    try test.answer(.done(.null))
    #expect(test.data["seen"] == ["item", "always", "note"])
    try test.answer(.done(.null))
    #expect(test.data["seen"] == ["item", "always", "note", "item", "note", "done"])
  }

  @Test("a state that is left and entered again in the reaction to the last item starts a new call")
  func reentry() throws {
    var test = try started("on each.item.done when event.result == 1 -> asking  on each.done -> done", people: 1)
    try test.answer(.done(.int(1)))
    #expect(test.state == "asking" && test.jobs.count == 1)
    try test.answer(.done(.int(2)))
    #expect(test.state == "done")
  }

  @Test("the completion of an empty list is discarded with its state")
  func emptyListLeft() throws {
    var test = try started(
      "always when seen == [] -> asking do seen = [\"once\"]  on each.done do found = found + [1]", people: 0)
    #expect(test.state == "asking" && test.data["found"] == [1], "it has completed once")
    try test.send("Again")
    #expect(test.data["found"] == [1, 1])
  }

  @Test("a step over a list completes with items that have failed")
  func steps() throws {
    var test = try TestInstance(
      """
      event Begin
      action ask(n: int) -> int fails AWAY { worker "people" }
      flow F {
        data { sum: int = 0 }
        start on Begin -> asking
        state asking {
          steps {
            asked: ask(n: n) for n in [1, 2] limit 1
            again: ask(n: asked.result.size()) after asked
          }
          on asked.item.failed do sum = sum + 100
          on done -> over do sum = sum + again.result
          on failed -> broken
        }
        final over
        final broken
      }
      """)
    try test.send("Begin")
    try test.answer(.failed(code: "AWAY", message: "", attempts: 1))
    try test.answer(.done(.int(1)))
    #expect(test.state == "asking" && test.data["sum"] == 100)
    try test.answer(.done(.int(5)))
    #expect(test.state == "over" && test.data["sum"] == 105)
  }

  @Test("random outcomes in random order agree with a model, and with the restored instance", arguments: 0..<60)
  func model(_ seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let count = 1 + random.next(below: 40)
    let cap = 1 + random.next(below: count + 2)
    var test = try started(both, people: count, cap: cap)
    var model = FanOutModel(count: count, cap: cap)
    while model.state == "asking" {
      #expect(test.jobs.count == model.running.count)
      let position = random.next(below: model.running.count)
      let outcome: CallOutcome =
        switch random.next(below: 40) {
        case 0: .failed(code: "LOST", message: "", attempts: 1)
        case 1..<12: .failed(code: "AWAY", message: "m", attempts: 1)
        default: .done(.int(Int64(random.next(below: 100))))
        }
      let job = test.jobs.remove(at: position)
      let instance = try #require(test.instance)
      let input = Input.result(job.reference, outcome)
      let taken = test.stepper.step(instance, input, now: 0)
      let again = test.stepper.step(try restored(instance, test.machine, test.stepper), input, now: 0)
      #expect(isSame(taken, again, test.machine), "the restored instance makes the same step")
      guard case .accepted(let step) = taken else { throw TestInstance.Failure("refused") }
      test.accept(step)
      model.finish(at: position, outcome)
      #expect(test.state == model.state && test.data["seen"] == .array(model.seen.map { .string($0) }))
    }
    if model.state == "done" { #expect(test.data["found"] == .array(model.results.map { .int($0 ?? -1) })) }
    #expect(test.jobs.isEmpty)
  }
}

/// A call over a list as the reference describes it.
private struct FanOutModel {
  var state = "asking"
  var seen: [String] = []
  /// The items in progress, in the order of their start.
  var running: [Int]
  var results: [Int64?]
  private var next: Int
  private var finished = 0

  init(count: Int, cap: Int) {
    next = min(cap, count)
    running = Array(0..<next)
    results = Array(repeating: nil, count: count)
  }

  mutating func finish(at position: Int, _ outcome: CallOutcome) {
    let item = running.remove(at: position)
    switch outcome {
    case .done(let value):
      if case .int(let number) = value { results[item] = number }
      seen.append("+\(item)=\(results[item] ?? 0)")
    case .failed("AWAY", let message, _): seen.append("-\(item) \(message)")
    case .failed:
      state = "broken"
      running = []
      return
    }
    finished += 1
    if next < results.count {
      running.append(next)
      next += 1
    }
    if finished == results.count { state = "done" }
  }
}
