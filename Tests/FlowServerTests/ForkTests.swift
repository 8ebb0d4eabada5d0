import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// A fork of an instance and its original are independent.
@Suite("Forks of instances", .serialized) struct ForkTests {
  private static let source = """
    event Begin { id: string }
    event Add { n: int }
    event Work
    action work(id: string) -> string { worker "hands" }
    flow Job {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> open do id = event.id
      state open {
        on Add do total = total + event.n
        on Work -> working
        after 1s -> late
      }
      state working { call work(id: id)  on work.done -> end  on work.failed -> end }
      state late { on Add do total = total + event.n  on Work -> working }
      final end
    }
    """
  private static let path = "/v1/flows/Job/instances"

  private let folder: TestFolder
  private let server: ServerProcess
  private let client: HTTPClient

  init() throws {
    folder = try TestFolder()
    server = try ServerProcess([try folder.write("job.flow", ForkTests.source), "--store", folder.store])
    client = HTTPClient(port: server.port)
    try client.send("POST", ForkTests.path, ["event": "Begin", "data": ["id": "a"]])
    try send("Add", ["n": 2], to: "a")
  }

  private func send(_ event: String, _ data: JSON = [:], to key: String) throws {
    try client.send("POST", ForkTests.path + "/\(key)/events", ["event": .string(event), "data": data])
  }

  private func fork(_ key: String, _ body: JSON, query: String = "") throws -> HTTPClient.Response {
    try client.send("POST", ForkTests.path + "/\(key)/fork" + query, body, headers: ["Flow-Caller": "ann"])
  }

  @Test("a fork and its original continue independently") func independence() throws {
    let dry = try fork("a", ["key": "b"], query: "?dryRun=true")
    #expect(dry.status == 200 && dry.json["key"] == "b" && dry.headers["location"] == nil)
    #expect(try client.send("GET", ForkTests.path + "/b").status == 404)
    let made = try fork("a", ["key": "b c", "reason": "what if"])
    #expect(made.status == 201 && made.json["key"] == "b c" && made.json["state"] == ["open"], "\(made.text)")
    let location = try #require(made.headers["location"])
    #expect(location == ForkTests.path + "/b%20c")
    try send("Add", ["n": 5], to: "b%20c")
    #expect(try client.send("GET", location).json["data"] == ["id": "b c", "total": 7])
    #expect(try client.send("GET", ForkTests.path + "/a").json["data"] == ["id": "a", "total": 2])
    // Each has its own timer.
    let areLate = try eventually {
      try client.send("GET", location).json["state"] == ["late"]
        && client.send("GET", ForkTests.path + "/a").json["state"] == ["late"]
    }
    #expect(areLate)
  }

  @Test("the journals of the original and the fork record the operation") func journalEntries() throws {
    _ = try fork("a", ["key": "b", "reason": "what if"])
    let old = try client.send("GET", ForkTests.path + "/a/history").json["items"]?.array ?? []
    let record = old.first { $0["type"] == "operator" }?["data"]
    #expect(record == ["action": "fork", "reason": "what if", "by": "ann", "as": "b"])
    let new = try client.send("GET", ForkTests.path + "/b/history").json["items"]?.array?.first?["data"]
    #expect(new?["operator"]?["of"] == "a" && new?["operator"]?["revision"] == 2 && new?["created"] == true)
    #expect(new?["changes"] == ["id": "b", "total": 2])
    #expect(try FlowProcess.run("store", "check", folder.store).code == 0)
  }

  @Test("a fork with an invalid key or after a started call is refused") func refusedForks() throws {
    #expect(try fork("a", ["key": "a"]).json["code"] == "instance-exists")
    #expect(try fork("z", ["key": "b"]).status == 404)
    #expect(try fork("a", ["key": 5]).status == 400)
    #expect(try fork("a", ["key": ""]).json["code"] == "validation-failed")
    #expect(try fork("a", ["key": .string(String(repeating: "k", count: 513))]).status == 422)
    let stale = try client.send("POST", ForkTests.path + "/a/fork", ["key": "b"], headers: ["If-Match": "\"1\""])
    #expect(stale.status == 412)
    try send("Work", to: "a")
    let waiting = try fork("a", ["key": "b"])
    #expect(waiting.json["code"] == "not-possible" && waiting.json["detail"]?.string?.contains("`work`") == true)
    let job = try client.send("POST", "/v1/jobs/claim", ["queue": "hands"]).json["items"]?.array?.first
    let id = try #require(job?["id"]).text()
    try client.send("POST", "/v1/jobs/\(id)/complete", ["fence": 1, "result": "done"])
    #expect(try fork("a", ["key": "b"]).json["code"] == "not-possible")
    let named = try fork("a", [:])
    #expect(named.status == 409)
  }

  @Test("flow ctl fork creates a fork, with a given or generated key") func command() throws {
    let server = "http://127.0.0.1:\(server.port)"
    let forked = try FlowProcess.run("ctl", "--server", server, "fork", "Job", "a", "b", "--reason", "why")
    #expect(forked.code == 0 && forked.output.hasPrefix("Job/b  running"), "\(forked.errors)")
    let unnamed = try FlowProcess.run("ctl", "--server", server, "fork", "Job", "a")
    #expect(unnamed.code == 0 && unnamed.output.hasPrefix("Job/0"), "\(unnamed.output) \(unnamed.errors)")
  }
}
