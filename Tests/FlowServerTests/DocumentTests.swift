import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// The OpenAPI, AsyncAPI and problem documents: they are consistent and complete.
@Suite("OpenAPI, AsyncAPI and problem documents", .serialized) struct DocumentTests {
  /// All values of a member name, at any depth.
  private func values(of name: String, in json: JSON) -> [JSON] {
    switch json {
    case .array(let items): items.flatMap { values(of: name, in: $0) }
    case .object(let members):
      members.flatMap { ($0.name == name ? [$0.value] : []) + values(of: name, in: $0.value) }
    default: []
    }
  }

  private func resolve(_ pointer: String, in document: JSON) -> JSON? {
    pointer.split(separator: "/").dropFirst().reduce(document) { value, name in
      value?[String(name).replacing("~1", with: "/").replacing("~0", with: "~")]
    }
  }

  @Test(
    "every reference resolves, and every operation has a summary and responses",
    arguments: ["samples/order.flow", "samples/approval.flow"])
  func references(_ sample: String) throws {
    let folder = try TestFolder()
    let server = try ServerProcess([packageRoot.appending(path: sample).path, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    for path in ["/openapi.json", "/asyncapi.json"] {
      let document = try client.send("GET", path).json
      let references = values(of: "$ref", in: document).compactMap(\.string)
      #expect(references.count > 20)
      #expect(references.filter { resolve($0, in: document) == nil } == [])
    }
    let paths = try client.send("GET", "/openapi.json").json["paths"]?.members ?? []
    for (path, operation) in paths.flatMap({ path in (path.value.members ?? []).map { (path.name, $0.value) } }) {
      let statuses = operation["responses"]?.members?.map(\.name) ?? []
      #expect(statuses.contains { $0.hasPrefix("2") }, "\(path) says nothing of its answers")
      #expect(Set(statuses).count == statuses.count, "\(path) has two answers of one status")
      #expect(operation["summary"]?.string?.isEmpty == false)
    }
  }

  @Test("the queues of events and the published parts of the live stream are channels") func brokerChannels() throws {
    let folder = try TestFolder()
    let file = try folder.write(
      "sum.flow",
      """
      event Order from amqp "the/orders" { id: string  n: int }
      event Payment from redis "payments" { id: string  amount: double }
      flow Sum {
        key id
        data { id: string }
        start on Order -> open do id = event.id
        state open { on Payment -> closed }
        final closed
      }
      """)
    _ = try folder.write("flow.toml", "[serve.publish.screens]\namqp = \"cards\"\ntype = \"step\"\n")
    let server = try ServerProcess(
      [file, "--store", folder.store],
      environment: ["FLOW_AMQP_URL": "amqp://127.0.0.1:9/", "FLOW_REDIS_URL": "redis://127.0.0.1:9/0"])
    let document = try HTTPClient(port: server.port).send("GET", "/asyncapi.json").json
    let references = values(of: "$ref", in: document).compactMap(\.string)
    #expect(references.filter { resolve($0, in: document) == nil } == [])
    let channels = try #require(document["channels"])
    #expect(channels["amqp.Order"]?["address"] == "the/orders")
    #expect(channels["amqp.Order"]?["bindings"]?["amqp"]?["queue"]?["name"] == "the/orders")
    #expect(channels["redis.Payment"]?["address"] == "payments")
    #expect(channels["publish.screens"]?["bindings"]?["amqp"]?["exchange"]?["name"] == "cards")
    #expect(channels["publish.screens"]?["messages"]?.members?.map(\.name) == ["step"])
    #expect(document["operations"]?["send.amqp.Order"]?["action"] == "send")
    #expect(document["operations"]?["receive.screens"]?["action"] == "receive")
    let payload = document["components"]?["messages"]?["redis.Payment"]?["payload"]?["$ref"]?.string
    #expect(payload == "#/components/schemas/Event.Payment")
  }

  @Test("links name existing operations and parameters") func links() throws {
    let counter = try CounterServer()
    let document = try counter.client.send("GET", "/openapi.json").json
    let operations = (document["paths"]?.members ?? []).flatMap { $0.value.members?.map(\.value) ?? [] }
    var parameters: [String: Set<String>] = [:]
    for operation in operations {
      let names = operation["parameters"]?.array?.compactMap { $0["name"]?.string } ?? []
      parameters[operation["operationId"]?.string ?? ""] = Set(names)
    }
    let links = values(of: "links", in: document["paths"] ?? .null).flatMap { $0.members ?? [] }
    #expect(links.count > 30)
    for link in links {
      let known = try #require(parameters[link.value["operationId"]?.string ?? ""], "\(link.name)")
      let given = Set(link.value["parameters"]?.members?.map(\.name) ?? [])
      #expect(!given.isEmpty && given.isSubset(of: known), "\(link.name)")
      #expect(!known.contains("flow") || given.contains("flow") || !known.contains("key"), "\(link.name)")
    }
    #expect(document["components"]?["securitySchemes"] == nil)
  }

  @Test("with keys, each operation declares its scope") func securityRequirements() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let key = try keys.add("ann", "--scope", "read")
    let file = try folder.write("counter.flow", Counter.source)
    let server = try ServerProcess([file, "--store", folder.store, "--keys", keys.path])
    let client = HTTPClient(port: server.port)
    let document = try client.send("GET", "/openapi.json", headers: bearer(key)).json
    #expect(document["components"]?["securitySchemes"]?["key"]?["scheme"] == "bearer")
    let paths = document["paths"]
    #expect(paths?["/v1/events"]?["post"]?["security"] == [["key": ["send"]]])
    #expect(paths?["/v1/flows/{flow}"]?["put"]?["security"] == [["key": ["deploy"]]])
    #expect(paths?["/livez"]?["get"]?["security"] == [])
  }

  @Test("the documented methods equal the allowed methods of each route") func methodsOfRoutes() throws {
    let counter = try CounterServer()
    let paths = try counter.client.send("GET", "/openapi.json").json["paths"]?.members ?? []
    #expect(paths.count > 15)
    for path in paths {
      let address = path.name.replacing("{flow}", with: "Counter").replacing("{event}", with: "Add")
        .replacing(/\{\w+\}/, with: "1")
      let answer = try counter.client.send("OPTIONS", address)
      #expect(answer.status == 405, "\(address)")
      let methods = Set((path.value.members ?? []).map { $0.name.uppercased() })
      let allowed = Set((answer.headers["allow"] ?? "").split(separator: ", ").map(String.init))
      #expect(allowed.subtracting(["HEAD"]) == methods)
    }
  }

  @Test("each problem code has a page") func problemPages() throws {
    let counter = try CounterServer()
    let known =
      try counter.client.send("GET", "/problems").json["items"]?.array?.compactMap { $0["code"]?.string } ?? []
    let file = packageRoot.appending(path: "Sources/Server/FlowServer/Documents/ProblemKind.swift")
    let text = try String(contentsOf: file, encoding: .utf8)
    let declared = text.matches(of: /= ProblemKind\(\s*\d+, "([a-z-]+)"/).map { String($0.1) }
    #expect(declared.count > 30)
    #expect(Set(declared) == Set(known), "every kind is listed")
    #expect(Set(known).count == known.count)
    for code in known {
      let page = try counter.client.send("GET", "/problems/\(code)", headers: ["Accept": "text/html,*/*;q=0.1"])
      #expect(page.status == 200 && page.text.hasPrefix("<!doctype html>"))
    }
    #expect(try counter.client.send("GET", "/problems/gon").json["detail"]?.string?.contains("`gone`") == true)
  }

  @Test("the data of an event has a JSON Schema") func eventSchema() throws {
    let folder = try TestFolder()
    let server = try ServerProcess([EndToEndTests.order, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let schema = try client.send("GET", "/v1/flows/Order/events/Placed/schema")
    #expect(schema.headers["content-type"] == "application/schema+json")
    #expect(schema.json["required"] == ["order_id", "email", "items"])
    #expect(schema.json["properties"]?["items"]?["items"]?["$ref"] == "#/$defs/Item")
    #expect(schema.json["$defs"]?["Item"]?["properties"]?["qty"]?["type"] == "integer")
    let cancel = try client.send("GET", "/v1/flows/Order/events/Cancel/schema").json
    #expect(cancel["required"] == nil && cancel["properties"]?["reason"]?["default"] == "")
    #expect(try client.send("GET", "/v1/flows/Order/events/Nope/schema").status == 404)
    let flow = try client.send("GET", "/v1/flows/Order").json
    #expect(flow["events"]?.array?.map { $0["name"]?.string } == ["Placed", "Paid", "Cancel", "Retry"])
    #expect(flow["transitions"]?.array?.contains { $0["guard"] == "paid + event.amount >= total" } == true)
  }

  @Test(
    "the Accept header selects the format of a diagram",
    arguments: [
      ("text/vnd.mermaid", "stateDiagram-v2"), ("text/vnd.graphviz, text/plain;q=0.5", "digraph"),
      ("text/*;q=0.9, application/json;q=0.1", "stateDiagram-v2"), ("*/*", "{\"name\":\"Counter\""),
      ("image/png, image/svg+xml", "<?xml"),
    ])
  func graphFormats(_ accept: String, _ beginning: String) throws {
    let counter = try CounterServer()
    let path = "/v1/flows/Counter/graph"
    let answer = try counter.client.send("GET", path, headers: ["Accept": accept])
    #expect(answer.status == 200 && answer.text.hasPrefix(beginning), "\(answer.text.prefix(200))")
    #expect(try counter.client.send("GET", path, headers: ["Accept": "image/png"]).status == 406)
    #expect(try counter.client.send("GET", path, headers: ["Accept": "text/plain;q=0"]).status == 406)
  }

  @Test("the documentation page lists every path, without scripts") func documentationPage() throws {
    let counter = try CounterServer()
    let page = try counter.client.send("GET", "/docs")
    #expect(page.headers["content-type"] == "text/html; charset=utf-8")
    #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
    for path in try counter.client.send("GET", "/openapi.json").json["paths"]?.members ?? [] {
      #expect(page.text.contains(path.name))
    }
    #expect(!page.text.contains("<script"))
    #expect(page.text.contains("<h2 id=\"schedules\">Schedules</h2>"))
  }

  @Test("Each body has an example that the server accepts") func examples() throws {
    let counter = try CounterServer()
    let document = try counter.client.send("GET", "/openapi.json").json
    let start = document["paths"]?["/v1/flows/{flow}/instances"]?["post"]
    #expect(start?["tags"] == ["Events"])
    let example = try #require(start?["requestBody"]?["content"]?["application/json"]?["example"])
    #expect(example == ["event": "Begin", "data": ["id": "i1"]])
    let answer = try counter.client.send("POST", "/v1/flows/Counter/instances", example)
    #expect(answer.status == 201)
    let page = try counter.client.send("GET", "/docs").text
    #expect(page.contains("http://localhost:8080/v1/flows/Counter/instances/o1/events"))
  }
}
