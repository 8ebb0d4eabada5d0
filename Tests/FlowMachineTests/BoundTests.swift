import CEL
import FlowIR
import FlowJSON
import FlowMachine
import Testing

/// `max` on the types of fields and results.
@Suite("Bounds of fields") struct BoundTests {
  private static let text = """
    type Item { name: string  tags: list<string> max 1 = [] }
    event Begin { id: string  news: list<string> max 3 }
    event Add { text: string }
    event Put { key: string }
    event Name { name: string }
    event Ask { parts: list<string> }
    event Build { tags: list<string> }
    event Tag { tag: string }
    event Order { tags: list<string> }
    event Close
    internal event Parcel { tags: list<string> max 1 }
    action send(tags: list<string> max 1) -> list<string> max 2 fails LOST { worker "hands" }
    flow Member {
      key id
      data {
        id: string
        news: list<string> max 3 = []
        titles: map<string, int> max 2 = {}
        name: string max 4 = ""
        nick: string? max 4
        item: Item?
        plain: Item = Item{name: "a"}
        sent: list<string> = []
      }
      start on Begin -> active do take id, news
      state active {
        on Add do news = news + [event.text]
        on Put do titles[event.key] = 1
        on Name do { nick = event.name  name = event.name }
        on Ask -> asked(parts: event.parts)
        on Build do item = Item{name: "b", tags: event.tags}
        on Tag do plain.tags = plain.tags + [event.tag]
        on Order -> ordering do news = event.tags
        on Close -> over do emit Parcel{tags: news}
        every 1h do news = news + ["late"]
      }
      state asked(parts: list<string> max 1) { on Close -> over }
      state ordering {
        call send(tags: news) as sending
        on sending.done -> active do sent = event.result
        on sending.failed -> over
      }
      final over
    }
    """

