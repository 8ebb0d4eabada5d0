import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Webhooks: deliveries are verified with the shared secret and applied once.
@Suite("Webhooks", .serialized) struct WebhookTests {
  private static let path = "/v1/hooks/Note/Told"
  private static let header = "X-Signature"
  private static let source = """
    event Told from webhook { secret env("NOTE_SECRET") header "X-Signature" hmac sha256 } {
      id: string
      from: Sender
      words: list<string> = []
    }
    event Plain { id: string }
    event Changed from webhook { secret env("NOTE_SECRET") header "X-Signature" hmac sha256 } {
      from: Sender
      number: int
      let id = from.name + string(number)
    }
    type Sender { name: string }
    flow Note {
      key id
      data { id: string  who: string  count: int = 1 }
      start on Told when event.from.name != "" -> open do {
        id = event.id
        who = event.from.name + " by " + caller.id
      }
      start on Plain -> open do {
        id = event.id
        who = ""
      }
      state open {
        on Told when event.from.name != "" do count = count + 1
        on Changed do count = count + 10
      }
      ongoing
    }
    """
  private static let body = #"{"id": "n1", "from": {"name": "ann", "age": 40}, "sent": [1, 2]}"#

  private final class Server {
    let folder: TestFolder
    let process: ServerProcess
    let client: HTTPClient

    init(secret: String = System.secret, header: String = WebhookTests.header, hasKeys: Bool = false) throws {
      folder = try TestFolder()
      let source = WebhookTests.source.replacing(WebhookTests.header, with: header)
      let file = try folder.write("note.flow", source)
      var arguments = [file, "--store", folder.store]
      if hasKeys {
        let keys = Keys(in: folder)
        _ = try keys.add("ann", "--scope", "read")
        arguments += ["--keys", keys.path]
      }
      process = try ServerProcess(arguments, environment: ["NOTE_SECRET": secret])
      client = HTTPClient(port: process.port)
    }

    func deliver(_ body: String, _ headers: [String: String], to path: String = path) throws -> HTTPClient.Response {
      try client.send("POST", path, text: body, headers: headers)
    }

    /// Delivers with a valid signature.
    func deliver(signed body: String, _ headers: [String: String] = [:]) throws -> HTTPClient.Response {
      try deliver(body, headers.merging([header: Signature.hexadecimal(body)]) { $1 })
    }

    var count: Int? {
      get throws { try client.send("GET", "/v1/flows/Note/instances/n1").json["data"]?["count"]?.int }
    }
  }

  private var now: Int { Int(Date().timeIntervalSince1970) }

  @Test("a signed delivery is applied") func signedDelivery() throws {
    let server = try Server()
    let first = try server.deliver(signed: WebhookTests.body)
    #expect(first.status == 201 && first.headers["location"] == "/v1/flows/Note/instances/n1")
    #expect(try server.client.send("GET", "/v1/flows/Note/instances/n1").json["data"]?["who"] == "ann by webhook")
    let digits = Signature.hexadecimal(WebhookTests.body)
    for signature in ["sha256=\(digits)", digits.uppercased(), "\(Signature.hexadecimal("old")) \(digits)"] {
      let answer = try server.deliver(WebhookTests.body, [WebhookTests.header: signature])
      #expect(answer.status == 200 && answer.json["disposition"] == "applied")
    }
    #expect(try server.count == 4)
  }

  @Test("a delivery reaches the instance whose key is computed from it") func computedKey() throws {
    let server = try Server()
    #expect(try server.deliver(signed: WebhookTests.body).status == 201)
    let body = #"{"from": {"name": "n"}, "number": 1, "id": "other"}"#
    let headers = [WebhookTests.header: Signature.hexadecimal(body)]
    let answer = try server.deliver(body, headers, to: "/v1/hooks/Note/Changed")
    #expect(answer.status == 200 && answer.json["key"] == "n1", "\(answer.text)")
    #expect(try server.count == 11)
  }

  @Test("deliveries with Standard Webhooks headers are verified") func standardWebhooks() throws {
    let key = (0..<24).map { UInt8($0) }
    let server = try Server(secret: "whsec_" + Data(key).base64EncodedString())
    var headers = Signature.standard(WebhookTests.body, id: "m1", at: now, key: key, header: WebhookTests.header)
    #expect(try server.deliver(WebhookTests.body, headers).status == 201)
    // Both headers are part of the signed content.
    for (name, value) in [("webhook-id", "m2"), ("webhook-timestamp", "\(now + 1)")] {
      #expect(try server.deliver(WebhookTests.body, headers.merging([name: value]) { $1 }).status == 401)
    }
    headers["webhook-id"] = nil
    #expect(try server.deliver(WebhookTests.body, headers).status == 401)
    #expect(try server.count == 1)
  }

