import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The settings that a program requires of its server.
@Suite struct ServeSettingsTests {
  private static let text = """
    event Begin { id: string  to: string }
    event Told from webhook { secret env("TOLD_SECRET_X") header "X-Signature" hmac sha256 } { id: string }
    action call_home(id: string) { http POST env("HOME_URL_X") + "/" + id }
    action call_away(id: string) { http POST env("HOME_URL_X") + env("AWAY_PATH_X") }
    action audit(id: string) { exec "audit" { args: [id] } }
    action greet(to: string) -> string { email { to: to  subject: "Hello, Zoë"  text: "You are in." } }
    flow Door {
      key id
      data { id: string  mail: string = "" }
      start on Begin -> greeting do id = event.id
      start on Told -> greeting do id = event.id
      state greeting {
        call greet(to: "ann@example.com") as hello
        on hello.done -> greeted do mail = event.result
        on hello.failed -> silent
      }
      final greeted { entry { call_home(id: id)  call_away(id: id)  audit(id: id) } }
      failed silent
    }
    """

  @Test("all that are missing are listed at once") func allMissingAreListed() throws {
    let folder = try TestFolder()
    let file = try folder.write("door.flow", ServeSettingsTests.text)
    let run = try FlowProcess.run("serve", file, "--store", folder.store, "--addr", "127.0.0.1:0")
    #expect(run.code == 2)
    for expected in [
      "6 settings are missing", "`HOME_URL_X` is not set, which `call_home`, `call_away` use",
      "`AWAY_PATH_X` is not set, which `call_away` uses", "`TOLD_SECRET_X` is not set", "--allow-exec DIR",
      "no mail server is configured", "no sender is configured", "--mail-sink DIR",
    ] { #expect(run.errors.contains(expected), "\(expected): \(run.errors)") }
    #expect(!FileManager.default.fileExists(atPath: folder.store), "nothing was started")
  }

  @Test("a deployment names all that are missing") func deploymentsAreChecked() throws {
    let counter = try CounterServer()
    let answer = try counter.client.send(
      "PUT", "/v1/flows/Door", text: ServeSettingsTests.text, headers: ["Content-Type": "text/x-flow"])
    #expect(answer.status == 422)
    for name in ["HOME_URL_X", "AWAY_PATH_X", "TOLD_SECRET_X"] { #expect(answer.text.contains(name)) }
  }

  @Test("with --mail-sink mail is written to files") func mailIsWrittenToFiles() throws {
    let folder = try TestFolder()
    let file = try folder.write("door.flow", ServeSettingsTests.text)
    let mail = folder.url.appending(path: "mail")
    let environment = ["HOME_URL_X": "http://127.0.0.1:9", "AWAY_PATH_X": "/", "TOLD_SECRET_X": "secret"]
    let options = [file, "--store", folder.store, "--allow-exec", folder.url.path, "--mail-sink", mail.path]
    let missing = try FlowProcess.run(["serve"] + options, environment: environment)
    #expect(missing.code == 2 && missing.errors.contains("is not a folder"))
    try FileManager.default.createDirectory(at: mail, withIntermediateDirectories: false)
    let server = try ServerProcess(options, environment: environment)
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": "d", "to": "x"]])
    let path = "/v1/flows/Door/instances/d"
    let isGreeted = try eventually { try client.send("GET", path).json["state"] == ["greeted"] }
    #expect(isGreeted)
    let files = try FileManager.default.contentsOfDirectory(atPath: mail.path)
    #expect(files.count == 1 && files[0].hasSuffix(".eml"))
    let text = try String(contentsOf: mail.appending(path: files[0]), encoding: .utf8)
    #expect(text.contains("To: ann@example.com\r\n") && text.contains("From: flow@localhost.localdomain\r\n"))
    #expect(text.contains("Subject: =?UTF-8?") && text.hasSuffix("You are in.\r\n"), "\(text)")
    let identifier = try #require(try client.send("GET", path).json["data"]?["mail"]?.string)
    #expect(text.contains("Message-ID: \(identifier)\r\n"))
  }
}
