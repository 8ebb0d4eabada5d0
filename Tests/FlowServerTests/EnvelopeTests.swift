import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// Mistakes in requests are rejected with the correct form instead of being ignored.
@Suite("Strict request envelopes", .serialized) struct EnvelopeTests {
  private let counter: CounterServer
  private let client: HTTPClient
  private static let events = "/v1/flows/Counter/instances/a/events"

  init() throws {
    counter = try CounterServer()
    client = counter.client
    try Counter.begin("a", client)
  }

  @Test(
    "an unknown member of an event is rejected with a suggestion",
    arguments: [
      (#"{"event": "Stop", "payload": {}}"#, "`data`"), (#"{"event": "Stop", "Data": {}}"#, "did you mean `data`?"),
      (#"{"event": "Stop", "ifRevision": 1}"#, "If-Match"), (#"{"evnt": "Stop"}"#, "did you mean `event`?"),
      (#"{"event": "Stop", "flow": "Counter"}"#, "in the path"),
      (#"{"event": ["Stop"]}"#, "must be a string"), (#"{"event": "Stop", "key": 5}"#, "must be a string"),
      (#"["Stop"]"#, "object"),
    ])
  func unknownMember(_ body: String, _ detail: String) throws {
    let answer = try client.send(
      "POST", EnvelopeTests.events, text: body, headers: ["Content-Type": "application/json"])
    #expect(answer.status == 400)
    #expect(answer.json["detail"]?.string?.contains(detail) == true, "\(answer.text)")
    #expect(try client.send("GET", "/v1/flows/Counter/instances/a").json["revision"] == 1)
  }

  @Test(
    "an unknown or mistyped member of a socket message is rejected with a suggestion",
    arguments: [
      (#"{"id": 1, "op": "sub", "flow": ["Counter"]}"#, "`flow` must be a string, not an array"),
      (#"{"id": 1, "op": "sub", "flows": ["Counter"]}"#, "once for each `flow`"),
      (#"{"id": 1, "op": "sub", "keys": "a"}"#, "once for each `key`"),
      (#"{"id": "1", "op": "sub"}"#, "`id` must be a whole number"),
      (#"{"id": 1, "op": "send", "event": "Stop", "payload": {}}"#, "`data`"),
      (#"{"id": 1, "op": "ping", "x": 1}"#, "`x`"), (#"{"id": 1, "op": "unsub", "sub": "1"}"#, "`sub` must be"),
    ])
  func unknownMemberOfMessage(_ message: String, _ detail: String) throws {
    let socket = try WebSocketClient(port: counter.port, path: "/v1/live")
    try socket.send(text: message)
    let reply = try socket.receive()
    #expect(reply["err"]?["code"] == "bad-request", "\(reply.text())")
    #expect(reply["err"]?["detail"]?.string?.contains(detail) == true, "\(reply.text())")
  }

  @Test("a repeated parameter or header is rejected as ambiguous")
  func repeatedParameter() throws {
    let stop: JSON = ["event": "Stop"]
    let twice = try client.send("POST", EnvelopeTests.events + "?dryRun=true&dryRun=false", stop)
    #expect(twice.status == 400)
    #expect(twice.json["detail"]?.string?.contains("more than once") == true)
    #expect(try client.send("GET", "/v1/flows/Counter/instances/a").json["revision"] == 1)
    let socket = try TestPeer(port: counter.port)
    let body = #"{"event": "Stop"}"#
    try socket.send(
      "POST \(EnvelopeTests.events) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + "Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    #expect(try socket.head().hasPrefix("HTTP/1.1 400"))
    #expect(try client.send("GET", "/v1/instances?state=nope").status == 400)
    #expect(try client.send("GET", "/v1/flows/Counter/instances?state=nope").status == 400)
  }

  @Test(
    "a value outside of its schema is rejected",
    arguments: [
      ("/v1/batches", #"{"op": "suspend", "filter": {}, "reason": "LONG"}"#, "256 characters"),
      ("/v1/flows/Counter/instances/a/suspend", #"{"reason": "LONG"}"#, "256 characters"),
      ("/v1/batches", #"{"op": "suspend", "filter": {"key": 3}}"#, "`key` must be a string"),
      ("/v1/batches", #"{"op": "suspend", "filter": {"incident": "yes"}}"#, "`incident` must be true or false"),
      ("/v1/jobs/claim", #"{"queue": "q", "worker": null}"#, "must be a string, not null"),
      (
        "/v1/events", #"{"specversion": "1.0", "id": "1", "source": "s", "type": "Stop", "subject": "a", "time": ""}"#,
        "RFC 3339"
      ),
    ])
  func valueOutsideOfSchema(_ path: String, _ body: String, _ detail: String) throws {
    let text = body.replacing("LONG", with: String(repeating: "é", count: 257))
    let answer = try client.send("POST", path, text: text, headers: ["Content-Type": "application/json"])
    #expect(answer.status == 400)
    #expect(answer.json["detail"]?.string?.contains(detail) == true, "\(answer.text)")
  }

  @Test("a key in the path that differs from the key in the payload is a 422")
  func keyMismatch() throws {
    let begin: JSON = ["event": "Begin", "data": ["id": "other"]]
    for query in ["", "?dryRun=true"] {
      let answer = try client.send("POST", EnvelopeTests.events + query, begin)
      #expect(answer.status == 422)
      #expect(answer.json["code"] == "key-mismatch", "\(answer.text)")
    }
  }

  @Test("`ce-` headers are unquoted and percent-decoded as in the CloudEvents HTTP binding")
  func cloudEventHeaders() throws {
    #expect(try IncomingEvent.decoded("Euro%20%E2%82%AC%20%F0%9F%98%80") == "Euro € 😀")
    #expect(try IncomingEvent.decoded(#""say \"a\\b\" %41""#) == #"say "a\b" A"#)
    #expect(try IncomingEvent.decoded("100% sure") == "100% sure")
    #expect(throws: Problem.self) { try IncomingEvent.decoded("%FF") }
  }

  @Test("a request body with a content coding is a 415")
  func contentEncoding() throws {
    let answer = try client.send("POST", EnvelopeTests.events, ["event": "Stop"], headers: ["Content-Encoding": "gzip"])
    #expect(answer.status == 415)
    #expect(answer.headers["accept-encoding"] == "identity")
  }

  @Test(
    "Accept-Encoding is negotiated with its weights",
    arguments: [
      ("gzip", true), ("gzip;q=0", false), ("*", true), ("*;q=0", false), ("gzip;q=0, *", false), ("br", false),
      ("identity, gzip;q=0.5", true), ("", false),
    ])
  func acceptEncoding(_ header: String, _ isAccepted: Bool) throws {
    let answer = try client.send("GET", "/openapi.json", headers: ["Accept-Encoding": header])
    #expect((answer.headers["content-encoding"] == "gzip") == isAccepted)
  }
}