  /// A webhook verifies the signature of a `signed` action: two servers that share only the secret.
  @Test("a webhook accepts the signature of a `signed` action") func signedAction() throws {
    let receiver = try Server(header: "webhook-signature")
    let sender = try TestFolder()
    let file = try sender.write(
      "sender.flow",
      OneCall.source(
        "Sender",
        """
        action act(id: string) {
          http POST env("RECEIVER") { body: {"id": id, "from": {"name": "sender"}} }
          signed env("NOTE_SECRET")
          retry 2 backoff 100ms..200ms
        }
        """))
    let process = try ServerProcess(
      [file, "--store", sender.store, "--allow-private"],
      environment: [
        "NOTE_SECRET": System.secret,
        "RECEIVER": "http://127.0.0.1:\(receiver.process.port)\(WebhookTests.path)",
      ])
    let client = HTTPClient(port: process.port)
    try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": "n1"]])
    let isOver = try eventually { try client.send("GET", "/v1/flows/Sender/instances/n1").json["status"] != "running" }
    let view = try client.send("GET", "/v1/flows/Sender/instances/n1").json
    #expect(isOver && view["state"] == ["done"], "\(view.text())")
    #expect(try receiver.count == 1)
  }

  @Test(
    "an invalid signature is a 401 and changes nothing",
    arguments: [
      "", "sha256=", "v1,", "v1,!!", "nonsense", String(repeating: "0", count: 64),
      Signature.hexadecimal(body, "another secret"), Signature.hexadecimal(body + " "),
      String(Signature.hexadecimal(body).dropLast(2)), String(Signature.hexadecimal(body).dropLast()),
      Signature.hexadecimal(body) + "00", "sha1=" + Signature.hexadecimal(body),
      "v1," + Signature.hexadecimal(body),
    ])
  func invalidSignature(_ signature: String) throws {
    let server = try Server()
    let answer = try server.deliver(WebhookTests.body, [WebhookTests.header: signature])
    #expect(answer.status == 401 && answer.json["code"] == "webhook-unverified")
    #expect(answer.headers["content-type"] == "application/problem+json")
    #expect(!answer.text.contains(System.secret) && !answer.text.contains(Signature.hexadecimal(WebhookTests.body)))
    #expect(try server.client.send("GET", "/v1/instances").json["items"] == [])
  }

  @Test("a missing signature is a 401 and changes nothing") func missingSignature() throws {
    let server = try Server()
    #expect(try server.deliver(WebhookTests.body, [:]).json["code"] == "webhook-unverified")
    #expect(try server.client.send("GET", "/v1/instances").json["items"] == [])
  }

  @Test(
    "a repeated delivery returns the first response",
    arguments: ["webhook-id", "X-GitHub-Delivery", "Idempotency-Key"])
  func repeatedDelivery(_ name: String) throws {
    let server = try Server()
    let first = try server.deliver(signed: WebhookTests.body, [name: "d1"])
    let again = try server.deliver(signed: WebhookTests.body, [name: "d1"])
    #expect(first.status == 201 && again.status == 201 && again.json == first.json)
    #expect(again.headers["idempotent-replay"] == "true")
    #expect(try server.deliver(signed: WebhookTests.body, [name: "d2"]).json["revision"] == 2)
    let other = WebhookTests.body.replacing("ann", with: "bob")
    #expect(try server.deliver(signed: other, [name: "d1"]).json["problem"]?["code"] == "idempotency-reused")
    #expect(try server.count == 2)
    #expect(try server.deliver(signed: WebhookTests.body, [name: String(repeating: "d", count: 256)]).status == 400)
    #expect(try server.deliver(signed: WebhookTests.body, [name: ""]).status == 400)
  }

  @Test("a timestamp outside of the tolerance is rejected as a replay") func timestampTolerance() throws {
    let server = try Server()
    for time in ["\(now - 600)", "\(now + 600)", "soon", "-1", "99999999999999999999", "9223372036854775807"] {
      let answer = try server.deliver(signed: WebhookTests.body, ["webhook-timestamp": time])
      #expect(answer.status == 401 && answer.json["code"] == "webhook-unverified", "\(time)")
    }
    #expect(try server.deliver(signed: WebhookTests.body, ["webhook-timestamp": "\(now - 200)"]).status == 201)
  }

