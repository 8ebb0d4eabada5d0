import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// A redacted value is masked under every name that it passes through, not only under its own.
@Suite("Redaction by origin", .serialized) struct RedactionOriginTests {
  private static let secret = "ann@planted.example"

  private static let source = """
    event Open { id: string  contact: string  city: string  let hail = "to " + contact }
    event Told { id: string  address: string }
    event Check { guess: string }
    action notify(recipient: string, about: string) { worker "mail" }
    flow Desk {
      key id
      data { id: string  email: string  copy: string = ""  town: string = "" }
      let shouted = email + "!"
      start on Open -> waiting(reply_to: event.contact, from: event.city) do {
        id = event.id
        email = event.contact
        copy = shouted
        town = event.city
        notify(recipient: email, about: event.city)
        emit Told { id: event.id, address: copy }
      }
      state waiting(reply_to: string, from: string, called: string = reply_to) {
        on Check when event.guess == reply_to + called -> closed
      }
      final closed
    }
    flow Log {
      key id
      data { id: string  last: string }
      start on Told -> open do {
        id = event.id
        last = event.address
      }
      state open { ignore Told }
      ongoing
    }
    """

  @Test("a redacted value is masked under every name, and other values are shown")
  func copiedValue() throws {
    let folder = try TestFolder()
    let file = try folder.write("desk.flow", RedactionOriginTests.source)
    _ = try folder.write("flow.toml", "[serve.redact]\nDesk = [\"email\"]\n")
    let server = try ServerProcess([file, "--store", folder.store, "--log-level", "debug"])
    let client = HTTPClient(port: server.port)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
    let data: JSON = ["id": "d1", "contact": .string(RedactionOriginTests.secret), "city": "Ghent"]
    var seen = try client.send("POST", "/v1/events?dryRun=true", ["event": "Open", "data": data]).text
    #expect(try client.send("POST", "/v1/events", ["event": "Open", "data": data]).status == 201)
    for flow in ["Desk", "Log"] {
      for path in ["", "/history", "/transitions"] {
        let answer = try client.send("GET", "/v1/flows/\(flow)/instances/d1\(path)")
        #expect(answer.status == 200, "\(flow)\(path)")
        seen += answer.text
      }
    }
    let check: JSON = ["event": "Check", "data": ["guess": "x"]]
    let refused = try client.send("POST", "/v1/flows/Desk/instances/d1/events", check)
    #expect(refused.status == 409)
    seen += refused.text
    seen += try client.send("GET", "/v1/instances?include=data").text
    try live.send(["id": 9, "op": "ping"])
    while case let message = try live.receive(), message["re"]?.int != 9 { seen += message.text() }
    #expect(server.stop() == 0)
    seen += server.log
    #expect(!seen.contains("planted"), "\(seen)")
    for name in ["contact", "email", "copy", "recipient", "address", "last", "reply_to", "called"] {
      #expect(seen.contains("\"\(name)\":\"[redacted]\""), "`\(name)` appears, masked")
    }
    #expect(seen.contains("\"waiting.reply_to\":\"[redacted]\""), "masked in the journal, too")
    #expect(seen.contains("\"town\":\"Ghent\"") && seen.contains("\"from\":\"Ghent\""), "other values are shown")
    #expect(seen.contains("\"id\":\"d1\""), "the key is public")
  }

  @Test("a filter by a redacted field finds nothing")
  func redactedFilter() throws {
    let folder = try TestFolder()
    let file = try folder.write("desk.flow", RedactionOriginTests.source)
    _ = try folder.write("flow.toml", "[serve.redact]\nDesk = [\"email\"]\n")
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let data: JSON = ["id": "d1", "contact": .string(RedactionOriginTests.secret), "city": "Ghent"]
    #expect(try client.send("POST", "/v1/events", ["event": "Open", "data": data]).status == 201)
    for (field, count) in [("email", 0), ("copy", 0), ("town", 1)] {
      let query = "data.\(field).startsWith('ann')%20||%20data.\(field)%20==%20'Ghent'"
      let answer = try client.send("GET", "/v1/flows/Desk/instances?q=\(query)")
      #expect(answer.json["items"]?.array?.count == count, "\(field): \(answer.text)")
    }
    for (field, count) in [("reply_to", 0), ("called", 0), ("from", 1)] {
      let query = "stateData.waiting.\(field).startsWith('ann')%20||%20stateData.waiting.\(field)%20==%20'Ghent'"
      let answer = try client.send("GET", "/v1/flows/Desk/instances?q=\(query)")
      #expect(answer.json["items"]?.array?.count == count, "\(field): \(answer.text)")
    }
  }
}
