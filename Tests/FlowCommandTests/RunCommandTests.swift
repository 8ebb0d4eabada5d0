import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow run`: lines of JSON as input, steps as output.
@Suite struct RunCommandTests {
  static let order = "samples/order.flow"
  static let placed =
    #"{"event": "Placed", "data": {"order_id": "o1", "email": "a@b.c", "items": [{"sku": "x", "qty": 2, "price": 5}]}}"#

  /// Runs a command in a folder with files, and returns its output.
  private func folder(_ files: [String: String]) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-run-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
    return folder
  }

  private func run(_ lines: [String], _ options: String...) throws -> FlowProcess {
    try FlowProcess.run(["run", RunCommandTests.order] + options, input: lines.joined(separator: "\n") + "\n")
  }

  @Test("run applies one event per line and prints the steps") func eventLines() throws {
    let lines = [
      RunCommandTests.placed, #"{"advance": "1d"}"#, #"{"event": "Paid", "data": {"amount": 10}}"#, "",
      #"{"complete": "ship", "result": {"id": "p1"}}"#,
    ]
    let good = try run(lines)
    #expect(good.code == 0 && good.errors.isEmpty)
    #expect(good.output.contains("+1d result of ship: shipping → delivered  done"))
    let late = try run(lines.map { $0.replacing("1d", with: "4d") })
    #expect(late.code == 1, "an event was refused")
    #expect(late.errors.contains("line 3: the instance has ended in `expired`"))
    #expect(try run(Array(lines.prefix(2)).map { $0.replacing("1d", with: "4d") }).code == 1, "it ended in failure")
  }

  @Test(
    "an invalid line is reported with its number",
    arguments: [
      ("{", "line 1, byte 2"), (#"{"event": "Piad"}"#, "did you mean `Paid`?"), ("{}", "has no operation"),
      (#"{"advance": "soon"}"#, "is not a duration"), (#"{"complete": "shipp"}"#, "did you mean `ship`?"),
      (#"{"event": "Paid", "data": {"amount": "x"}}"#, "/amount"), (#"{"start": {}}"#, "it starts on Placed"),
      (#"{"event": "Paid", "payload": {"amount": 1}}"#, "the payload is `data`"),
      (#"{"event": "Paid", "Data": {"amount": 1}}"#, "did you mean `data`?"),
      (#"{"event": "Paid", "data": {"amount": 1}, "roles": "clerk"}"#, "must be a list of strings"),
      (#"{"event": "Paid", "data": {"amount": 1}, "ifRevision": 1}"#, "no member `ifRevision`"),
      (#"{"event": ["Paid"]}"#, "`event` must be a string"), (#"{"Event": "Paid"}"#, "did you mean `event`?"),
      (#"{"event": "Paid", "advance": "1d"}"#, "two operations"), (#"{"advance": 3}"#, "`advance` must be a string"),
      (#"{"fail": "ship", "cod": "X"}"#, "did you mean `code`?"), (#"["Paid"]"#, "is not a JSON object"),
      (#"{"event": "Paid", "data": {}, "data": {"amount": 1}}"#, "twice"),
    ])
  func invalidLines(_ line: String, _ message: String) throws {
    let run = try run([line])
    #expect(run.code == 2 && run.errors.contains(message), "\(run.errors)")
  }

  @Test(
    "an invalid option of run is reported",
    arguments: [
      (["--clock", "reel"], "did you mean `real`?"), (["--format", "xml"], "text or json"),
      (["--mock", "none.json"], "cannot read `none.json`"), (["--events", "none.ndjson"], "cannot read `none.ndjson`"),
      (["--until", "paid +"], "expected"), (["--until", "paid"], "it is `double`"), (["--flow", "Odrer"], "no flow"),
      (["--input", "{"], "JSON object"), (["--input", "{}"], "takes no arguments"),
    ])
  func invalidRunOptions(_ options: [String], _ message: String) throws {
    let run = try FlowProcess.run(["run", RunCommandTests.order] + options)
    #expect(run.code == 2 && run.errors.contains(message), "\(run.errors)")
  }

  @Test("--keep-going continues after a refused event") func keepGoing() throws {
    let lines = [RunCommandTests.placed, #"{"event": "Retry"}"#, #"{"event": "Paid", "data": {"amount": 4}}"#]
    #expect(!(try run(lines).output.contains("paid = 4.0")))
    let kept = try run(lines + [#"{"fail": "ship"}"#], "--keep-going")
    #expect(kept.code == 1 && kept.output.contains("paid = 4.0"))
    #expect(kept.errors.contains("line 2: `Retry` is not handled in `unpaid`"))
    #expect(kept.errors.contains("line 4: no call of `ship` waits"))
  }

  @Test("--mock gives calls their results") func mocks() throws {
    let lines = [RunCommandTests.placed, #"{"event": "Paid", "data": {"amount": 10}}"#]
    let waiting = try run(lines)
    #expect(waiting.code == 0)
    #expect(
      waiting.output.hasSuffix(#"waits for ship {"order":"o1","items":[{"sku":"x","qty":2,"price":5.0}]}"# + "\n"))
    let folder = try folder([
      "good.json": #"{"ship": {"result": {"id": "p1"}}}"#, "bad.json": #"{"ship": {"fail": "NO_STOCK"}}"#,
      "turns.json": #"{"ship": [{"fail": "UNAVAILABLE"}, {"result": {"id": "p2"}}]}"#,
      "wrong.json": #"{"ship": {"result": 1}}"#,
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let good = try run(lines, "--mock", folder.appending(path: "good.json").path)
    #expect(good.code == 0 && good.output.contains("shipping → delivered  done"))
    let bad = try run(lines, "--mock", folder.appending(path: "bad.json").path)
    #expect(bad.code == 1 && bad.output.contains("shipping → cancelled  failed"))
    let retry = lines + [#"{"event": "Retry", "roles": ["support"]}"#]
    let turns = try run(retry, "--mock", folder.appending(path: "turns.json").path)
    #expect(turns.code == 0 && turns.output.contains("shipping → stuck") && turns.output.contains("delivered  done"))
    #expect(try run(lines, "--mock", folder.appending(path: "wrong.json").path).code == 2)
  }

  @Test("--until stops at a condition and fires timers to reach it") func until() throws {
    let paid = #"{"event": "Paid", "data": {"amount": 4}}"#
    let reached = try run([RunCommandTests.placed, paid, "{", "{"], "--until", "paid > 1.0")
    #expect(reached.code == 0, "what comes later is not looked at")
    let expired = try run([RunCommandTests.placed], "--until", #"self.state == "expired""#)
    #expect(expired.code == 1 && expired.output.contains("+3d timer: unpaid → expired  failed"))
    let missed = try run([RunCommandTests.placed], "--until", "paid > 1.0")
    #expect(missed.code == 1 && missed.errors.contains("`paid > 1.0` never became true"))
  }

  @Test("--trace prints transitions and timers") func traces() throws {
    let lines = [RunCommandTests.placed, #"{"event": "Paid", "data": {"amount": 10}}"#]
    #expect(!(try run(lines).output.contains("takes on Paid")))
    let traced = try run(lines, "--trace")
    #expect(traced.output.contains("sets a timer for +3d  samples/order.flow:48"))
    #expect(traced.output.contains("clears a timer  samples/order.flow:48"))
    #expect(
      traced.output.contains("takes on Paid when paid + event.amount >= total → shipping  samples/order.flow:46"))
  }

  @Test("run --format json prints one object per line") func jsonLines() throws {
    let lines = [RunCommandTests.placed, #"{"event": "Paid", "data": {"amount": 4}}"#, #"{"event": "Retry"}"#]
    let run = try run(lines, "--format", "json")
    #expect(run.code == 1)
    let documents = try run.output.split(separator: "\n").map { try JSON(parsing: String($0)) }
    try #require(documents.count == 4)
    #expect(documents[0]["to"] == ["unpaid"] && documents[0]["cause"] == "Placed")
    #expect(documents[0]["effects"]?.array?.first?["arm"] == "samples/order.flow:48")
    #expect(documents[1]["changes"]?["paid"] == .double(4) && documents[1]["revision"] == 2)
    #expect(documents[2]["refused"]?["code"] == "not-handled")
    #expect(documents[3]["states"] == ["unpaid"] && documents[3]["status"] == "running")
    #expect(documents[3]["data"]?["paid"] == .double(4))
  }

  /// A flow with parameters is called, and with a real clock its timers wait.
  @Test("--clock real waits for timers") func realClock() throws {
    let folder = try folder([
      "nap.flow": """
      event Wake
      flow Nap(text: string) -> string {
        start -> asleep
        state asleep { after 300ms -> awake  on Wake -> awake }
        final awake returns text
      }
      """
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    let input = #"{"text": "hello"}"#
    let virtual = try FlowProcess.run("run", "nap.flow", "--input", input, in: folder)
    #expect(virtual.code == 0 && !virtual.output.contains("awake"), "\(virtual.errors)")
    let begin = ContinuousClock.now
    let real = try FlowProcess.run("run", "nap.flow", "--input", input, "--clock", "real", in: folder)
    #expect(real.code == 0 && real.output.contains("asleep → awake  done"), "\(real.errors)")
    #expect(begin.duration(to: .now) >= .milliseconds(300), "nothing fires too early")
    let waited = try FlowProcess.run(
      "run", "nap.flow", "--input", input, "--clock", "real", input: #"{"advance": "2h"}"# + "\n", in: folder)
    #expect(waited.code == 0 && waited.output.contains("done"), "the end of the instance ends the waiting")
    let woken = try FlowProcess.run(
      "run", "nap.flow", "--input", input, "--clock", "real", input: #"{"event": "Wake"}"# + "\n", in: folder)
    #expect(woken.code == 0 && woken.output.contains("Wake: asleep → awake  done"))
  }
}
