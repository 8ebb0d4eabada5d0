import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// An instance that a caller may not read shows no value, key or reason, on whatever way the caller reaches it.
@Suite("Hidden instances", .serialized) struct HiddenInstanceTests {
  private static let secret = "planted"

  private static let flows = """
    role boss
    event Open { id: string  secret: string }
    event Post { id: string }
    event Both { id: string }
    event Tell
    event Direct
    event Close
    event Ann
    event One { id: string }
    flow Board {
      key id
      data { id: string }
      start on Post -> open do id = event.id
      start on Both -> open do id = event.id
      state open {
        on Tell do emit Ann{} to Case
        on Direct do emit One{id: "c1"}
      }
      ongoing
    }
    flow Case {
      key id
      read by boss
      data { id: string  secret: string = ""  n: int = 0 }
      start on Open -> open do {
        id = event.id
        secret = event.secret
      }
      start on Both -> open do id = event.id
      state open {
        on Ann by Board do n = int(secret)
        on One by Board do n = int(secret)
        on Close -> closed
      }
      final closed
    }
    """

  private let folder: TestFolder
  private let keys: Keys

  init() throws {
    folder = try TestFolder()
    keys = Keys(in: folder)
  }

  private func key(_ name: String, _ scopes: String, _ more: String...) throws -> [String: String] {
    bearer(try keys.add(name, ["--scope", scopes] + more))
  }

  private func boss() throws -> [String: String] {
    try key("boss", "read,send,operate,deploy", "--role", "boss")
  }

  private func serve(_ text: String) throws -> ServerProcess {
    try ServerProcess([try folder.write("hidden.flow", text), "--store", folder.store, "--keys", keys.path])
  }

  private func open(_ client: HTTPClient, _ headers: [String: String]) throws {
    let data: JSON = ["id": "c1", "secret": .string(HiddenInstanceTests.secret)]
    let answer = try client.send("POST", "/v1/events", ["event": "Open", "data": data], headers: headers)
    try #require(answer.status == 201, "\(answer.text)")
  }

  // MARK: - Journals of other instances

  private static let history = "/v1/flows/Board/instances/b1/history"

  private func undelivered(_ client: HTTPClient, _ headers: [String: String], _ query: String = "") throws -> [JSON] {
    let path = HiddenInstanceTests.history + "?type=undelivered" + query
    let page = try client.send("GET", path, headers: headers)
    try #require(page.status == 200, "\(page.text)")
    return page.json["items"]?.array?.compactMap { $0["data"] } ?? []
  }

  @Test("the refusal of a hidden receiver is shown without its reason, key and number")
  func undeliveredEvents() throws {
    let boss = try boss()
    let bob = try key("bob", "read,send")
    let limited = try key("limited", "read,send", "--flow", "Board")
    let server = try serve(HiddenInstanceTests.flows)
    let client = HTTPClient(port: server.port)
    try open(client, boss)
    try client.send("POST", "/v1/events", ["event": "Post", "data": ["id": "b1"]], headers: boss)
    for event in ["Tell", "Direct"] {
      let path = "/v1/flows/Board/instances/b1/events"
      #expect(try client.send("POST", path, ["event": .string(event)], headers: boss).status == 200)
    }
    #expect(try eventually { try undelivered(client, boss).count == 2 })
    let whole = try undelivered(client, boss)
    #expect(whole.allSatisfy { $0.text().contains(HiddenInstanceTests.secret) })
    #expect(whole.contains { $0["key"] == "c1" && $0["instances"] == 1 })

    let filter = "&filter=data.reason.contains('planted')"
    #expect(try undelivered(client, boss, filter).count == 2)
    for (headers, name, flow) in [(bob, "bob", true), (limited, "limited", false)] {
      let expected = Set(
        ["Ann", "One"].map { event -> JSON in
          flow ? ["event": .string(event), "flow": "Case"] : ["event": .string(event)]
        })
      #expect(Set(try undelivered(client, headers)) == expected, "\(name)")
      #expect(try undelivered(client, headers, filter).isEmpty, "a filter does not see the reason")
      let lines = try client.send(
        "GET", HiddenInstanceTests.history, headers: headers.merging(["Accept": "application/x-ndjson"]) { $1 })
      #expect(lines.text.contains("undelivered") && !lines.text.contains(HiddenInstanceTests.secret), "\(name)")
      let socket = try WebSocketClient(
        port: server.port, path: "/v1/live?since=0&type=undelivered", headers: headers)
      _ = try socket.receive()
      let events = Set(try (0..<2).map { _ in try socket.receive()["ev"]?["data"] ?? .null })
      #expect(events == expected, "\(name)")
    }
  }

