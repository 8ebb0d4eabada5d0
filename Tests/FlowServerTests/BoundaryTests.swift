import FlowJSON
import FlowTestSupport
import Foundation
import Testing

@testable import FlowServer

/// Isolation between callers: workers, senders, idempotency keys, tokens and files.
@Suite("Isolation between callers", .serialized) struct BoundaryTests {
  private static let twoFlows = """
    event OpenA { id: string  secret: string }
    event OpenB { id: string }
    action work(id: string, secret: string) { worker "shared" }
    flow A {
      key id
      data { id: string  secret: string }
      start on OpenA -> done do { id = event.id  secret = event.secret  work(id: event.id, secret: event.secret) }
      state done { on OpenA when event.secret == secret -> over }
      final over
    }
    flow B {
      key id
      data { id: string }
      start on OpenB -> done do { id = event.id  work(id: event.id, secret: "public") }
      state done { ignore OpenB }
      ongoing
    }
    """

  private let folder: TestFolder
  private let keys: Keys

  init() throws {
    folder = try TestFolder()
    keys = Keys(in: folder)
  }

  private func serve(_ source: String = twoFlows, _ arguments: String...) throws -> ServerProcess {
    let file = try folder.write("flows.flow", source)
    return try ServerProcess([file, "--store", folder.store, "--keys", keys.path] + arguments)
  }

  @Test("a worker with a key for some flows claims only their jobs from a shared queue")
  func workerOfSomeFlows() throws {
    let sender = try keys.add("sender", "--scope", "send,read")
    let limited = try keys.add("limited", "--scope", "work", "--flow", "B")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    for index in 0..<3 {
      let a: JSON = ["event": "OpenA", "data": ["id": .string("a\(index)"), "secret": "s"]]
      #expect(try client.send("POST", "/v1/events", a, headers: bearer(sender)).status == 201)
      let b: JSON = ["event": "OpenB", "data": ["id": .string("b\(index)")]]
      #expect(try client.send("POST", "/v1/events", b, headers: bearer(sender)).status == 201)
    }
    var found: [String] = []
    let isComplete = try eventually {
      let claimed = try client.send(
        "POST", "/v1/jobs/claim", ["queue": "shared", "limit": 1], headers: bearer(limited))
      found += claimed.json["items"]?.array?.compactMap { $0["arguments"]?["id"]?.string } ?? []
      return found.count == 3
    }
    #expect(isComplete)
    #expect(Set(found) == ["b0", "b1", "b2"])
    let rest = try client.send("POST", "/v1/jobs/claim", ["queue": "shared", "limit": 100], headers: bearer(limited))
    #expect(rest.json["items"] == [])
  }

  @Test("the scope `send` alone reads no values: no wait, no explanation, no effects")
  func sendScopeOnly() throws {
    let sender = try keys.add("sender", "--scope", "send")
    let both = try keys.add("both", "--scope", "send,read")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let open: JSON = ["event": "OpenA", "data": ["id": "a1", "secret": "planted"]]
    let dry = try client.send("POST", "/v1/events?dryRun=true", open, headers: bearer(sender))
    #expect(dry.status == 200)
    #expect(dry.json["changes"] == nil)
    #expect(!dry.text.contains("planted"))
    let shown = try client.send("POST", "/v1/events?dryRun=true", open, headers: bearer(both))
    #expect(shown.text.contains("planted"))
    let waited = try client.send(
      "POST", "/v1/events", open, headers: bearer(sender).merging(["Prefer": "wait=1"]) { $1 })
    #expect(waited.status == 201)
    #expect(waited.json["instance"] == nil)
    let wrong: JSON = ["event": "OpenA", "data": ["id": "a1", "secret": "guess"]]
    let refused = try client.send("POST", "/v1/events", wrong, headers: bearer(sender))
    #expect(refused.status == 409)
    #expect(refused.json["explanation"] == nil)
    #expect(refused.json["reason"] == "guard-false")
    #expect(!refused.text.contains("planted"))
    #expect(try client.send("POST", "/v1/events", wrong, headers: bearer(both)).text.contains("planted"))
  }

