import FlowREPL
import FlowSource
import FlowTestSupport
import Foundation
import Testing

@Suite struct SessionTests {
  private func session(_ sample: String = "order.flow") -> Session {
    var session = Session(start: 0, style: .plain) { path in
      (try? Data(contentsOf: packageRoot.appending(path: "samples/\(path)"))).map { Array($0) }
    }
    _ = session.feed(":load \(sample)")
    return session
  }

  private let placed = #"-> Placed{order_id: "o1", email: "a@b.c", items: [Item{sku: "x", qty: 2, price: 5.0}]}"#

  @Test func anOrderIsDrivenByHand() {
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

  @Test func undoGoesBackAndRedoForth() {
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

  @Test func theClockMovesAndTimersFire() {
    var session = session()
    _ = session.feed(placed)
    #expect(session.feed(":advance 1d").text == "+1d, nothing was due")
    #expect(session.feed(":advance next").text.contains("unpaid → expired  failed"))
    #expect(session.prompt == "o1 expired +3d #2> ")
    #expect(session.feed(":advance soon").isError)
  }

  @Test func whyShowsTheGuardWithItsValues() {
    var session = session()
    _ = session.feed(placed)
    let reply = session.feed(":why Paid{amount: 4.0}").text
    #expect(reply.contains("guard is false"))
    #expect(reply.contains("paid + event.amount >= total"))
    #expect(reply.contains("10.0"))
    #expect(session.feed("paid").text == "0.0 : double", "asking changes nothing")
  }

  @Test func letsAndExpressionsAreEvaluated() {
    var session = session()
    _ = session.feed(placed)
    #expect(session.feed("total * 2.0").text == "20.0 : double")
    #expect(session.feed("items[0].sku").text == #""x" : string"#)
    #expect(session.feed(":can").text.contains("on Paid when paid + event.amount >= total → shipping"))
    #expect(session.feed("items[7]").isError)
    #expect(session.feed("totl").text.contains("total"))
  }

  @Test(arguments: [
    ("-> Piad{}", "did you mean `Paid`?"), (":snd", "did you mean `:send`?"), (":advance", "length of time"),
    ("-> Paid{amount: 1}", "double"), (#"-> Paid {"amount": "x"}"#, "amount"),
    (":complete nothing", "say which action"),
    ("1 +", "expected"),
  ])
  func mistakesAreExplained(_ line: String, _ hint: String) {
    var session = session()
    _ = session.feed(placed)
    let reply = session.feed(line)
    #expect(reply.isError)
    #expect(reply.text.contains(hint), "\(reply.text)")
  }

  @Test func expressionsWorkWithoutAFile() {
    var session = Session(start: 0, style: .plain) { _ in nil }
    #expect(session.feed("[1, 2, 3].map(x, x * x)").text == "[1,4,9] : list<int>")
    #expect(session.feed(":send X").isError)
    #expect(session.feed(":load none.flow").text.contains("cannot read `none.flow`"))
  }

  @Test func helpNamesEveryCommand() {
    var session = session()
    let help = session.feed(":help").text
    for command in Session.commands { #expect(help.contains(command.usage)) }
  }
}