  @Test("a new refusal of a hidden receiver reaches each subscriber as far as it may read it")
  func publishedRefusals() throws {
    let boss = try boss()
    let bob = try key("bob", "read,send")
    let server = try serve(HiddenInstanceTests.flows)
    let client = HTTPClient(port: server.port)
    try open(client, boss)
    try client.send("POST", "/v1/events", ["event": "Post", "data": ["id": "b1"]], headers: boss)
    let sockets = try [boss, bob].map { headers in
      let socket = try WebSocketClient(port: server.port, path: "/v1/live", headers: headers)
      try socket.send(["id": 1, "op": "sub", "type": "undelivered"])
      #expect(try socket.receive()["ok"] != nil)
      return socket
    }
    try client.send("POST", "/v1/flows/Board/instances/b1/events", ["event": "Direct"], headers: bob)
    let seen = try sockets.map { try $0.receive()["ev"]?["data"] ?? .null }
    #expect(seen[0]["reason"]?.string?.contains(HiddenInstanceTests.secret) == true, "\(seen[0].text())")
    #expect(seen[1] == ["event": "One", "flow": "Case"])
  }

  @Test("the history of a step names only receivers that the caller may read")
  func receivers() throws {
    let boss = try boss()
    let bob = try key("bob", "read,send")
    let server = try serve(HiddenInstanceTests.flows)
    let client = HTTPClient(port: server.port)
    let both: JSON = ["event": "Both", "data": ["id": "b1"]]
    #expect(try client.send("POST", "/v1/events", both, headers: boss).json["receivers"]?.array?.count == 2)
    func flows(_ headers: [String: String]) throws -> [JSON?] {
      let page = try client.send("GET", HiddenInstanceTests.history, headers: headers).json
      return page["items"]?.array?.first?["data"]?["receivers"]?.array?.map { $0["flow"] } ?? []
    }
    #expect(try flows(boss) == ["Board", "Case"])
    #expect(try flows(bob) == ["Board"])
  }

  @Test("the failure of a called flow that did not start has no value of it")
  func calledFlow() throws {
    let text = """
      role boss
      event Begin { id: string }
      flow Main {
        key id
        data { id: string  code: string = ""  why: string = "" }
        start on Begin -> asking do id = event.id
        state asking {
          call Sub(k: id) as sub
          on sub.failed -> told do {
            code = event.code
            why = event.message
          }
        }
        final told
      }
      flow Sub(k: string) {
        read by boss
        data { hidden: string = "planted"  n: int = 0 }
        start -> a do n = int(hidden + k)
        state a { always -> over }
        final over
      }
      """
    let bob = try key("bob", "read,send")
    let server = try serve(text)
    let client = HTTPClient(port: server.port)
    try client.send("POST", "/v1/events", ["event": "Begin", "data": ["id": "m1"]], headers: bob)
    let path = "/v1/flows/Main/instances/m1"
    #expect(try eventually { try client.send("GET", path, headers: bob).json["state"] == ["told"] })
    let data = try #require(try client.send("GET", path, headers: bob).json["data"])
    #expect(data["code"] == "NOT_STARTED")
    #expect(data["why"]?.string?.hasPrefix("the call failed at ") == true, "\(data.text())")
    #expect(!data.text().contains("planted"))
  }

  // MARK: - Operations

  private static func vault(_ version: Int, _ more: String) -> String {
    """
    role boss
    event Keep { id: string  secret: string }
    event Close
    flow Vault {
      version \(version)
      key id
      read by boss
      data { id: string  secret: string\(version > 1 ? "  k: int = 0" : "") }
      \(more)
      start on Keep -> open do {
        id = event.id
        secret = event.secret
      }
      state open { on Close -> closed }
      final closed
    }
    """
  }

  private func keep(_ client: HTTPClient, _ headers: [String: String]) throws {
    let data: JSON = ["id": "v1", "secret": .string(HiddenInstanceTests.secret)]
    let answer = try client.send("POST", "/v1/events", ["event": "Keep", "data": data], headers: headers)
    try #require(answer.status == 201, "\(answer.text)")
  }

  private func batch(
    _ client: HTTPClient, _ body: JSON, _ headers: [String: String], reader: [String: String]
  ) throws -> JSON {
    let started = try client.send("POST", "/v1/batches", body, headers: headers)
    try #require(started.status == 202, "\(started.text)")
    let path = "/v1/batches/\(started.json["id"]?.string ?? "")"
    #expect(try eventually { try client.send("GET", path, headers: reader).json["status"] == "done" })
    return try client.send("GET", path, headers: reader).json
  }

