import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow ctl` against a real server.
@Suite("flow ctl", .serialized) struct ControlTests {
  private static let text = """
    event Begin { id: string }
    event Add { n: int }
    event Fail
    action call_home(id: string) { http POST env("HOME_URL") + "/" + id  retry 0 }
    flow Counter {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> counting do id = event.id
      state counting {
        on Add when event.n > 0 do total = total + event.n
        on Fail -> over do call_home(id: id)
        after 30d -> over
      }
      final over
    }
    """

  private let folder: TestFolder
  private let server: ServerProcess

  init() throws {
    folder = try TestFolder()
    let file = try folder.write("counter.flow", ControlTests.text)
    // No server listens on this port.
    server = try ServerProcess([file, "--store", folder.store], environment: ["HOME_URL": "http://127.0.0.1:9"])
  }

  private func ctl(_ words: String...) throws -> FlowProcess {
    try FlowProcess.run(["ctl", "--server", "http://127.0.0.1:\(server.port)"] + words)
  }

  @Test("start, send, show, list and history operate on instances") func instances() throws {
    let started = try ctl("start", "Counter", "Begin", #"{"id": "a b"}"#)
    #expect(started.code == 0 && started.output == "Counter/a b  applied, running, in counting\n", "\(started.errors)")
    let sent = try ctl("send", "Counter", "a b", "Add", #"{"n": 3}"#, "--key", "k1")
    #expect(sent.code == 0 && sent.output.contains("applied"), "\(sent.errors)")
    #expect(try ctl("send", "Counter", "a b", "Add", #"{"n": 3}"#, "--key", "k1").code == 0)
    let shown = try ctl("show", "Counter", "a b")
    let view = try JSON(parsing: Array(shown.output.utf8))
    #expect(view["data"]?["total"] == 3 && view["why"]?.string?.contains("waits for") == true)
    #expect(try ctl("list", "Counter", "--status", "running").output.hasPrefix("Counter  a b  running  counting  2  "))
    #expect(try ctl("list", "--q", "data.total > 5").output == "")
    #expect(try ctl("history", "Counter", "a b").output.contains("Add: counting -> counting"))
    #expect(try ctl("flows").output.hasPrefix("Counter  1"))
  }

  @Test("control characters in keys are escaped on the terminal") func controlCharactersAreEscaped() throws {
    #expect(try ctl("start", "Counter", "Begin", #"{"id": "a\u001b[2Jb"}"#).code == 0)
    for words in [["list", "Counter"], ["send", "Counter", "a\u{1B}[2Jb", "Add", #"{"n": 1}"#]] {
      let printed = try FlowProcess.run(["ctl", "--server", "http://127.0.0.1:\(server.port)"] + words)
      #expect(printed.code == 0)
      #expect(!printed.output.contains("\u{1B}"), "\(words)")
      #expect(printed.output.contains(#"a\u{1b}[2Jb"#), "\(printed.output)")
    }
  }

  @Test("every violation of a payload is listed") func violations() throws {
    let refused = try ctl("start", "Counter", "Begin", #"{"id": 5, "more": 1}"#)
    #expect(refused.code == 1)
    #expect(refused.errors.contains("id") && refused.errors.contains("more"), "\(refused.errors)")
  }

  @Test("a server at a Unix socket is reached") func unixSocket() throws {
    let address = "unix:" + folder.url.appending(path: "flow.sock").path
    let other = try ServerProcess(
      [folder.url.appending(path: "counter.flow").path, "--store", folder.store + ".2", "--addr", address],
      environment: ["HOME_URL": "http://127.0.0.1:9"])
    #expect(other.log.contains(address))
    let begun = try FlowProcess.run("ctl", "--server", address, "start", "Counter", "Begin", #"{"id": "x"}"#)
    #expect(begun.code == 0 && begun.output.contains("applied"), "\(begun.errors)")
    #expect(other.stop() == 0)
    let gone = try FlowProcess.run("ctl", "flows", environment: ["FLOW_SERVER": address])
    #expect(gone.code == 2 && gone.errors.contains("flow.sock"), "\(gone.errors)")
  }

  @Test("A tail from beyond the journal says so, and its first line is an entry")
  func tailBeyondTheJournal() throws {
    _ = try ctl("start", "Counter", "Begin", #"{"id": "t"}"#)
    let flow = ServerProcess.binary.path
    func tail(since: Int) throws -> String {
      let command = "timeout 2 '\(flow)' ctl --server http://127.0.0.1:\(server.port) tail --since \(since) 2>&1"
      return try runProgram("sh", "-c", command).output
    }
    let whole = try tail(since: 0)
    #expect(whole.hasPrefix("1  ") || whole.contains("Counter/t"), "\(whole)")
    #expect(!whole.hasPrefix("\n"))
    let beyond = try tail(since: 1_000_000)
    #expect(beyond.contains("no entries after this offset"), "\(beyond)")
    #expect(!beyond.contains("Counter/t"))
  }

  @Test("Events are sent under a name and with roles")
  func rolesAndCaller() throws {
    let source = """
      role clerk
      event Begin { id: string }
      event Close
      flow Case {
        key id
        data { id: string  closer: string = "" }
        start on Begin by clerk -> open do id = event.id
        state open { on Close by clerk -> closed do closer = caller.id }
        final closed
      }
      """
    let own = try TestFolder()
    let server = try ServerProcess([try own.write("case.flow", source), "--store", own.store])
    func ctl(_ words: String...) throws -> FlowProcess {
      try FlowProcess.run(["ctl", "--server", "http://127.0.0.1:\(server.port)"] + words)
    }
    #expect(try ctl("start", "Case", "Begin", #"{"id": "c"}"#).code == 1)
    #expect(try ctl("start", "Case", "Begin", #"{"id": "c"}"#, "--role", "clerk").code == 0)
    #expect(try ctl("send", "Case", "c", "Close").code == 1)
    #expect(try ctl("send", "Case", "c", "Close", "--role", "clerk", "--caller", "ann").code == 0)
    #expect(try ctl("show", "Case", "c").output.contains("ann"))
  }

  @Test("A proxy of the environment is not used for a server of this machine")
  func loopbackNeedsNoProxy() throws {
    // Nobody listens there: a request over the proxy would fail.
    let proxy = ["http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"]
    let list = try FlowProcess.run(
      ["ctl", "--server", "http://127.0.0.1:\(server.port)", "list"], environment: proxy)
    #expect(list.code == 0, "\(list.errors)")
  }

  @Test("suspend, resume and cancel change an instance") func operations() throws {
    _ = try ctl("start", "Counter", "Begin", #"{"id": "x"}"#)
    #expect(try ctl("suspend", "Counter", "x", "--reason", "lunch").output == "Counter/x  suspended, in counting\n")
    let refused = try ctl("send", "Counter", "x", "Add", #"{"n": 1}"#)
    #expect(refused.code == 1 && refused.errors.contains("an operator has suspended `x`"))
    #expect(try ctl("resume", "Counter", "x").code == 0)
    #expect(try ctl("cancel", "Counter", "x", "--dry-run").output.contains("would be cancelled"))
    #expect(try ctl("cancel", "Counter", "x").output.contains("cancelled"))
    let again = try ctl("cancel", "Counter", "x", "--format", "json")
    #expect(try again.code == 1 && JSON(parsing: Array(again.output.utf8))["code"] == "not-possible")
  }

  @Test("dead lists a dead letter, and redrive retries it") func redrive() throws {
    _ = try ctl("start", "Counter", "Begin", #"{"id": "y"}"#)
    _ = try ctl("send", "Counter", "y", "Fail")
    let isDead = try eventually { try ctl("dead").output.contains("call_home") }
    #expect(isDead)
    let id = try #require(try ctl("dead", "Counter").output.split(separator: " ").first.map(String.init))
    #expect(try ctl("redrive", id, "--reason", "they are back").code == 0)
    #expect(try ctl("redrive", "999").code == 1)
  }

  @Test("dead letters are dismissed and resolved with a reason", arguments: ["dismiss", "resolve"])
  func deadLettersAreClosed(_ operation: String) throws {
    _ = try ctl("start", "Counter", "Begin", #"{"id": "z"}"#)
    _ = try ctl("send", "Counter", "z", "Fail")
    let isDead = try eventually { try ctl("dead").output.contains("call_home") }
    #expect(isDead)
    let id = try #require(try ctl("dead", "Counter").output.split(separator: " ").first.map(String.init))
    let silent = try ctl(operation, id)
    #expect(silent.code == 2 && silent.errors.contains("requires a reason"))
    let closed = try ctl(operation, id, "--reason", "called by hand")
    #expect(closed.code == 0, "\(closed.errors)")
    #expect(try ctl("dead").output == "")
    #expect(try ctl(operation, id, "--reason", "again").code == 1)
    let history = try ctl("history", "Counter", "z", "--format", "json").output
    #expect(history.contains(#""action": "\#(operation)""#) && history.contains("called by hand"))
  }

  @Test("deferred events are shown with the reason, and dropped") func deferredEventsAreShownAndDropped() throws {
    let file = try folder.write(
      "desk.flow",
      """
      event Open { id: string }
      event Work { n: int }
      event Note
      event Go
      flow Desk {
        key id
        data { id: string  total: int = 0 }
        start on Open -> waiting do id = event.id
        state waiting { defer Work, Note  on Go -> working }
        state working { on Work do total = total + event.n  on Note do total = 0 }
        ongoing
      }
      """)
    #expect(try ctl("deploy", file).code == 0)
    _ = try ctl("start", "Desk", "Open", #"{"id": "d"}"#)
    for number in 1...3 { _ = try ctl("send", "Desk", "d", "Work", #"{"n": \#(number)}"#) }
    _ = try ctl("send", "Desk", "d", "Note")
    let why = try ctl("why", "Desk", "d")
    #expect(why.code == 0 && why.output.contains("has deferred `Note`, `Work` (3 times), 4 of at most 64"))
    #expect(why.output.contains("deferred  Work  {\"n\":2}"), "\(why.output)")
    #expect(why.output.contains("Go    be-applied   working"), "\(why.output)")
    let document = try JSON(parsing: Array(try ctl("why", "Desk", "d", "--format", "json").output.utf8))
    #expect(document["deferred"]?.array?.count == 4 && document["events"]?.array?.isEmpty == false)
    let client = HTTPClient(port: server.port)
    let path = "/v1/flows/Desk/instances/d"
    let transitions = try client.send("GET", path + "/transitions").json
    #expect(transitions["deferred"]?.array?.count == 4 && transitions["deferredLimit"] == 64)
    #expect(try ctl("drop", "Desk", "d", "Work", "--dry-run").output.contains("3 deferred events would be dropped"))
    let dropped = try ctl("drop", "Desk", "d", "Work", "--reason", "stale")
    #expect(dropped.code == 0 && dropped.output.contains("3 deferred events dropped"), "\(dropped.errors)")
    #expect(try client.send("GET", path).json["deferred"] == [["event": "Note", "data": [:]]])
    #expect(try ctl("drop", "Desk", "d", "Work").code == 1)
    #expect(try client.send("POST", path + "/drop", [:]).json["detail"] == "1 deferred event dropped")
    let history = try client.send("GET", path + "/history").json["items"]?.array ?? []
    #expect(history.count { $0["type"] == "refused" } == 4)
    #expect(history.contains { $0["data"]?["operator"]?["reason"] == "stale" })
    #expect(history.last?["data"]?["code"] == "dropped" && history.last?["data"]?["type"] == "Note")
  }

  @Test("invalid commands, unknown instances and unreachable servers are reported") func mistakes() throws {
    #expect(try ctl("dance").code == 2)
    #expect(try ctl("send", "Counter", "x", "Add", "{").code == 2)
    let missing = try ctl("show", "Counter", "nobody")
    #expect(missing.code == 1 && missing.errors.contains("nobody"))
    let unreachable = try FlowProcess.run("ctl", "flows", "--server", "http://127.0.0.1:9")
    #expect(unreachable.code == 2 && unreachable.errors.contains("is `flow serve` running?"))
  }

  @Test("deploy and migrate apply a new version") func deployment() throws {
    _ = try ctl("start", "Counter", "Begin", #"{"id": "m"}"#)
    let newer = try folder.write("newer.flow", ControlTests.text.replacing("total + event.n", with: "total + 10"))
    #expect(try ctl("deploy", newer, "--dry-run").code == 0)
    #expect(try ctl("deploy", newer).code == 0)
    #expect(try ctl("migrate", "Counter", "m").output == "Counter/m  running, in counting\n")
    _ = try ctl("send", "Counter", "m", "Add", #"{"n": 1}"#)
    #expect(try ctl("show", "Counter", "m").output.contains(#""total": 10"#))
    let broken = try folder.write("broken.flow", "flow Counter { nonsense }")
    #expect(try ctl("deploy", broken).code == 1)
  }
}
