import FlowDiagnostics
import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowREPL

/// Several instances, checkpoints, names, settings, the real clock and changed files.
@Suite("REPL instances, checkpoints, names and settings") struct SessionStateTests {
  private let placed = #"-> Placed{order_id: "o1", email: "a@b.c", items: [Item{sku: "x", qty: 2, price: 5.0}]}"#

  /// The environment of a session, controlled by the test.
  private final class World {
    var files: [String: String] = [:]
    var now: Int64 = 1000
    var isInterrupted = false
  }

  private func session(_ world: World = World(), lines: [String] = []) -> Session {
    var session = Session(
      start: 0, style: .plain,
      world: SessionEnvironment(
        load: { path in world.files[path].map { Array($0.utf8) } ?? SessionTests.sample(path) },
        create: { path, text in
          guard world.files[path] == nil else { return false }
          world.files[path] = String(decoding: text, as: UTF8.self)
          return true
        }, page: { $0 == "F104" ? "# F104 unknown-state\n" : nil }, now: { world.now },
        isInterrupted: { world.isInterrupted }))
    for line in [":load order.flow"] + lines { #expect(!session.feed(line).isError, "\(line)") }
    return session
  }

  // MARK: - Instances

  @Test(":fork creates an independent instance") func fork() {
    var session = session(lines: [placed, "-> Paid{amount: 4.0}"])
    #expect(session.feed(":fork #1 as what-if").text == "in use: what-if")
    #expect(session.prompt == "what-if: o1 unpaid +0s #1> ")
    #expect(!session.feed("-> Cancel as customer").isError)
    #expect(session.feed(":use 1").text == "Order o1  unpaid  +0s #2")
    #expect(session.feed("paid").text == "4.0 : double")
    #expect(
      session.feed(":list").text == """
        * 1  Order o1  unpaid  +0s #2
          what-if  Order o1  cancelled  failed  +0s #2
        """)
    #expect(session.feed(":diff what-if").text == "state: cancelled → unpaid\npaid: 0.0 → 4.0")
    #expect(session.feed(":drop 1").text == "in use: what-if" && session.prompt.hasPrefix("o1 cancelled"))
    #expect(session.feed(":drop what-if").isError, "the last instance cannot be dropped")
    #expect(session.feed(":fork as 1").text == "in use: 1")
    #expect(session.feed(":fork as 1").isError && session.feed(":fork #9").isError && session.feed(":use x").isError)
  }

  @Test(":new adds an instance next to the others") func severalInstances() {
    var session = session(lines: [placed])
    #expect(session.feed(":new Order as second").text == "Order starts on Placed")
    #expect(!session.feed(placed.replacing("o1", with: "o2")).isError)
    #expect(session.prompt == "second: o2 unpaid +0s #1> ")
    #expect(session.feed(":undo").text == "back to second: flow")
    #expect(session.feed(":new Nothing").isError)
  }

  @Test("the number of instances is limited") func instanceLimit() {
    var session = session(lines: [placed])
    for _ in 1..<Session.maximumTracks { #expect(!session.feed(":fork").isError) }
    #expect(session.feed(":fork").text.contains("\(Session.maximumTracks) instances already"))
  }

  // MARK: - Steps

  @Test(":back, :undo and :redo go to a step, and :diff compares steps") func back() {
    var session = session(lines: [placed, "-> Paid{amount: 1.0}", "-> Paid{amount: 2.0}", ":advance 1h"])
    #expect(session.feed(":diff #1").text == "clock: +0s → +1h\npaid: 0.0 → 3.0")
    #expect(
      session.feed(":diff #1 #2").text == "paid: 0.0 → 1.0" && session.feed(":diff #2 #2").text == "no difference")
    #expect(session.feed(":back #1").text == "at o1 unpaid +0s #1")
    #expect(session.feed(":back #3").text == "at o1 unpaid +0s #3")
    #expect(session.feed(":back #9").isError && session.feed(":back 1").isError && session.feed(":diff").isError)
    #expect(session.feed(":undo 2").text == "back to o1 unpaid +0s #1")
    #expect(session.feed(":redo 9").text == "again o1 unpaid +1h #3")
    #expect(session.feed(":redo").isError && session.feed(":undo x").isError)
  }

