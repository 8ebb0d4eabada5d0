import FlowJSON
import FlowRuntime
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// Redacted fields are absent from views, history, lists, the live stream, refusals and logs.
@Suite("Redaction", .serialized) struct RedactionTests {
  @Test("a redacted field appears in no response, stream or log line") func redactedField() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "desk.flow",
      """
      event Open { id: string  email: string }
      event Note { text: string }
      flow Desk {
        key id
        data { id: string  email: string }
        start on Open -> waiting do { id = event.id  email = event.email  log "opened for {email}" }
        state waiting { on Note when email == event.text -> closed }
        final closed
      }
      """)
    _ = try folder.write("flow.toml", "[serve.redact]\nDesk = [\"email\"]\n")
    let server = try ServerProcess([file, "--store", folder.store, "--log-level", "debug"])
    let client = HTTPClient(port: server.port)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
    _ = try live.receive()
    let opened: JSON = ["event": "Open", "data": ["id": "d1", "email": "ann@secret.example"]]
    #expect(try client.send("POST", "/v1/events", opened).status == 201)
    var seen = ""
    for path in ["/v1/flows/Desk/instances/d1", "/v1/flows/Desk/instances/d1/history", "/v1/instances"] {
      let answer = try client.send("GET", path)
      #expect(answer.status == 200)
      seen += answer.text
    }
    let refused = try client.send(
      "POST", "/v1/flows/Desk/instances/d1/events", ["event": "Note", "data": ["text": "x"]])
    #expect(refused.status == 409)
    seen += refused.text
    for _ in 0..<2 { seen += try live.receive().text() }
    for event: JSON in [["text": "x"], ["text": "ann@secret.example", "more": 1]] {
      try live.send(["id": 1, "op": "send", "event": "Note", "data": event, "flow": "Desk", "key": "d1"])
      let answer = try live.receive()
      #expect(answer["err"]?["status"]?.int ?? 0 >= 400)
      seen += answer.text()
    }
    let late = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
    for _ in 0..<3 { seen += try late.receive().text() }
    #expect(server.stop() == 0)
    seen += server.log
    #expect(!seen.contains("secret"), "\(seen)")
    #expect(seen.components(separatedBy: "[redacted]").count > 6)
    #expect(seen.contains("\"id\":\"d1\""))
  }

  private static let desk = """
    event Open { id: string  email: string }
    event Again { id: string }
    flow Desk {
      key id
      data { id: string  email: string  held: map<string, int> = {}  count: map<string, int> = {} }
      start on Open -> waiting do {
        id = event.id
        email = event.email
        log "opened for {event.email}"
      }
      state waiting {
        on Again do {
          held[email] = 1
          count["again"] = 1
          log "again by {email}"
        }
      }
      ongoing
    }
    """

  @Test("a redacted value is masked as the key of a map, and in the log effects of dry runs and simulations")
  func mapKeysAndLogEffects() throws {
    let folder = try TestFolder()
    let file = try folder.write("desk.flow", RedactionTests.desk)
    _ = try folder.write("flow.toml", "[serve.redact]\nDesk = [\"email\"]\n")
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let opened: JSON = ["event": "Open", "data": ["id": "d1", "email": "ann@secret.example"]]
    let again: JSON = ["event": "Again", "data": ["id": "d1"]]
    var seen = try client.send("POST", "/v1/events?dryRun=true", opened).text
    #expect(try client.send("POST", "/v1/events", opened).status == 201)
    seen += try client.send("POST", "/v1/events?dryRun=true", again).text
    #expect(try client.send("POST", "/v1/events", again).status == 200)
    seen += try client.send("POST", "/v1/flows/Desk/simulate", ["steps": [opened, again]]).text
    for path in ["/v1/flows/Desk/instances/d1", "/v1/flows/Desk/instances/d1/history", "/v1/instances?include=data"] {
      seen += try client.send("GET", path).text
    }
    #expect(!seen.contains("secret"), "\(seen)")
    #expect(seen.components(separatedBy: "\"log\":\"[redacted]\"").count == 5)
    #expect(seen.contains("\"held\":\"[redacted]\"") && seen.contains("\"count\":{\"again\":1}"))
  }

  @Test(
    "a redacted flow or field that does not exist is refused, with the closest name",
    arguments: [
      ("Desc = [\"email\"]", "there is no flow `Desc`, did you mean `Desk`?"),
      ("Desk = [\"emial\"]", "there is no field `emial` in `Desk`, did you mean `email`?"),
      ("Desk = [\"email\", \"nowhere\"]", "there is no field `nowhere` in `Desk`"),
    ])
  func misspeltName(_ setting: String, _ message: String) throws {
    let folder = try TestFolder()
    let file = try folder.write("desk.flow", RedactionTests.desk)
    _ = try folder.write("flow.toml", "[serve.redact]\n\(setting)\n")
    let run = try FlowProcess.run("serve", file, "--store", folder.store, "--create", "--addr", "127.0.0.1:0")
    #expect(run.code == 2 && run.errors.contains(message), "\(run.errors)")
  }

  @Test("a deployed version without a redacted field is reported, and a key that may have a redacted value is as well")
  func warnings() throws {
    let folder = try TestFolder()
    let file = try folder.write("desk.flow", RedactionTests.desk)
    _ = try folder.write("flow.toml", "[serve.redact]\nDesk = [\"email\"]\n")
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let renamed = RedactionTests.desk.replacing("email", with: "e_mail")
    let calling = """
      event Open { id: string  email: string }
      flow Desk {
        key id
        data { id: string  email: string }
        start on Open -> waiting do {
          id = event.id
          email = event.email
        }
        state waiting {
          call Sub(who: email) as sub
          on sub.done, sub.failed -> closed
        }
        final closed
      }
      flow Sub(who: string) {
        key who
        start -> over
        final over
      }
      """
    for text in [renamed, calling] {
      let answer = try client.send("PUT", "/v1/flows/Desk", text: text, headers: ["Content-Type": "text/x-flow"])
      #expect(answer.status == 200, "\(answer.text)")
    }
    #expect(server.stop() == 0)
    #expect(server.log.contains("this version of `Desk` has no field `email`, did you mean `e_mail`?"), "\(server.log)")
    #expect(server.log.contains("the key of `Sub` may contain a redacted value"), "\(server.log)")
    #expect(!server.log.contains("the key of `Desk`"))
  }

  private let redaction = Redaction(["Order": ["email"], "Other": ["phone"]])

  /// A member `flow` in the data must not select the redaction.
  @Test("a field of a state is redacted by its path, under the state and in the journal") func fieldOfState() {
    let redaction = Redaction(["Order": ["asked.token"]])
    let view: JSON = [
      "flow": "Order", "stateData": ["asked": ["token": "s", "tries": 1]], "changes": ["asked.token": "s"],
    ]
    let masked: JSON = [
      "flow": "Order", "stateData": ["asked": ["token": "[redacted]", "tries": 1]],
      "changes": ["asked.token": "[redacted]"],
    ]
    #expect(redaction.masked(view, of: "Order") == masked)
  }

  @Test("data with the name of another flow is still redacted") func misleadingData() throws {
    let json = try JSON(parsing: #"{"flow": "Order", "data": {"flow": "Free", "email": "a", "x": {"email": "b"}}}"#)
    let masked = redaction.masked(json, of: nil).text()
    #expect(masked == #"{"flow":"Order","data":{"flow":"Free","email":"[redacted]","x":{"email":"[redacted]"}}}"#)
  }

  @Test("only the redacted fields of the flow are masked, and of all flows if it is unknown") func fieldsOfFlow() throws
  {
    let json = try JSON(parsing: #"[{"flow": "Order", "email": 1, "phone": 2}, {"flow": "Free", "email": 3}]"#)
    #expect(
      redaction.masked(json, of: nil).text()
        == #"[{"flow":"Order","email":"[redacted]","phone":2},{"flow":"Free","email":3}]"#)
    let unknown = try JSON(parsing: #"{"a": {"email": 1, "phone": 2}}"#)
    #expect(redaction.masked(unknown, of: nil).text() == #"{"a":{"email":"[redacted]","phone":"[redacted]"}}"#)
  }

  @Test("the explanation of a guard that reads a redacted field is masked") func guards() throws {
    let json = try JSON(
      parsing:
        #"{"flow": "Order", "guard": {"expression": "email == \"x\"", "value": false, "children": [{"value": "s"}]}}"#)
    let masked = redaction.masked(json, of: nil).text()
    #expect(masked.contains(#""outcome":"redacted""#) && !masked.contains(#""s""#))
    let other = try JSON(parsing: #"{"flow": "Order", "guard": {"expression": "emails > 1", "value": 7}}"#)
    #expect(redaction.masked(other, of: nil) == other)
  }
}
