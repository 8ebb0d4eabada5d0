import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowTestSupport
import FlowTesting
import Foundation
import Testing

@testable import FlowREPL

@Suite("REPL session") struct SessionTests {
  private func session(_ sample: String = "order.flow") -> Session {
    var session = Session(start: 0, style: .plain, world: SessionEnvironment(load: SessionTests.sample))
    _ = session.feed(":load \(sample)")
    return session
  }

  /// The text of a sample.
  static func sample(_ path: String) -> [UInt8]? {
    (try? Data(contentsOf: packageRoot.appending(path: "samples/\(path)"))).map { Array($0) }
  }

  private let placed = #"-> Placed{order_id: "o1", email: "a@b.c", items: [Item{sku: "x", qty: 2, price: 5.0}]}"#

  @Test("an instance is driven with events, results and failures") func orderSample() {
    var session = session()
    #expect(session.prompt == "flow> ")
    #expect(session.feed(placed).text.hasPrefix("+0s Placed: · → unpaid"))
    #expect(session.prompt == "o1 unpaid +0s #1> ")
    #expect(session.feed("-> Paid{amount: 4.0}").text == "+0s Paid: stays in unpaid\n      paid = 4.0")
    #expect(session.feed(#":send Paid {"amount": 6}"#).text.contains("unpaid → shipping"))
    #expect(session.feed(":state").text.contains("waits for ship"))
    #expect(session.feed(":fail ship UNAVAILABLE").text.contains("shipping → stuck"))
    #expect(session.feed("-> Retry").isError)
    #expect(session.feed("-> Retry as support").text.contains("stuck → shipping"))
    #expect(session.feed(#":complete ship {"id": "p1"}"#).text.contains("shipping → delivered  done"))
    #expect(session.feed(":data").text.contains(#"parcel = {"id":"p1"}"#))
  }