  @Test("an idempotency key belongs to its caller and flow")
  func idempotencyKeyScope() throws {
    let first = try keys.add("first", "--scope", "send")
    let second = try keys.add("second", "--scope", "send")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    func send(_ event: String, _ id: String, _ key: String) throws -> HTTPClient.Response {
      var data: [JSON.Member] = [.init("id", .string(id))]
      if event == "OpenA" { data.append(.init("secret", "s")) }
      return try client.send(
        "POST", "/v1/events", ["event": .string(event), "data": .object(data)],
        headers: bearer(key).merging(["Idempotency-Key": "k"]) { $1 })
    }
    #expect(try send("OpenB", "b1", first).status == 201)
    #expect(try send("OpenB", "b1", first).headers["idempotent-replay"] == "true")
    #expect(try send("OpenB", "b2", second).status == 201, "another caller has keys of its own")
    #expect(try send("OpenA", "a1", first).status == 201, "another flow has keys of its own")
    #expect(try send("OpenB", "b3", first).status == 422)
  }

  @Test("an empty or missing key file revokes every key; an invalid one keeps the previous keys")
  func revokingLastKey() throws {
    let key = try keys.add("only", "--scope", "read")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    func status() throws -> Int { try client.send("GET", "/v1/flows", headers: bearer(key)).status }
    let text = try String(contentsOfFile: keys.path, encoding: .utf8)
    #expect(try status() == 200)
    try "[[key".write(toFile: keys.path, atomically: false, encoding: .utf8)
    server.send(SIGHUP)
    #expect(eventually { server.log.contains("the keys were not reloaded") })
    #expect(try status() == 200)
    try "".write(toFile: keys.path, atomically: false, encoding: .utf8)
    server.send(SIGHUP)
    #expect(try eventually { try status() == 401 })
    try text.write(toFile: keys.path, atomically: false, encoding: .utf8)
    server.send(SIGHUP)
    #expect(try eventually { try status() == 200 })
    try FileManager.default.removeItem(atPath: keys.path)
    server.send(SIGHUP)
    #expect(try eventually { try status() == 401 })
    #expect(server.log.contains("all keys are revoked"))
  }

  @Test("the store, its log, backups and the archive are readable by their owner only")
  func fileModes() throws {
    let sender = try keys.add("sender", "--scope", "send")
    let server = try serve(BoundaryTests.twoFlows, "--audit", folder.url.appending(path: "audit").path)
    let open: JSON = ["event": "OpenB", "data": ["id": "b1"]]
    try HTTPClient(port: server.port).send("POST", "/v1/events", open, headers: bearer(sender))
    let copy = folder.url.appending(path: "copy.db").path
    #expect(try FlowProcess.run("store", "backup", folder.store, copy).code == 0)
    let archive = folder.url.appending(path: "archive.jsonl").path
    #expect(server.stop() == 0)
    try archiveInstance(to: archive, sender)
    for path in [folder.store, copy, folder.url.path + "/audit", archive] {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(path)")
    }
    let again = try serve()
    #expect(again.isRunning)
    for path in [folder.store + "-wal", folder.store + "-shm"] {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(path)")
    }
  }

  /// Ends an instance on a server that keeps none, and waits until the archive has it.
  private func archiveInstance(to archive: String, _ sender: String) throws {
    let source = """
      event Done { id: string }
      flow Short {
        key id
        data { id: string }
        start on Done -> over do id = event.id
        final over
      }
      """
    let server = try serve(source, "--keep", "0s", "--archive", archive)
    let done: JSON = ["event": "Done", "data": ["id": "s1"]]
    #expect(try HTTPClient(port: server.port).send("POST", "/v1/events", done, headers: bearer(sender)).status == 201)
    let isArchived = eventually {
      (try? Data(contentsOf: URL(filePath: archive)))?.isEmpty == false
    }
    #expect(isArchived)
    #expect(server.stop() == 0)
  }

