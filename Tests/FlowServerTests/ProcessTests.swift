import FlowJSON
import FlowTestSupport
import Testing

/// `samples/process.flow`: process definitions are data that authors change over the API while cases run.
@Suite("Sample process.flow", .serialized) struct ProcessTests {
  private static let check: JSON = ["name": "check", "role": "clerk"]
  private static let sign: JSON = ["name": "sign", "role": "manager", "above": 10000]

  private func define(_ system: System, _ stages: JSON, roles: String = "author") throws -> HTTPClient.Response {
    try system.send("Define", ["process": "travel", "stages": stages], as: "ada", roles: roles)
  }

  private func submit(_ system: System, _ id: String, cents: Int64, process: String = "travel") throws {
    let data: JSON = ["id": .string(id), "process": .string(process), "title": "Rome", "cents": .int(cents)]
    #expect(try system.send("Submit", data, as: "ann", roles: "requester").status == 201)
  }

  @Test("a running case keeps the process definition with which it started") func changedDefinition() throws {
    let system = try System("process")
    #expect(try define(system, [ProcessTests.check, ProcessTests.sign], roles: "clerk").status == 403)
    #expect(try define(system, [["name": "check", "role": "janitor"]]).status == 409)
    #expect(try define(system, [ProcessTests.check, ProcessTests.sign]).status == 201)
    try submit(system, "t1", cents: 20000)
    #expect(try system.view("Case/t1")["state"] == ["waiting"], "the definition arrives in the same commit")
    #expect(try define(system, [ProcessTests.sign]).status == 200)
    #expect(try system.view("Definition/travel")["data"]?["version"] == 2)
    try submit(system, "t2", cents: 20000)
    #expect(try system.view("Case/t1")["data"]?["stages"]?.array?.count == 2)
    #expect(try system.view("Case/t2")["data"]?["stages"]?.array?.count == 1)
    #expect(try system.view("Case/t2")["data"]?["version"] == 2)
  }

  @Test("each stage accepts the approval of its role only") func roleOfStage() throws {
    let system = try System("process")
    try #require(try define(system, [ProcessTests.check, ProcessTests.sign]).status == 201)
    try submit(system, "t1", cents: 20000)
    let early = try system.send("Approve", to: "Case/t1", as: "max", roles: "manager")
    #expect(early.status == 409)
    #expect(early.json["explanation"]?.text().contains("clerk") == true, "the explanation has the required role")
    #expect(try system.send("Approve", to: "Case/t1", as: "ann", roles: "clerk").status == 409)
    #expect(try system.send("Approve", to: "Case/t1", as: "cleo", roles: "clerk").json["to"] == ["waiting"])
    let end = try system.send("Approve", to: "Case/t1", as: "max", roles: "manager")
    #expect(end.json["to"] == ["approved"] && end.json["status"] == "done")
    #expect(try system.view("Case/t1")["data"]?["done"] == ["cleo", "max"])

    try submit(system, "t2", cents: 50)
    let rejected = try system.send("Reject", ["reason": "no"], to: "Case/t2", as: "cleo", roles: "clerk")
    #expect(rejected.json["status"] == "failed")
    #expect(try system.list("Case", status: "failed").compactMap { $0["key"]?.string } == ["t2"])
  }

  @Test("a retired process accepts no new cases") func retiredProcess() throws {
    let system = try System("process")
    try #require(try define(system, [ProcessTests.check]).status == 201)
    try system.send("Retire", to: "Definition/travel", as: "ada", roles: "author")
    try submit(system, "t1", cents: 1)
    #expect(try system.view("Case/t1")["state"] == ["undefined"])
  }

  /// Remarks about a case are stored in the trail only.
  @Test("remarks are stored in a separate flow and are not visible in the case") func remarks() throws {
    let system = try System("process")
    try #require(try define(system, [ProcessTests.check]).status == 201)
    try submit(system, "t1", cents: 1)
    let remark: JSON = ["id": "t1", "text": "twice this month already"]
    #expect(try system.send("Remark", remark, as: "ann", roles: "requester").status == 403)
    #expect(try system.send("Remark", remark, as: "cleo", roles: "clerk").status == 201)
    try system.send("Approve", to: "Case/t1", as: "cleo", roles: "clerk")
    #expect(
      try system.view("Trail/t1")["data"]?["lines"] == ["cleo: twice this month already", "cleo approved"])
    for path in ["", "/history"] {
      let seen = try system.client.send("GET", system.path("Case/t1") + path)
      #expect(seen.status == 200 && !seen.text.contains("twice this month"))
    }
  }

  /// A key without the flow `Trail` has no access to it in any way.
  @Test("the trail is invisible to keys without its flow") func restrictedTrail() throws {
    let folder = try TestFolder()
    let keys = Keys(in: folder)
    let author = try keys.add("ada", "--scope", "read,send", "--role", "author", "--flow", "Definition")
    let desk = try keys.add(
      "ann", "--scope", "read,send", "--role", "requester", "--flow", "Definition", "--flow", "Case")
    let clerk = try keys.add("cleo", "--scope", "read,send", "--role", "clerk")
    let system = try System("process", options: ["--keys", keys.path])
    let post: (String, JSON, String) throws -> Int = { event, data, key in
      try system.client.send("POST", "/v1/events", ["event": .string(event), "data": data], headers: bearer(key)).status
    }
    #expect(try post("Define", ["process": "travel", "stages": [ProcessTests.check]], author) == 201)
    let live = try EventStreamClient(port: system.port, path: "/v1/live", headers: bearer(desk))
    #expect(try post("Submit", ["id": "t1", "process": "travel", "title": "Rome", "cents": 5], author) == 404)
    #expect(try post("Submit", ["id": "t1", "process": "travel", "title": "Rome", "cents": 5], desk) == 201)
    #expect(try post("Remark", ["id": "t1", "text": "twice this month"], clerk) == 201)
    #expect(try post("Remark", ["id": "t1", "text": "me too"], desk) == 404)
    let approve = try system.client.send(
      "POST", system.path("Case/t1") + "/events", ["event": "Approve"], headers: bearer(clerk))
    #expect(approve.json["to"] == ["approved"])

    for (path, status) in [("Trail/t1", 403), ("Trail/t1/history", 403), ("Case/t1", 200), ("Case/t1/history", 200)] {
      let seen = try system.client.send("GET", system.path(path), headers: bearer(desk))
      #expect(seen.status == status && !seen.text.contains("twice this month"), "\(path)")
    }
    let list = try system.client.send("GET", "/v1/instances", headers: bearer(desk)).json["items"]?.array ?? []
    #expect(Set(list.compactMap { $0["flow"]?.string }) == ["Definition", "Case"])
    var received: [String] = []
    while received.last?.contains(#"["approved"]"#) != true { received.append(try live.receive().data.text()) }
    #expect(!received.contains { $0.contains("Trail") || $0.contains("twice this month") })
    let trail = try system.client.send("GET", system.path("Trail/t1"), headers: bearer(clerk))
    #expect(trail.json["data"]?["lines"] == ["cleo: twice this month", "cleo approved"])
  }
}