  @Test("a migration that fails shows values and keys only to callers that may read the flow")
  func failedMigration() throws {
    let boss = try boss()
    let operate = try key("oper", "operate")
    let reader = try key("operread", "operate,read")
    let deploy = try key("deployer", "deploy")
    let server = try serve(HiddenInstanceTests.vault(1, ""))
    let client = HTTPClient(port: server.port)
    try keep(client, boss)
    let second = HiddenInstanceTests.vault(2, "migrate from 1 { data k = int(old.secret) }")
    func migration(_ query: String, _ headers: [String: String]) throws -> JSON? {
      let headers = headers.merging(["Content-Type": "text/x-flow"]) { $1 }
      let answer = try client.send("PUT", "/v1/flows/Vault" + query, text: second, headers: headers)
      #expect(answer.status == 200, "\(answer.text)")
      return answer.json["migration"]?["reasons"]?.array?.first
    }
    let whole = try #require(try migration("?dryRun=true", boss))
    #expect(whole["detail"]?.string?.contains(HiddenInstanceTests.secret) == true && whole["example"] == "v1")
    for query in ["?dryRun=true", ""] {
      #expect(try migration(query, deploy) == ["detail": "`k` can't be computed", "count": 1])
    }
    for query in ["?dryRun=true", ""] {
      let path = "/v1/flows/Vault/instances/v1/migrate" + query
      for headers in [operate, reader] {
        let refused = try client.send("POST", path, headers: headers)
        #expect(refused.status == 409)
        #expect(refused.json["detail"] == "`k` can't be computed", "\(refused.text)")
      }
      let shown = try client.send("POST", path, headers: boss)
      #expect(shown.json["detail"]?.string?.contains(HiddenInstanceTests.secret) == true, "\(shown.text)")
    }
    let body: JSON = ["op": "migrate", "filter": ["flow": "Vault"]]
    let hidden = try #require(try batch(client, body, operate, reader: reader)["errors"]?.array?.first)
    #expect(hidden["instance"] == "Vault" && hidden["problem"]?["code"] == "not-possible")
    #expect(!hidden.text().contains(HiddenInstanceTests.secret) && !hidden.text().contains("v1"))
    let shown = try #require(try batch(client, body, operate, reader: boss)["errors"]?.array?.first)
    #expect(shown["instance"] == "Vault/v1" && shown.text().contains(HiddenInstanceTests.secret))
  }

  @Test("a batch selects by values only instances that its caller may read")
  func batchFilters() throws {
    let boss = try boss()
    let operate = try key("oper", "operate")
    let reader = try key("operread", "operate,read")
    let server = try serve(HiddenInstanceTests.vault(1, ""))
    let client = HTTPClient(port: server.port)
    try keep(client, boss)
    for filter: JSON in [["flow": "Vault", "q": "data.secret.startsWith('p')"], ["flow": "Vault", "key": "v"]] {
      let body: JSON = ["op": "retry", "dryRun": true, "filter": filter]
      #expect(try batch(client, body, reader, reader: reader)["done"] == 0)
      #expect(try batch(client, body, boss, reader: boss)["done"] == 1)
      #expect(try client.send("POST", "/v1/batches", body, headers: operate).status == 403)
    }
    let all: JSON = ["op": "retry", "dryRun": true, "filter": ["flow": "Vault", "state": "open"]]
    #expect(try batch(client, all, operate, reader: reader)["done"] == 1, "operators may act on all instances")
  }

  @Test("a run of a schedule names the running instance only to callers that may read the flow")
  func scheduledRuns() throws {
    let flows = ["queue", "skip", "allow", "replace"].map { policy in
      """
      flow \(policy.capitalized) {
        key id
        read by boss
        data { id: string }
        start every 1h overlap \(policy) -> open do id = "planted\(policy == "replace" ? "-\" + string(now)" : "\"")
        state open { on Finish -> over }
        final over
      }
      """
    }
    let boss = try boss()
    let operate = try key("oper", "operate")
    let server = try serve("role boss\nevent Finish\n" + flows.joined(separator: "\n"))
    let client = HTTPClient(port: server.port)
    func run(_ flow: String, _ headers: [String: String]) throws -> HTTPClient.Response {
      try client.send("POST", "/v1/flows/\(flow)/schedules/0/run", headers: headers)
    }
    for flow in ["Queue", "Skip", "Allow", "Replace"] { #expect(try run(flow, boss).status == 201) }
    for (flow, status) in [("Queue", 202), ("Queue", 202), ("Skip", 409), ("Allow", 409)] {
      let answer = try run(flow, operate)
      #expect(answer.status == status, "\(answer.text)")
      #expect(!answer.text.contains("planted"), "\(answer.text)")
      #expect(try run(flow, boss).text.contains("planted"))
    }
    let replaced = try run("Replace", operate)
    #expect(replaced.status == 201 && replaced.json["detail"] == "the running instance was cancelled")
  }

  @Test("a caller does not wait for an instance that it may not read")
  func waiting() throws {
    let boss = try boss()
    let bob = try key("bob", "read,send")
    let server = try serve(HiddenInstanceTests.vault(1, ""))
    let client = HTTPClient(port: server.port)
    for (key, headers, isReader) in [("v1", bob, false), ("v2", boss, true)] {
      let data: JSON = ["id": .string(key), "secret": "x"]
      #expect(try client.send("POST", "/v1/events", ["event": "Keep", "data": data], headers: boss).status == 201)
      let wait = headers.merging(["Prefer": "wait=60, state=closed"]) { $1 }
      let path = "/v1/flows/Vault/instances/\(key)/events"
      let answer = try client.send("POST", path, ["event": "Close"], headers: wait)
      #expect(answer.status == 200, "\(answer.text)")
      #expect((answer.headers["preference-applied"] != nil) == isReader)
      #expect(answer.json["reached"] == (isReader ? true : nil))
      #expect((answer.json["instance"] != nil) == isReader)
    }
  }
}