  @Test(":return goes back to a checkpoint of :mark") func mark() {
    var session = session(lines: [placed, ":mark before", "-> Cancel as customer"])
    #expect(session.feed(":mark").text == "before  Order o1  unpaid  +0s #1")
    #expect(session.feed(":return before").text == "at o1 unpaid +0s #1")
    #expect(session.feed(":undo").text == "back to o1 cancelled +0s #2", ":return is a step, too")
    #expect(session.feed(":return nowhere").text.contains("there are before"))
  }

  // MARK: - Names

  @Test("let names an expression that is evaluated with the current data") func lets() {
    var session = session(lines: [placed])
    #expect(session.feed("let rest = total - paid").text == "rest : double")
    #expect(session.feed("let isSmall = rest < 20.0").text == "isSmall : bool")
    #expect(session.feed("rest").text == "10.0 : double")
    _ = session.feed("-> Paid{amount: 4.0}")
    #expect(session.feed("[rest, total]").text == "[6.0,10.0] : list<double>", "a name has the current value")
    #expect(session.feed(":lets").text == "let rest = total - paid\nlet isSmall = rest < 20.0")
    #expect(session.feed(":forget rest").text.contains("another name needs `rest`"))
    #expect(session.feed("let rest = true").text.contains("no longer mean anything"))
    #expect(session.feed("let rest = 1.0").text == "rest : double" && session.feed("isSmall").text == "true : bool")
    #expect(session.feed("let paid = 1.0").text.contains("name of the flow"))
    #expect(session.feed("let self_made = self_made + 1").isError && session.feed("let 1 = 2").isError)
    #expect(!session.feed(":forget isSmall").isError && session.feed("isSmall").isError)
    #expect(session.feed(":forget isSmall").isError)
  }

  /// Names that are not valid in another program are removed.
  @Test("names survive another program if they are still valid") func letsAfterReload() {
    let world = World()
    world.files["bill.flow"] = SessionStateTests.bill
    var session = session(
      world, lines: ["let two = 2", "let four = two * two", "let rest = total - paid", "let cents = 1"])
    #expect(!session.feed(":load bill.flow").isError)
    #expect(session.feed(":lets").text == "let two = 2\nlet four = two * two\nlet cents = 1")
    #expect(!session.feed(":reload").isError && session.feed("four").text == "4 : int")
    #expect(!session.feed(":forget cents").isError && !session.feed("let open = 1").isError)
    world.files["bill.flow"] = SessionStateTests.bill.replacing("paid", with: "two")
    #expect(!session.feed(":reload").isError)
    #expect(session.feed(":lets").text.hasPrefix("let four = two * two"), "`two` is now a field of the flow")
  }

  @Test(":type reports a type without evaluation") func typeOfExpression() {
    var session = session()
    #expect(session.feed(":type items[7].price * 2.0").text == "double")
    #expect(session.feed(":type itms").text.contains("items"))
    #expect(session.feed("self.state").isError)
    _ = session.feed(placed)
    #expect(
      session.feed("self.state").text == #""unpaid" : string"# && session.feed("self.id == key").text == "true : bool")
  }

  // MARK: - Paths

  /// The printed inputs can be entered and lead to the goal.
  @Test(
    "the inputs that :path and :never print lead to the goal",
    arguments: [":path stuck", ":path delivered", ":never self.state == \"stuck\"", ":never paid > total + 1.0"])
  func printedPath(_ line: String) {
    var session = session(lines: [placed, "-> Paid{amount: 4.0}"])
    let reply = session.feed(line)
    #expect(reply.isError == line.hasPrefix(":never"))
    let lines = reply.result?["lines"]?.array?.compactMap(\.string) ?? []
    #expect(!lines.isEmpty && lines.allSatisfy { reply.text.contains($0) })
    for line in lines { #expect(!session.feed(line).isError, "\(line)") }
    let goal = line.split(separator: " ", maxSplits: 1)[1]
    #expect(session.feed(goal.contains(" ") ? String(goal) : "self.state == \"\(goal)\"").text == "true : bool")
  }

  @Test(":path and :never report goals that are not reachable") func unreachableGoal() {
    var session = session(lines: [placed])
    let reply = session.feed(":never paid < 0.0 --depth 3")
    #expect(!reply.isError && reply.text.hasPrefix("never in ") && reply.result?["complete"] == false)
    #expect(session.feed(":path paid < 0.0 --depth 2").text.contains("in 2 moves"))
    #expect(session.feed(":path unpaid").text == "it is so already")
    #expect(session.feed(":never paid").text.contains("has type `double`"))
    #expect(session.feed(":path cancelld").text.contains("did you mean `cancelled`?"))
    #expect(session.feed(":never paid < 0.0 --depth x").isError && session.feed(":never").isError)
  }

  @Test("a search can be interrupted") func interrupt() {
    let world = World()
    var session = session(world, lines: [placed])
    world.isInterrupted = true
    #expect(session.feed(":never false").text == "never in 1 situations, 0 moves; then it was given up")
    #expect(session.feed(":advance 4d").text == "+0s, nothing was due")
  }

  // MARK: - Settings

  @Test(":set changes traces and colors") func settings() {
    var session = session(lines: [placed])
    #expect(session.feed(":set").text.contains("trace steps  (off, steps, all)"))
    _ = session.feed(":set trace off")
    #expect(session.feed("-> Paid{amount: 4.0}").text == "+0s Paid: stays in unpaid")
    _ = session.feed(":set trace all")
    #expect(
      session.feed("-> Paid{amount: 6.0}").text.contains("takes on Paid when paid + event.amount >= total → shipping"))
    #expect(!session.feed("-> Nope").text.contains("\u{1B}["))
    _ = session.feed(":set color on")
    #expect(session.feed("-> Nope").text.contains("\u{1B}[31m"))
    #expect(session.feed(":set colour on").isError && session.feed(":set trace loud").text.contains("off, steps, all"))
  }