  @Test("requests without valid credentials cannot fill the audit log")
  func boundedAuditLog() throws {
    _ = try keys.add("reader", "--scope", "read")
    let audit = folder.url.appending(path: "audit").path
    let server = try serve(BoundaryTests.twoFlows, "--audit", audit)
    let client = HTTPClient(port: server.port)
    let path = "/v1/" + String(repeating: "a", count: 10_000)
    let start = Date()
    for _ in 0..<300 { #expect(try client.send("GET", path).status == 401) }
    let seconds = Int(Date().timeIntervalSince(start)) + 2
    #expect(server.stop() == 0)
    let lines = try String(contentsOfFile: audit, encoding: .utf8).split(separator: "\n")
    #expect(lines.count <= seconds * AuditSampler.linesPerAddress)
    #expect(lines.allSatisfy { $0.utf8.count < 1_000 })
  }

  @Test("the scope `deploy` cannot be limited to some flows")
  func deployScopeWithFlows() throws {
    let process = try FlowProcess.run(
      ["key", "new", "--name", "d", "--scope", "deploy", "--flow", "A", "--keys", keys.path])
    if process.code == 0 {
      let file = try folder.write("flows.flow", BoundaryTests.twoFlows)
      let started = try FlowProcess.run(["serve", file, "--store", folder.store, "--keys", keys.path])
      #expect(started.code == 2)
      #expect(started.errors.contains("trusted with the whole server"), "\(started.errors)")
    } else {
      #expect(process.errors.contains("trusted with the whole server"), "\(process.errors)")
    }
  }

  @Test("cross-site requests of a browser are rejected, except links to cheap pages")
  func crossSiteRequests() throws {
    let file = try folder.write("flows.flow", BoundaryTests.twoFlows)
    let server = try ServerProcess([file, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let image = ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"]
    for path in ["/v1/flows/A/graph", "/v1/instances?q=true", "/docs", "/metrics"] {
      let answer = try client.send("GET", path, headers: image)
      #expect(answer.status == 403 && answer.json["code"] == "origin-not-allowed", "\(path)")
      let own = try client.send("GET", path, headers: ["Sec-Fetch-Site": "same-origin"])
      #expect(own.status < 500 && own.status != 403)
      #expect(own.headers["cross-origin-resource-policy"] == "same-origin")
    }
    let link = ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"]
    #expect(try client.send("GET", "/problems/gone", headers: link).status == 200, "a link to a cheap page")
    #expect(try client.send("GET", "/v1/flows/A/graph", headers: link).status == 403)
  }

  @Test("each event of a batch counts towards the rate limit")
  func rateOfBatch() throws {
    let slow = try keys.add("slow", "--scope", "send", "--rate", "2")
    let server = try serve()
    let client = HTTPClient(port: server.port)
    let events = (0..<100).map { index -> JSON in
      [
        "specversion": "1.0", "id": .string("\(index)"), "source": "s", "type": "OpenB",
        "data": ["id": .string("b\(index)")],
      ]
    }
    let headers = bearer(slow).merging(["Content-Type": "application/cloudevents-batch+json"]) { $1 }
    #expect(try client.send("POST", "/v1/events", .array(events), headers: headers).status == 200)
    let next = try client.send("POST", "/v1/events", .array([]), headers: headers)
    #expect(next.status == 429)
    #expect(Int(next.headers["retry-after"] ?? "") ?? 0 >= 30, "a hundred events at two per second")
  }

  @Test("only a trusted proxy determines the client address for limits and the audit log")
  func trustedProxy() throws {
    _ = try keys.add("reader", "--scope", "read")
    for (arguments, address) in [([], "127.0.0.1"), (["--trusted-proxy", "127.0.0.1"], "203.0.113.9")] {
      let audit = folder.url.appending(path: "audit-\(address)").path
      let file = try folder.write("flows.flow", BoundaryTests.twoFlows)
      let server = try ServerProcess(
        [file, "--store", folder.store, "--keys", keys.path, "--audit", audit] + arguments)
      let headers = ["X-Forwarded-For": "198.51.100.1, 203.0.113.9"]
      #expect(try HTTPClient(port: server.port).send("GET", "/v1/flows", headers: headers).status == 401)
      #expect(server.stop() == 0)
      let line = try JSON(parsing: Array(Data(contentsOf: URL(filePath: audit)).split(separator: 0x0A).last ?? []))
      #expect(line["address"]?.string == address)
    }
  }
}
