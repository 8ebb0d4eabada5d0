import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// `flow serve` with several files and folders: files are separate programs unless they import each other.
@Suite(.serialized) struct ProgramFilesTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  /// A flow whose events, actions and roles have the names of other files.
  private func program(_ flow: String, field: String) -> String {
    """
    role clerk
    event Begin\(flow) { id: string }
    event Close { id: string  \(field): string }
    flow \(flow) {
      key id
      data { id: string  \(field): string = "" }
      start on Begin\(flow) -> open do id = event.id
      state open { on Close by clerk -> closed do \(field) = event.\(field) }
      final closed
    }
    """
  }

  @Test("two files with the same names are two programs, each with its own types")
  func filesAreSeparatePrograms() throws {
    let files = try ["One": "note", "Two": "remark"].sorted { $0.key < $1.key }.map { name, field in
      try folder.write("\(name).flow", program(name, field: field))
    }
    let server = try ServerProcess(files + ["--store", folder.store])
    let client = HTTPClient(port: server.port)
    for (flow, field) in [("One", "note"), ("Two", "remark")] {
      let begin: JSON = ["event": .string("Begin\(flow)"), "data": ["id": "a"]]
      #expect(try client.send("POST", "/v1/events", begin).status == 201)
      let data = JSON.object([.init("id", "a"), .init(field, "done")])
      let answer = try client.send(
        "POST", "/v1/flows/\(flow)/instances/a/events", ["event": "Close", "data": data],
        headers: ["Flow-Roles": "clerk"])
      #expect(answer.status == 200, "\(answer.text)")
      let view = try client.send("GET", "/v1/flows/\(flow)/instances/a").json
      #expect(view["data"]?[field] == "done")
      let source = try client.send("GET", "/v1/flows/\(flow)/source", headers: ["Accept": "application/json"])
      #expect(source.json["files"]?.array?.count == 1, "each program has its own file")
    }
    let schema = try client.send("GET", "/openapi.json").json["components"]?["schemas"]?["Event.Close"]
    #expect(schema?["anyOf"]?.array?.count == 2, "both forms of the event are documented")
    let definitions = try client.send("GET", "/v1/flows").json["items"]?.array?.compactMap { $0["definition"]?.string }
    #expect(Set(definitions ?? []).count == 2)
  }

  @Test("an imported file is part of the program that imports it, also when it is named or in the folder")
  func importsArePartOfTheirProgram() throws {
    _ = try folder.write("types.flow", "event Begin { id: string }\n")
    _ = try folder.write(
      "one.flow",
      """
      import "types.flow"
      flow One {
        key id
        data { id: string }
        start on Begin -> open do id = event.id
        state open { ignore Begin }
        ongoing
      }
      """)
    let names = ["one.flow", "types.flow"].map { folder.url.appending(path: $0).path }
    for operands in [names, [folder.url.path]] {
      let store = folder.url.appending(path: "\(operands.count).db").path
      let server = try ServerProcess(operands + ["--store", store])
      let flows = try HTTPClient(port: server.port).send("GET", "/v1/flows").json["items"]?.array
      #expect(flows?.map { $0["name"] } == ["One"])
      #expect(server.stop() == 0)
    }
  }

  @Test("two programs with the same flow are not served, and the message names both files")
  func aFlowOfTwoProgramsIsRefused() throws {
    let files = try ["a.flow", "b.flow"].map { try folder.write($0, program("One", field: "note")) }
    let process = try FlowProcess.run(["serve"] + files + ["--store", folder.store, "--create"])
    #expect(process.code == 2)
    for part in ["`One`", "a.flow", "b.flow"] { #expect(process.errors.contains(part), "\(process.errors)") }
  }

  @Test("a flow stays with its program over a restart with other files beside it")
  func programsSurviveARestart() throws {
    let one = try folder.write("one.flow", program("One", field: "note"))
    let two = try folder.write("two.flow", program("Two", field: "remark"))
    let first = try ServerProcess([one, two, "--store", folder.store])
    let begin: JSON = ["event": "BeginTwo", "data": ["id": "a"]]
    #expect(try HTTPClient(port: first.port).send("POST", "/v1/events", begin).status == 201)
    #expect(first.stop() == 0)
    let second = try ServerProcess([one, "--store", folder.store])
    let client = HTTPClient(port: second.port)
    let flows = try client.send("GET", "/v1/flows").json["items"]?.array ?? []
    #expect(flows.map { [$0["name"], $0["retired"]] } == [["One", false], ["Two", true]])
    let refused = try client.send("POST", "/v1/events", ["event": "BeginTwo", "data": ["id": "b"]])
    #expect(refused.status == 410)
    #expect(refused.json["code"] == "flow-retired")
    let close: JSON = ["event": "Close", "data": ["id": "a", "remark": "late"]]
    let answer = try client.send(
      "POST", "/v1/flows/Two/instances/a/events", close, headers: ["Flow-Roles": "clerk"])
    #expect(answer.status == 200, "a running instance continues: \(answer.text)")
  }

  @Test("all samples are served together, with the environment that their flows need")
  func samplesAreServed() throws {
    let missing = try FlowProcess.run(
      "serve", "samples", "--store", folder.store, "--create", "--addr", "127.0.0.1:0")
    #expect(missing.code == 2)
    #expect(missing.errors.contains("HOOK_SECRET"), "\(missing.errors)")
    let (services, warehouse) = (try Services(), try Warehouse())
    // The brokers can't be reached, which the other flows do not notice.
    let brokers = ["FLOW_AMQP_URL": "amqp://127.0.0.1:9", "FLOW_REDIS_URL": "redis://127.0.0.1:9"]
    let server = try ServerProcess(
      [packageRoot.appending(path: "samples").path, "--store", folder.store, "--allow-host", "127.0.0.1"],
      environment: services.environment.merging(warehouse.environment) { $1 }.merging(brokers) { $1 })
    let client = HTTPClient(port: server.port)
    let flows = try client.send("GET", "/v1/flows").json["items"]?.array?.compactMap { $0["name"]?.string } ?? []
    #expect(Set(["Order", "Approval", "Card", "Case"]).isSubset(of: flows), "\(flows)")
    #expect(try client.send("GET", "/openapi.json").status == 200)
    try client.send("POST", "/v1/events", AccessTests.placed)
    let paid = try client.send(
      "POST", "/v1/flows/Order/instances/o1/events", ["event": "Paid", "data": ["amount": 10]],
      headers: ["Prefer": "wait=20"])
    #expect(paid.json["instance"]?["state"] == ["delivered"], "\(paid.text)")
  }

  @Test(
    "an invalid address of a broker or a database is rejected at the start, without its value",
    arguments: [
      ("FLOW_AMQP_URL", "http://SECRET@x", "amqp://HOST"), ("FLOW_AMQP_URL", "amqp://h:99999/v", "amqp://HOST"),
      ("FLOW_REDIS_URL", "SECRET", "redis://HOST"), ("FLOW_SQL_URL", "mysql://u:SECRET@h", "postgres://HOST"),
    ])
  func brokerAddress(_ variable: String, _ url: String, _ form: String) throws {
    let one = try folder.write("one.flow", program("One", field: "note"))
    let result = try FlowProcess.run(
      "serve", one, "--store", folder.store, "--create", "--addr", "127.0.0.1:0", environment: [variable: url])
    #expect(result.code == 2)
    #expect(result.errors.contains("\(variable) is not the URL of a server"), "\(result.errors)")
    #expect(result.errors.contains(form) && !result.errors.contains("SECRET"), "\(result.errors)")
  }

  @Test(
    "a publication with a mistake is rejected at the start",
    arguments: [
      ("amqp = \"x\"\nredis = \"y\"", "two targets"), ("redis = \"y\"\nrouting-key = \"k\"", "routing keys"),
      ("redis = \"y\"\ntype = \"stepp\"", "did you mean `step`?"),
    ])
  func publicationMistakes(_ members: String, _ message: String) throws {
    let one = try folder.write("one.flow", program("One", field: "note"))
    _ = try folder.write("flow.toml", "[serve.publish.feed]\n\(members)\n")
    let result = try FlowProcess.run(
      "serve", one, "--store", folder.store, "--create", "--addr", "127.0.0.1:0",
      environment: ["FLOW_AMQP_URL": "amqp://127.0.0.1:9", "FLOW_REDIS_URL": "redis://127.0.0.1:9"])
    #expect(result.code == 2)
    #expect(result.errors.contains("serve.publish.feed") && result.errors.contains(message), "\(result.errors)")
  }

  @Test("a publication of a flow that no file declares is a warning in the log")
  func publicationOfNothing() throws {
    let one = try folder.write("one.flow", program("One", field: "note"))
    _ = try folder.write("flow.toml", "[serve.publish.feed]\nredis = \"y\"\nflow = \"Onee\"\n")
    let server = try ServerProcess(
      [one, "--store", folder.store], environment: ["FLOW_REDIS_URL": "redis://127.0.0.1:9"])
    #expect(server.log.contains("the served files declare no flow `Onee`, did you mean `One`?"), "\(server.log)")
  }

  @Test("a deleted flow says that it is retired, over every way to start an instance")
  func aRetiredFlowSaysSo() throws {
    let one = try folder.write("one.flow", program("One", field: "note"))
    let server = try ServerProcess([one, "--store", folder.store])
    let client = HTTPClient(port: server.port)
    let begin: JSON = ["event": "BeginOne", "data": ["id": "a"]]
    #expect(try client.send("DELETE", "/v1/flows/One").status == 200)
    for path in ["/v1/events", "/v1/flows/One/instances", "/v1/flows/One/instances/a/events"] {
      for query in ["", "?dryRun=true"] {
        let answer = try client.send("POST", path + query, begin)
        #expect(answer.status == 410, "\(path)\(query): \(answer.text)")
        #expect(answer.json["code"] == "flow-retired")
        #expect(answer.json["detail"]?.string?.contains("`One` is retired") == true)
      }
    }
  }
}