  @Test("with format json, each reply is an object") func jsonFormat() {
    var session = session(lines: [placed, ":set format json", ":set color on"])
    let paid = Session.json(session.feed("-> Paid{amount: 4.0}"), to: "-> Paid{amount: 4.0}")
    #expect(paid["kind"] == "send" && paid["ok"] == true)
    #expect(paid["result"]?["steps"]?.array?.first?["changes"]?["paid"] == .double(4))
    let value = Session.json(session.feed("paid"), to: "paid")
    #expect(value["kind"] == "eval" && value["result"]?["value"] == .double(4) && value["result"]?["type"] == "double")
    let wrong = Session.json(session.feed(":frob"), to: ":frob")
    #expect(wrong["ok"] == false && wrong["text"]?.string?.hasPrefix("error: ") ?? false, "without colors")
  }

  // MARK: - A real clock

  @Test("with clock real, timers fire as time passes") func realClock() {
    let day: Int64 = 86_400_000
    let world = World()
    var session = session(world, lines: [placed])
    #expect(session.millisecondsToTimer == nil && session.catchUp() == nil)
    _ = session.feed(":set clock real")
    #expect(session.millisecondsToTimer == 3 * day)
    world.now += day
    #expect(session.millisecondsToTimer == 2 * day && session.catchUp() == nil)
    #expect(session.prompt == "o1 unpaid +1d #1> ")
    world.now += 3 * day
    #expect(
      session.feed("1 + 1").text == "+3d timer: unpaid → expired  failed\n2 : int",
      "the timer is reported before the result")
    _ = session.feed(":undo")
    #expect(session.prompt == "o1 unpaid +1d #1> ", "after :undo the clock continues from there")
    world.now += 1000
    #expect(session.millisecondsToTimer == 2 * day - 1000)
    _ = session.feed(":set clock virtual")
    world.now += 9 * day
    #expect(session.catchUp() == nil && session.millisecondsToTimer == nil)
  }

  // MARK: - Files

  private static let bill = """
    event Open { id: string }
    event Pay { cents: int }
    flow Bill {
      key id
      data { id: string  paid: int = 0 }
      start on Open -> open do id = event.id
      state open { on Pay when paid + event.cents >= 10 -> done  on Pay do paid = paid + event.cents  after 9d -> lost }
      final done
      failed lost
    }
    """

  @Test(":reload repeats the session with the changed file") func reload() {
    let world = World()
    world.files["bill.flow"] = SessionStateTests.bill
    var session = session(world, lines: [":load bill.flow", #"-> Open{id: "b"}"#, "-> Pay{cents: 4}", ":advance 1d"])
    world.files["bill.flow"] = SessionStateTests.bill.replacing("  start on", with: "  invariant fee > 0\n  start on")
      .replacing("paid: int = 0", with: "fee: int = 7  paid: int = 0")
    #expect(session.feed(":reload").text == "1: Bill b  open  +1d #2")
    #expect(session.feed("[fee, paid]").text == "[7,4] : list<int>")
    #expect(session.feed(":undo").text == "back to b open +0s #2")
    world.files["bill.flow"] = SessionStateTests.bill.replacing(">= 10 -> done", with: ">= 3 -> done")
    #expect(session.feed(":reload").text == "1: Bill b  done  done  +0s #2")
    world.files["bill.flow"] = SessionStateTests.bill.replacing("cents: int", with: "cents: string")
      .replacing("event.cents", with: "int(event.cents)")
    let misfit = session.feed(":reload")
    #expect(misfit.isError && misfit.text.contains("as `send Pay{cents: 4}` does not fit the program any more"))
    world.files["bill.flow"] = "flow {"
    #expect(session.feed(":reload").isError && session.prompt == "b open +0s #1> ", "a broken file changes nothing")
    world.files["bill.flow"] = SessionStateTests.bill
    #expect(session.feed(":reload --fresh").text == "bill.flow: Bill (3 states)" && session.prompt == "flow> ")
  }

  @Test(":save writes a file and does not replace one") func savedFile() {
    let world = World()
    var session = session(world, lines: [placed, ":advance 1h"])
    #expect(session.feed(":save mine.flowrepl").text == "wrote mine.flowrepl, 3 lines")
    #expect(session.feed(":save mine.flowrepl").isError, "an existing file is not replaced")
    var second = self.session(world)
    #expect(!second.feed(":source mine.flowrepl").isError && second.prompt == session.prompt)
    #expect(session.feed(":explain F104").text == "# F104 unknown-state")
    #expect(session.feed(":explain unknown-state").text == "# F104 unknown-state")
    #expect(session.feed(":explain unknown-sate").text.contains("did you mean `unknown-state`?"))
  }

  // MARK: - Input lines

  @Test(
    "a text is split into statements",
    arguments: [
      ("1 + 2", ["1 + 2"]), ("1 +\n2", ["1 +\n2"]), ("a\nb", ["a", "b"]), (":state\n\n:data\n", [":state", ":data"]),
      ("-> Paid{\n  amount: 1.0\n}\n:state", ["-> Paid{\n  amount: 1.0\n}", ":state"]),
      ("[1,\n\n2", ["[1,\n\n2"]), ("[1,\n\n2]\n3", ["[1,\n\n2]", "3"]),
      ("'''a\n\n{b'''\n1", ["'''a\n\n{b'''", "1"]), ("1 // {\n2", ["1 // {", "2"]),
      ("r'\\'\n1", ["r'\\'", "1"]), ("-> Go {} // (\n:state", ["-> Go {} // (", ":state"]),
      ("\"{\"\n1", ["\"{\"", "1"]),
      ("'it\\'s {'\n1", ["'it\\'s {'", "1"]),
      (":help ?\n1", [":help ?", "1"]), ("", []),
    ])
  func statements(_ text: String, _ statements: [String]) {
    #expect(Session.statements(of: text) == statements)
  }

  @Test(
    "roles and names of callers are written to the history",
    arguments: [
      ("-> Retry by support", #"send Retry{} by support"#),
      (#"-> Retry by support as "ana""#, #"send Retry{} by support as "ana""#),
      ("-> Retry as support", #"send Retry{} by support as "support""#),
      (#"-> Cancel{reason: " as } by "} by support"#, #"send Cancel{reason: " as } by "} by support"#),
    ])
  func callers(_ line: String, _ test: String) {
    var session = session(lines: [placed, "-> Paid{amount: 10.0}", ":fail ship UNAVAILABLE"])
    #expect(!session.feed(line).isError)
    #expect(session.feed(":history").text.hasSuffix(test))
  }

  @Test("an ambiguous prefix of a command is rejected") func ambiguousPrefix() {
    var session = session()
    #expect(session.feed(":sta").text == "error: `:sta` may be `:start`, `:state`")
    #expect(session.feed(":stat").text.contains("has not started"))
  }

  @Test(":start passes the parameters of a flow") func parameters() {
    let world = World()
    world.files["nap.flow"] = """
      flow Nap(text: string) -> string {
        start -> asleep
        state asleep { after 1h -> awake }
        final awake returns text
      }
      """
    var session = session(world, lines: [":load nap.flow"])
    #expect(session.feed(":start {\"txt\": 1}").isError)
    #expect(session.feed(":path awake").text == ":start {\"text\":\"\"}\n:advance 1h")
    #expect(session.feed(":start {\"text\": \"a\"}").text == "+0s called: · → asleep")
    #expect(session.feed(":start {\"text\": \"a\"}").isError && session.feed("-> Nothing").isError)
    #expect(session.feed(":export test naps").text.contains("  start Nap(text: \"a\")\n"))
  }
}