  @Test(":describe shows what an editor shows on hover") func describe() {
    var session = session()
    let event = session.feed(":describe Paid").text
    #expect(event.hasPrefix("event Paid"))
    #expect(session.feed(":describe unpaid").text.contains("events: "))
    #expect(session.feed(":describe paid").text.contains("paid: double"))
    #expect(session.feed(":describe Pad").text == "error: `Pad` is not a name of order.flow, did you mean `Paid`?")
    #expect(session.feed(":describe").isError)
    #expect(session.completions(of: ":describe Pa").contains("Paid"))
    #expect(
      Session(start: 0, style: .plain, world: SessionEnvironment(load: SessionTests.sample)).completions(
        of: ":describe P") == [])
  }

  @Test(":undo and :redo move between steps") func undoAndRedo() {
    var session = session()
    _ = session.feed(placed)
    _ = session.feed("-> Paid{amount: 4.0}")
    _ = session.feed(":undo")
    #expect(session.feed("paid").text == "0.0 : double")
    _ = session.feed(":redo")
    #expect(session.feed("paid").text == "4.0 : double")
    _ = session.feed(":undo")
    _ = session.feed(":undo")
    _ = session.feed(":undo")
    #expect(session.feed(":undo").text == "error: there is nothing to undo")
  }

  @Test(":advance moves the clock and fires timers") func advance() {
    var session = session()
    _ = session.feed(placed)
    #expect(session.feed(":advance 1d").text == "+1d, nothing was due")
    #expect(session.feed(":advance next").text.contains("unpaid → expired  failed"))
    #expect(session.prompt == "o1 expired +3d #2> ")
    #expect(session.feed(":advance soon").isError)
  }

  @Test(":why explains a guard with its values and changes nothing") func why() {
    var session = session()
    _ = session.feed(placed)
    let reply = session.feed(":why Paid{amount: 4.0}").text
    #expect(reply.contains("guard is false"))
    #expect(reply.contains("paid + event.amount >= total"))
    #expect(reply.contains("10.0"))
    #expect(session.feed("paid").text == "0.0 : double", "the explanation changes nothing")
  }

  @Test("expressions are evaluated against the data of the instance") func expressions() {
    var session = session()
    _ = session.feed(placed)
    #expect(session.feed("total * 2.0").text == "20.0 : double")
    #expect(session.feed("items[0].sku").text == #""x" : string"#)
    #expect(session.feed(":can").text.contains("on Paid when paid + event.amount >= total → shipping"))
    #expect(session.feed("items[7]").isError)
    #expect(session.feed("totl").text.contains("total"))
  }

  @Test(
    "mistakes are reported with a hint",
    arguments: [
      ("-> Piad{}", "did you mean `Paid`?"), (":snd", "did you mean `:send`?"), (":advance", "a duration such as"),
      ("-> Paid{amount: 1}", "double"), (#"-> Paid {"amount": "x"}"#, "amount"),
      (":complete nothing", "say which action"),
      ("1 +", "expected"),
    ])
  func mistakes(_ line: String, _ hint: String) {
    var session = session()
    _ = session.feed(placed)
    let reply = session.feed(line)
    #expect(reply.isError)
    #expect(reply.text.contains(hint), "\(reply.text)")
  }

  @Test("expressions are evaluated without a loaded file") func withoutFile() {
    var session = Session(start: 0, style: .plain, world: SessionEnvironment { _ in nil })
    #expect(session.feed("[1, 2, 3].map(x, x * x)").text == "[1,4,9] : list<int>")
    #expect(session.feed(":send X").isError)
    #expect(session.feed(":load none.flow").text.contains("cannot read `none.flow`"))
  }

  @Test(":help lists every command") func help() {
    let help = session().help("").text
    for command in Session.Command.all { #expect(help.contains(command.usage)) }
    #expect(Set(Session.Command.all.map(\.name)).count == Session.Command.all.count)
  }

  @Test(
    "the help of each command has an example that can be parsed",
    arguments: Session.Command.all.map(\.name)) func helpOfCommand(_ name: String) throws
  {
    var session = session()
    let help = session.feed(":help \(name)")
    let lines = help.text.split(separator: "\n")
    try #require(!help.isError && lines.count == 3)
    #expect(lines[0].hasPrefix(":\(name)") && lines[1].count > 6)
    let example = try #require(lines[2].split(separator: ": ", maxSplits: 1).last)
    #expect(example.hasPrefix(":") || example.hasPrefix("->") || example.hasPrefix("let ") || name == "eval")
    // An example may fail in this state, but not because it cannot be parsed.
    _ = session.feed(placed)
    let reply = session.feed(String(example))
    #expect(!reply.text.contains("write `:") && !reply.text.contains("there is no command"), "\(reply.text)")
  }

  @Test(
    "commands, events, fields and states are completed",
    arguments: [
      (":ad", [":advance"]), ("-> P", ["Placed", "Paid"]), ("-> Placed{ord", ["order_id: "]),
      ("-> Placed{order_id: \"a\", em", ["email: "]), (":path sh", ["shipping", "shipment"]),
      (":fail ship N", ["NO_STOCK"]),
      (":complete sh", ["ship"]), ("pai", ["paid"]), (":new O", ["Order"]), ("nothing", []), (":export ", ["test"]),
    ])
  func completions(_ line: String, _ words: [String]) {
    #expect(session().completions(of: line) == words)
  }

  /// Events that the instance accepts are listed first.
  @Test("accepted events are proposed first") func orderOfCompletions() {
    var session = session()
    _ = session.feed(placed)
    #expect(session.completions(of: "-> ").prefix(2).sorted() == ["Cancel", "Paid"])
  }

  @Test(":mock sets the result of a call until :unmock") func mocks() {
    var session = session()
    _ = session.feed(placed)
    #expect(session.feed(#":mock ship = {"id": "p9"}"#).text == #"`ship` answers Parcel{id: "p9"}"#)
    #expect(session.feed("-> Paid{amount: 10.0}").text.contains("shipping → delivered"))
    _ = session.feed(":undo")
    #expect(session.feed(":mock ship fail NO_STOCK").text.contains("NO_STOCK"))
    #expect(session.feed("-> Paid{amount: 10.0}").text.contains("shipping → cancelled"))
    #expect(session.feed(":unmock ship").text.contains("waits again"))
    #expect(session.feed(":mock shipp = 1").isError && session.feed(":mock ship = 1").isError)
  }

  /// The exported session is a test that passes.
  @Test(":export writes the session as a test that passes") func export() throws {
    var session = session()
    for line in [placed, "-> Paid{amount: 4.0}", ":advance 1d", "-> Cancel as support"] {
      #expect(!session.feed(line).isError)
    }
    let test = session.feed(":export test cancelled after a day").text
    #expect(test.contains("send Cancel{reason: \"\"} by support as \"support\"\n  expect state cancelled"))
    let text = try String(contentsOf: packageRoot.appending(path: "samples/order.flow"), encoding: .utf8)
    let compilation = compile("order.flow") { path in
      path == "order.flow"
        ? Array((text + "\n" + test).utf8)
        : (try? Data(contentsOf: packageRoot.appending(path: "samples/\(path)"))).map { Array($0) }
    }
    let runner = try TestRunner(try #require(compilation.program), style: .plain)
    let report = runner.run(try #require(compilation.tests.last))
    #expect(report.name == "cancelled after a day" && report.hasPassed)
  }

  @Test(":test runs the tests of the file, and those of its name") func tests() {
    var session = session()
    let all = session.feed(":test")
    #expect(!all.isError && all.text.hasSuffix(" passed"))
    let none = session.feed(":test there is no such test")
    #expect(none.isError && none.text == "error: no test has `there is no such test` in its name")
    var several = self.session("approvals/quorum.flow")
    let one = several.feed(":test a week of silence")
    #expect(one.text == "✓ a week of silence rejects a proposal  Proposal\n1 passed")
  }

  @Test(":path finds inputs that lead to a state") func path() {
    var session = session()
    let way = session.feed(":path cancelled")
    #expect(!way.isError && way.text.hasPrefix("-> Placed{"))
    #expect(session.feed(":path nowhere").isError)
  }

  @Test("a saved session can be repeated with :source") func save() {
    var first = session()
    for line in [placed, "-> Paid{amount: 4.0}", "nonsense", ":advance 1h"] { _ = first.feed(line) }
    let saved = first.feed(":save").text
    let world = SessionEnvironment { path in path == "saved" ? Array(saved.utf8) : SessionTests.sample(path) }
    var second = Session(start: 0, style: .plain, world: world)
    #expect(!second.feed(":source saved").isError)
    #expect(second.prompt == first.prompt && second.prompt == "o1 unpaid +1h #2> ")
  }

  /// The transcript in the documentation equals the output of a session.
  @Test("the transcript in the documentation is the output of a session") func transcript() throws {
    let page = try String(contentsOf: packageRoot.appending(path: "Docs/repl.md"), encoding: .utf8)
    let transcript = try #require(page.firstMatch(of: /```text\n([^`]*(?:`[^`]+)*?)```/)).1
    let world = SessionEnvironment { path in
      (try? Data(contentsOf: packageRoot.appending(path: path))).map { Array($0) }
    }
    var session = Session(start: 0, style: .plain, world: world)
    let isUpdate = ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil
    var said: [String] = []
    var count = 0
    for line in transcript.split(separator: "\n", omittingEmptySubsequences: false) {
      guard let prompt = line.firstRange(of: "> ") else { continue }
      guard line[..<prompt.upperBound] == session.prompt || isUpdate && line.hasPrefix("> ") else { continue }
      let command = String(line[prompt.upperBound...])
      said.append(session.prompt + command)
      let text = session.feed(command).text
      if !text.isEmpty { said.append(text) }
      count += 1
    }
    let actual = said.joined(separator: "\n") + "\n"
    if isUpdate {
      let updated = page.replacing(transcript, with: actual)
      try updated.write(to: packageRoot.appending(path: "Docs/repl.md"), atomically: true, encoding: .utf8)
    }
    #expect(count > 8)
    #expect(actual == transcript)
  }
}
