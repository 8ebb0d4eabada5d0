import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow ctl`, the operator's hands, against a server of its own.
@Suite(.serialized) struct ControlTests {
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
    // Nobody listens there.
    server = try ServerProcess([file, "--store", folder.store], environment: ["HOME_URL": "http://127.0.0.1:9"])
  }

  private func ctl(_ words: String...) throws -> FlowProcess {
    try FlowProcess.run(["ctl", "--server", "http://127.0.0.1:\(server.port)"] + words)
  }

  @Test("Instances are started, sent to and shown") func instancesAreStartedSentToAndShown() throws {
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

  @Test("Control characters in keys don't reach the terminal") func controlCharactersAreEscaped() throws {
    #expect(try ctl("start", "Counter", "Begin", #"{"id": "a\u001b[2Jb"}"#).code == 0)
    for words in [["list", "Counter"], ["send", "Counter", "a\u{1B}[2Jb", "Add", #"{"n": 1}"#]] {
      let printed = try FlowProcess.run(["ctl", "--server", "http://127.0.0.1:\(server.port)"] + words)
      #expect(printed.code == 0)
      #expect(!printed.output.contains("\u{1B}"), "\(words)")
      #expect(printed.output.contains(#"a\u{1b}[2Jb"#), "\(printed.output)")
    }
  }

  @Test("Every violation of a payload is listed") func everyViolationIsListed() throws {
    let refused = try ctl("start", "Counter", "Begin", #"{"id": 5, "more": 1}"#)
    #expect(refused.code == 1)
    #expect(refused.errors.contains("id") && refused.errors.contains("more"), "\(refused.errors)")
  }

  @Test("A server at a path is reached") func aServerAtAPathIsReached() throws {
    let place = "unix:" + folder.url.appending(path: "flow.sock").path
    let other = try ServerProcess(
      [folder.url.appending(path: "counter.flow").path, "--store", folder.store + ".2", "--addr", place],
      environment: ["HOME_URL": "http://127.0.0.1:9"])
    #expect(other.log.contains(place))
    let begun = try FlowProcess.run("ctl", "--server", place, "start", "Counter", "Begin", #"{"id": "x"}"#)
    #expect(begun.code == 0 && begun.output.contains("applied"), "\(begun.errors)")
    #expect(other.stop() == 0)
    let gone = try FlowProcess.run("ctl", "flows", environment: ["FLOW_SERVER": place])
    #expect(gone.code == 2 && gone.errors.contains("flow.sock"), "\(gone.errors)")
  }

  @Test("A proxy of the environment is not used for a server of this machine")
  func loopbackNeedsNoProxy() throws {
    // Nobody listens there: a request over the proxy would fail.
    let proxy = ["http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"]
    let list = try FlowProcess.run(
      ["ctl", "--server", "http://127.0.0.1:\(server.port)", "list"], environment: proxy)
    #expect(list.code == 0, "\(list.errors)")
  }

  @Test func operatorsAct() throws {
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

  @Test("Dead letters go out again") func deadLettersGoOutAgain() throws {
    _ = try ctl("start", "Counter", "Begin", #"{"id": "y"}"#)
    _ = try ctl("send", "Counter", "y", "Fail")
    let isDead = try eventually { try ctl("dead").output.contains("call_home") }
    #expect(isDead)
    let id = try #require(try ctl("dead", "Counter").output.split(separator: " ").first.map(String.init))
    #expect(try ctl("redrive", id, "--reason", "they are back").code == 0)
    #expect(try ctl("redrive", "999").code == 1)
  }

  @Test func whatIsWrongIsSaid() throws {
    #expect(try ctl("dance").code == 2)
    #expect(try ctl("send", "Counter", "x", "Add", "{").code == 2)
    let missing = try ctl("show", "Counter", "nobody")
    #expect(missing.code == 1 && missing.errors.contains("nobody"))
    let nobody = try FlowProcess.run("ctl", "flows", "--server", "http://127.0.0.1:9")
    #expect(nobody.code == 2 && nobody.errors.contains("is `flow serve` running?"))
  }

  @Test("A flow is deployed and its instances migrated") func aFlowIsDeployedAndItsInstancesMigrated() throws {
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
