import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// The table of access (`Docs/security.md`): every route with a key of every scope.
@Suite("Access table", .serialized) struct AccessTableTests {
  /// A value that must not reach callers without permission, in every field that could contain it.
  private static let secret = "planted-4f1d"

  private static let source = """
    role auditor
    event Open { id: string  owner: string  note: string }
    event Ask { text: string }
    internal event Settled { id: string }
    action tell(id: string, note: string) { worker "desk" }
    flow Hidden {
      key id
      read by auditor
      read when caller.id == owner
      data { id: string  owner: string  note: string }
      start on Open -> open do {
        id = event.id
        owner = event.owner
        note = event.note
        tell(id: event.id, note: event.note)
        log "opened with {event.note}"
      }
      state open {
        on Ask when event.text == note -> closed
        on Settled -> closed
      }
      final closed
    }
    """

  private let folder: TestFolder
  private let keys: Keys
  private let server: ServerProcess
  private let client: HTTPClient
  private let owner: String

  init() throws {
    folder = try TestFolder()
    keys = Keys(in: folder)
    let hidden = try folder.write("hidden.flow", AccessTableTests.source)
    owner = try keys.add("owner", "--scope", "read,send")
    for scope in KeyRing.scopeNames { _ = try keys.add(scope, "--scope", scope) }
    server = try ServerProcess([hidden, "--store", folder.store, "--keys", keys.path])
    client = HTTPClient(port: server.port)
    let data: JSON = ["id": "h1", "owner": "owner", "note": .string(AccessTableTests.secret)]
    let opened = try client.send("POST", "/v1/events", ["event": "Open", "data": data], headers: bearer(owner))
    try #require(opened.status == 201, "\(opened.text)")
  }

  private func path(_ route: Route) -> String {
    route.template.replacing("{flow}", with: "Hidden").replacing("{key}", with: "h1").replacing("{event}", with: "Ask")
      .replacing("{id}", with: "1").replacing("{version}", with: "1").replacing("{batch}", with: "1")
      .replacing("{code}", with: "gone").replacing("{start}", with: "0")
  }

  private func body(_ route: Route) -> JSON? {
    if route.method == "GET" || route.method == "DELETE" { return nil }
    if route.scope == .send { return ["event": "Ask", "data": ["text": "x"]] }
    if route.template == "/v1/jobs/claim" { return ["queue": "none"] }
    if route.template.hasSuffix("/simulate") { return ["steps": []] }
    return [:]
  }

  @Test("each route requires its own scope and an API key")
  func scopeOfEachRoute() throws {
    let added = try KeyRing.scopeNames.map { ($0, try keys.add("only-\($0)", "--scope", $0)) }
    server.send(SIGHUP)
    #expect(eventually { server.log.contains("reloaded") })
    for route in Route.all where route.scope != .deploy && route.template != "/v1/me" {
      let anonymous = try client.send(route.method, path(route), body(route))
      #expect((anonymous.status == 401) == (route.scope != .open), "\(route.method) \(route.template)")
      for (scope, key) in added {
        let answer = try client.send(route.method, path(route), body(route), headers: bearer(key))
        let isOpen = route.scope == .open || route.scope.rawValue == scope
        let isForbidden = answer.status == 403 && answer.json["code"] == "forbidden"
        #expect(isForbidden != isOpen || answer.json["reason"] != nil, "\(route.template) with \(scope)")
      }
    }
  }

  @Test("no response contains the data of an instance that the caller may not read")
  func plantedSecret() throws {
    let reader = try keys.add("reader", "--scope", "read,send,operate")
    let sender = try keys.add("sender", "--scope", "send")
    server.send(SIGHUP)
    #expect(eventually { server.log.contains("reloaded") })
    for key in [reader, sender] {
      let live = try? WebSocketClient(port: server.port, path: "/v1/live?since=0", headers: bearer(key))
      for route in Route.all where route.scope != .deploy && route.template != Route.live {
        for accept in ["application/json", "text/plain", "application/x-ndjson"] {
          let headers = bearer(key).merging(["Accept": accept, "Prefer": "wait=1"]) { $1 }
          for query in ["", route.isChanging && route.template.contains("{key}") ? "?dryRun=true" : ""] {
            let answer = try client.send(route.method, path(route) + query, body(route), headers: headers)
            #expect(!answer.text.contains(AccessTableTests.secret), "\(route.method) \(route.template): \(answer.text)")
          }
        }
      }
      try live?.send(["id": 9, "op": "ping"])
      if let live {
        while case let message = try live.receive(), message["re"]?.int != 9 {
          #expect(!message.text().contains(AccessTableTests.secret), "\(message.text())")
        }
      }
    }
    // The same routes return it to its owner, so that the search would find it.
    let view = try client.send("GET", "/v1/flows/Hidden/instances/h1", headers: bearer(owner))
    #expect(view.text.contains(AccessTableTests.secret))
  }