  private func started(_ news: String = "[]") throws -> TestInstance {
    var test = try TestInstance(BoundTests.text)
    try test.send("Begin", #"{"id": "k", "news": \#(news)}"#)
    return test
  }

  @Test("a payload with more elements than its field holds does not fit, at its pointer")
  func payload() throws {
    let machine = try started().machine
    func read(_ json: String) throws -> String {
      switch Value.from(try JSON(parsing: json), as: .record("Begin"), in: machine.types) {
      case .success: "fits"
      case .failure(let mismatches): mismatches.text
      }
    }
    #expect(try read(#"{"id": "k", "news": ["a", "b", "c"]}"#) == "fits")
    #expect(
      try read(#"{"id": "k", "news": ["a", "b", "c", "d"]}"#) == "/news: at most 3 elements, not 4")
  }

  @Test("an assignment beyond the bound refuses the event, and changes nothing")
  func assignment() throws {
    var test = try started(#"["a", "b"]"#)
    try test.send("Add", #"{"text": "c"}"#)
    #expect(test.data["news"]?.array?.count == 3)
    let refusal = try test.refused("Add", #"{"text": "d"}"#)
    #expect(refusal.message.hasSuffix("`news` holds at most 3 elements, not 4"), "\(refusal.message)")
    #expect(test.data["news"]?.array?.count == 3)
  }

  @Test(
    "each way to set a bounded field checks it",
    arguments: [
      ("Name", #"{"name": "héllo"}"#, "`nick` holds at most 4 characters, not 5"),
      ("Ask", #"{"parts": ["a", "b"]}"#, "`parts` holds at most 1 element, not 2"),
      ("Build", #"{"tags": ["a", "b"]}"#, "`tags` holds at most 1 element, not 2"),
      ("Order", #"{"tags": ["a", "b"]}"#, "`tags` holds at most 1 element, not 2"),
      ("Close", "{}", "`tags` holds at most 1 element, not 2"),
    ])
  func assignments(_ event: String, _ payload: String, _ message: String) throws {
    var test = try started(#"["a", "b"]"#)
    let refusal = try test.refused(event, payload)
    #expect(refusal.message.hasSuffix(message), "\(refusal.message)")
    #expect(test.state == "active")
  }

  @Test("a string is measured in characters") func characters() throws {
    var test = try started()
    try test.send("Name", #"{"name": "höhö"}"#)
    #expect(test.data["name"] == "höhö")
    #expect(test.data["nick"] == "höhö")
  }

  @Test("a new entry of a map and a part of a record are within the bound") func parts() throws {
    var test = try started()
    try test.send("Put", #"{"key": "a"}"#)
    try test.send("Put", #"{"key": "b"}"#)
    try test.send("Put", #"{"key": "a"}"#)
    let refusal = try test.refused("Put", #"{"key": "c"}"#)
    #expect(refusal.message.hasSuffix("`titles` holds at most 2 entries, not 3"), "\(refusal.message)")
    try test.send("Tag", #"{"tag": "x"}"#)
    let second = try test.refused("Tag", #"{"tag": "y"}"#)
    #expect(second.message.hasSuffix("`tags` holds at most 1 element, not 2"), "\(second.message)")
  }

  @Test("a timer whose assignment exceeds the bound fails") func timer() throws {
    var test = try started(#"["a", "b"]"#)
    try test.wait("1h")
    #expect(test.data["news"]?.array?.count == 3)
    let instance = try #require(test.instance)
    let timer = try #require(instance.timers.first)
    let input = Input.timer(transition: timer.transition, armed: timer.armed)
    guard case .refused(let refusal) = test.stepper.step(instance, input, now: timer.due) else {
      Issue.record("the timer was accepted")
      return
    }
    #expect(refusal.code == "evaluation-error" || refusal.message.contains("at most 3 elements"))
  }

  @Test("a result that is larger than its bound does not fit") func result() throws {
    var test = try started(#"["a"]"#)
    try test.send("Order", #"{"tags": ["a"]}"#)
    let instance = try #require(test.instance)
    let job = try #require(test.jobs.first)
    func end(_ count: Int) -> Outcome {
      let result = Value.list(Array(repeating: .string("x"), count: count))
      return test.stepper.step(instance, .result(job.reference, .done(result)), now: test.now)
    }
    guard case .accepted = end(2), case .refused(let refusal) = end(3) else {
      Issue.record("the bound is not that of the result")
      return
    }
    #expect(refusal.message.hasSuffix("the result holds at most 2 elements, not 3"), "\(refusal.message)")
  }

  @Test("an instance whose data exceed a new bound is not migrated") func migration() throws {
    let first = try started(#"["a", "b", "c"]"#)
    let text = BoundTests.text.replacing("news: list<string> max 3 = []", with: "news: list<string> max 2 = []")
    let second = try TestInstance(text)
    let instance = try #require(first.instance)
    #expect(throws: MigrationProblem.self) {
      try second.stepper.migrate(instance, from: first.machine, now: first.now)
    }
    do {
      _ = try second.stepper.migrate(instance, from: first.machine, now: first.now)
    } catch {
      #expect(error.message.hasPrefix("the field `news` holds at most 2 elements, not 3: write `migrate from"))
    }
    let small = try started(#"["a", "b"]"#)
    _ = try second.stepper.migrate(try #require(small.instance), from: small.machine, now: small.now)
  }

  private static let deferring = """
    event Begin { id: string }
    event Note { texts: list<string> max 3 }
    flow Board {
      key id
      data { id: string  count: int = 0 }
      start on Begin -> busy do take id
      state busy { defer Note  after 1h -> free }
      state free { on Note do count = count + event.texts.size()  after 1d -> over }
      final over
    }
    """

  @Test("a deferred event that exceeds a new bound is not migrated", arguments: [2, 3])
  func deferred(_ maximum: Int) throws {
    var first = try TestInstance(BoundTests.deferring)
    try first.send("Begin", #"{"id": "k"}"#)
    try first.send("Note", #"{"texts": ["a", "b", "c"]}"#)
    let second = try TestInstance(BoundTests.deferring.replacing("max 3", with: "max \(maximum)"))
    let instance = try #require(first.instance)
    guard maximum < 3 else {
      _ = try second.stepper.migrate(instance, from: first.machine, now: first.now)
      return
    }
    do {
      _ = try second.stepper.migrate(instance, from: first.machine, now: first.now)
      Issue.record("the instance was migrated")
    } catch {
      #expect(error.message == "a deferred `Note` does not fit the new version: /texts: at most 2 elements, not 3")
    }
  }
}