  @Test(
    "a refused delivery is a 200 with the problem in its body",
    arguments: [
      (#"{"id": "n1", "from": {"name": ""}}"#, "event-not-accepted"), (#"{"id": 5}"#, "validation-failed"),
      ("[]", "validation-failed"), ("{", "invalid-json"), ("", "invalid-json"), ("\u{0}", "invalid-json"),
      (String(repeating: "[", count: 100_000), "invalid-json"),
    ])
  func refusedDelivery(_ body: String, _ code: String) throws {
    let server = try Server()
    let answer = try server.deliver(signed: body)
    #expect(answer.status == 200 && answer.json["disposition"] == "refused")
    #expect(answer.json["problem"]?["code"] == .string(code))
    #expect(try server.client.send("GET", "/v1/instances").json["items"] == [])
  }

  @Test("a delivery larger than the limit is rejected") func largeDelivery() throws {
    let server = try Server()
    let words = Array(repeating: "\"word\"", count: 149_000).joined(separator: ",")
    let large = #"{"id": "n1", "from": {"name": "ann"}, "words": [\#(words)]}"#
    #expect(large.utf8.count > 1_000_000 && large.utf8.count < 1 << 20)
    #expect(try server.deliver(signed: large).status == 201)
    let larger = large + String(repeating: " ", count: 1 << 20)
    #expect((try? server.deliver(signed: larger).status) ?? 413 == 413)
    #expect(try HTTPClient(port: server.process.port).send("GET", "/livez").status == 200)
    #expect(try HTTPClient(port: server.process.port).send("GET", WebhookTests.path).status == 405)
  }

  @Test(
    "deliveries to events that are not webhooks are a 404",
    arguments: ["/v1/hooks/Note/Plain", "/v1/hooks/Note/None", "/v1/hooks/None/Told"])
  func unknownWebhook(_ path: String) throws {
    let server = try Server()
    let headers = [WebhookTests.header: Signature.hexadecimal(WebhookTests.body)]
    #expect(try server.deliver(WebhookTests.body, headers, to: path).json["code"] == "not-found")
  }

  @Test("a missing secret is a startup error") func missingSecret() throws {
    let folder = try TestFolder()
    let file = try folder.write("note.flow", WebhookTests.source)
    let words = ["serve", file, "--store", folder.store, "--addr", "127.0.0.1:0"]
    let without = try FlowProcess.run(words)
    #expect(without.code == 2)
    #expect(without.errors.contains("the webhook `Told`: the environment variable `NOTE_SECRET` is not set"))
    let empty = try FlowProcess.run(words, environment: ["NOTE_SECRET": ""])
    #expect(empty.code == 2 && empty.errors.contains("is empty"))
  }

  @Test("a flow whose secret is missing is not deployed") func deploymentWithoutSecret() throws {
    let counter = try CounterServer()
    let answer = try counter.client.send(
      "PUT", "/v1/flows/Note", text: WebhookTests.source, headers: ["Content-Type": "text/x-flow"])
    #expect(answer.status == 422 && answer.json["detail"]?.string?.contains("NOTE_SECRET") == true)
  }

  /// External systems have no API key; their signature authenticates them.
  @Test("a signed delivery needs no API key") func signatureInsteadOfKey() throws {
    let server = try Server(hasKeys: true)
    #expect(try server.client.send("GET", "/v1/flows").status == 401)
    #expect(try server.deliver(signed: WebhookTests.body).status == 201)
    #expect(try server.deliver(WebhookTests.body, [WebhookTests.header: "none"]).json["code"] == "webhook-unverified")
    let unknown = try server.deliver(WebhookTests.body, [:], to: "/v1/hooks/None/Told")
    #expect(unknown.status == 404 && !unknown.text.contains("Note"), "the response does not name existing flows")
  }

  @Test("a delivery with more than five signatures is rejected before its body is read")
  func signatureLimit() throws {
    let server = try Server()
    let genuine = Signature.hexadecimal(WebhookTests.body)
    let others = (0..<5).map { Signature.hexadecimal("\($0)") }
    let six = try server.deliver(WebhookTests.body, [WebhookTests.header: (others + [genuine]).joined(separator: " ")])
    #expect(six.status == 401)
    let five = try server.deliver(
      WebhookTests.body, [WebhookTests.header: (others.dropLast() + [genuine]).joined(separator: " ")])
    #expect(five.status == 201)
    // Neither the signatures nor the body may cost time: 20 such deliveries take less than ten seconds.
    let many = String(repeating: "0 ", count: 7_000)
    let large = String(repeating: "x", count: 1_000_000)
    let start = Date()
    for _ in 0..<20 {
      let answer = try? server.deliver(large, [WebhookTests.header: many])
      #expect(answer == nil || answer?.status == 401)
    }
    #expect(Date().timeIntervalSince(start) < 10)
    #expect(try server.client.send("GET", "/livez").status == 200)
  }
}