  @Test("an instance that the caller may not read is a 404, and absent from lists and counts")
  func hiddenInstance() throws {
    let reader = try keys.add("reader", "--scope", "read")
    let auditor = try keys.add("auditor", "--scope", "read", "--role", "auditor")
    server.send(SIGHUP)
    #expect(eventually { server.log.contains("reloaded") })
    let instance = "/v1/flows/Hidden/instances/h1"
    for path in ["", "/history", "/transitions", "/graph"] {
      #expect(try client.send("GET", instance + path, headers: bearer(reader)).status == 404, "\(path)")
      #expect(try client.send("GET", instance + path, headers: bearer(auditor)).status == 200, "\(path)")
      #expect(try client.send("GET", instance + path, headers: bearer(owner)).status == 200, "\(path)")
    }
    func count(_ path: String, _ key: String) throws -> Int? {
      try client.send("GET", path, headers: bearer(key)).json["items"]?.array?.count
    }
    for path in ["/v1/instances", "/v1/flows/Hidden/instances"] {
      #expect(try count(path, reader) == 0)
      #expect(try count(path, auditor) == 1)
      #expect(try count(path, owner) == 1)
    }
    #expect(try count("/v1/stats", reader) == 0)
    #expect(try count("/v1/stats", auditor) == 1)
    let responses = [instance, "/v1/flows/Hidden/instances/h2"].map { path in
      (try? client.send("GET", path, headers: bearer(reader)).json["detail"]?.string) ?? ""
    }
    #expect(responses[0].replacing("h1", with: "") == responses[1].replacing("h2", with: ""), "both look the same")
  }

  @Test("an internal event from a client is a 403, and is not documented")
  func internalEvent() throws {
    let all = bearer(owner)
    let instance = "/v1/flows/Hidden/instances/h1"
    for path in ["/v1/events", instance + "/events"] {
      for data: JSON in [["id": "h1"], [:]] {
        let answer = try client.send("POST", path, ["event": "Settled", "data": data], headers: all)
        #expect(answer.status == 403)
        #expect(answer.json["code"] == "internal-event", "\(answer.text)")
      }
    }
    let live = try WebSocketClient(port: server.port, path: "/v1/live", headers: all)
    try live.send(["id": 1, "op": "send", "flow": "Hidden", "key": "h1", "event": "Settled", "data": ["id": "h1"]])
    #expect(try live.receive()["err"]?["code"] == "internal-event")
    for path in ["/openapi.json", "/asyncapi.json", "/v1/flows/Hidden", instance] {
      let text = try client.send("GET", path, headers: all).text
      #expect(text.contains("Ask"), "\(path)")
      // The structure of a flow shows all reactions; the list of accepted events is separate.
      if path != "/v1/flows/Hidden" { #expect(!text.contains("Settled"), "\(path)") }
    }
    let events = try client.send("GET", "/v1/flows/Hidden", headers: all).json["events"]?.array ?? []
    #expect(events.compactMap { $0["name"]?.string } == ["Open", "Ask"])
  }

  @Test("the access table in the documentation equals the enforced table")
  func documentedTable() throws {
    let text = try String(contentsOf: packageRoot.appending(path: "Docs/security.md"), encoding: .utf8)
    let documented = Set(text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init))
    let enforced = Route.all.map { route in
      let access = route.access
      return "| `\(route.method) \(route.template)` | \(route.scope.rawValue) | \(access.flows.rawValue) "
        + "| \(access.instances.rawValue) | \(access.fields.rawValue) |"
    }
    for row in enforced { #expect(documented.contains(row), "missing: \(row)") }
    #expect(documented.count == enforced.count)
  }
}
