import FlowJSON
import FlowTestSupport
import Foundation
import Testing

/// Metrics, logs, traces and readiness of a server.
@Suite("Observability", .serialized) struct ObserveTests {
  private let folder: TestFolder

  init() throws { folder = try TestFolder() }

  private func serve(_ arguments: String...) throws -> ServerProcess {
    try ServerProcess([EndToEndTests.order, "--store", folder.store] + arguments)
  }

  private func order(_ client: HTTPClient, _ id: String, headers: [String: String] = [:]) throws {
    let placed: JSON = [
      "event": "Placed", "data": ["order_id": .string(id), "email": "secret@b.c", "items": []],
    ]
    #expect(try client.send("POST", "/v1/events", placed, headers: headers).status == 201)
  }

  @Test("metrics count instances, events, transitions and requests") func counters() throws {
    let server = try serve()
    let client = HTTPClient(port: server.port)
    for index in 0..<3 { try order(client, "o\(index)") }
    for index in 0..<5 { try client.send("GET", "/v1/flows/Order/instances/o\(index)") }
    let cancel = "/v1/flows/Order/instances/o1/events"
    try client.send("POST", cancel, ["event": "Cancel"], headers: ["Flow-Roles": "x"])
    #expect(try client.send("POST", cancel, ["event": "Retry"]).status == 409)
    #expect(try client.send("POST", cancel, ["event": "Invented"]).status == 404)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=0")
    _ = try live.receive()
    let text = try client.send("GET", "/metrics")
    #expect(text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    let lines = Set(text.text.split(separator: "\n").map(String.init))
    for expected in [
      #"flow_instances_started_total{workflow="Order"} 3"#,
      #"flow_events_received_total{workflow="Order",event="Placed",disposition="applied"} 3"#,
      #"flow_events_received_total{workflow="Order",event="Retry",disposition="refused"} 1"#,
      #"flow_transitions_total{workflow="Order",from="",to="unpaid",event="Placed"} 3"#,
      #"flow_http_requests_total{method="POST",route="/v1/events",status="201"} 3"#,
      #"flow_http_requests_total{method="GET",route="/v1/flows/{flow}/instances/{key}",status="200"} 3"#,
      #"flow_http_requests_total{method="GET",route="/v1/flows/{flow}/instances/{key}",status="404"} 2"#,
      #"flow_ws_connections 1"#, #"flow_build_info{version="0.1.0"} 1"#,
    ] {
      #expect(lines.contains(expected), "\(expected)")
    }
    #expect(lines.contains { $0.hasPrefix(#"flow_instances{workflow="Order",version="#) && $0.hasSuffix("} 3") })
    #expect(!text.text.contains("Invented"), "unknown names do not become labels")
    #expect(lines.contains { $0.hasPrefix("flow_store_commit_seconds_count ") && !$0.hasSuffix(" 0") })
    #expect(lines.contains { $0.hasPrefix("process_resident_memory_bytes ") && !$0.hasSuffix(" 0") })
    #expect(!text.text.contains("o1"), "no instance becomes a label")
    try aScraperCanReadIt(text.text)
  }

  private static let work = """
    event Begin { id: string }
    event Finish { id: string, parts: int }
    event Break { id: string }
    flow Work {
      key id
      data { id: string }
      start on Begin -> open do id = event.id
      state open {
        on Finish when 10 / event.parts > 1 -> shut
        on Break -> broken
      }
      state shut { always -> done }
      final done
      failed broken
    }
    """

  @Test("metrics count finished instances by outcome and their duration") func finishedInstances() throws {
    let server = try ServerProcess([try folder.write("work.flow", ObserveTests.work), "--store", folder.store])
    let client = HTTPClient(port: server.port)
    func send(_ event: String, _ id: String, _ more: [(String, JSON)] = []) throws -> Int {
      let data = JSON.object([.init("id", .string(id))] + more.map { .init($0.0, $0.1) })
      return try client.send("POST", "/v1/events", ["event": .string(event), "data": data]).status
    }
    for id in ["a", "b", "c", "d"] { #expect(try send("Begin", id) == 201) }
    let halves = try client.send(
      "POST", "/v1/flows/Work/instances/a/events", ["event": "Finish", "data": ["id": "a", "parts": 0]])
    #expect(halves.status == 409, "division by zero")
    #expect(try send("Finish", "a", [("parts", 20)]) == 409)
    #expect(try send("Finish", "a", [("parts", 2)]) == 200)
    #expect(try send("Break", "b") == 200)
    #expect(try client.send("POST", "/v1/flows/Work/instances/c/cancel", [:]).status == 200)
    let live = try WebSocketClient(port: server.port, path: "/v1/live?since=elsewhere:1")
    #expect(try live.receive()["ok"]?["recovered"] == false)
    let lines = Set(try client.send("GET", "/metrics").text.split(separator: "\n").map(String.init))
    for expected in [
      #"flow_instances_finished_total{workflow="Work",outcome="done"} 1"#,
      #"flow_instances_finished_total{workflow="Work",outcome="failed"} 1"#,
      #"flow_instances_finished_total{workflow="Work",outcome="cancelled"} 1"#,
      #"flow_instance_duration_seconds_count{workflow="Work"} 3"#,
      #"flow_guard_errors_total{workflow="Work"} 1"#,
      #"flow_microsteps_per_macrostep_bucket{le="2"} 7"#, #"flow_ws_resyncs_total{reason="epoch"} 1"#,
    ] {
      #expect(lines.contains(expected), "\(expected)")
    }
  }

  /// Checks the exposition format by line: a type before its samples, each sample once, cumulative buckets.
  private func aScraperCanReadIt(_ text: String) throws {
    var types: [String: String] = [:]
    var seen: Set<String> = []
    for line in text.split(separator: "\n") where !line.hasPrefix("# HELP") {
      if line.hasPrefix("# TYPE") {
        let words = line.split(separator: " ")
        #expect(types.updateValue(String(words[3]), forKey: String(words[2])) == nil, "\(line)")
        continue
      }
      let sample = try #require(
        try /([a-z_]+)(\{([a-z_]+="[^"]*",?)+\})? (-?[0-9.e+-]+)/.wholeMatch(in: line), "\(line)")
      let name = String(sample.1)
      let family = ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
      #expect(types[name] != nil || types[family ?? ""] == "histogram", "\(line)")
      #expect(seen.insert(String(line.split(separator: "} ").first ?? "")).inserted || sample.2 == nil, "\(line)")
    }
    #expect(types.count > 20)
  }

  @Test("log lines are JSON objects with the request id") func jsonLogs() throws {
    let server = try serve("--log-level", "debug")
    let client = HTTPClient(port: server.port)
    let answer = try client.send(
      "GET", "/v1/flows/Order/instances/none", headers: ["X-Request-Id": "mine-1"])
    #expect(answer.headers["x-request-id"] == "mine-1")
    #expect(try client.send("GET", "/livez").headers["x-request-id"]?.count == 16)
    #expect(try client.send("GET", "/livez", headers: ["X-Request-Id": "a b"]).headers["x-request-id"] != "a b")
    try order(client, "o1")
    #expect(server.stop() == 0)
    #expect(eventually { server.log.contains("\"stopped\"") })
    let lines = try server.log.split(separator: "\n").map { try JSON(parsing: String($0)) }
    #expect(lines.allSatisfy { $0["ts"]?.string != nil && $0["level"]?.string != nil && $0["msg"]?.string != nil })
    let request = try #require(lines.first { $0["requestId"] == "mine-1" })
    #expect(request["status"] == 404 && request["workflow"] == "Order" && request["level"] == "debug")
    #expect(request["route"] == "/v1/flows/{flow}/instances/{key}")
    let step = try #require(lines.first { $0["msg"] == "step" })
    #expect(step["instance"] == "o1" && step["event"] == "Placed" && step["to"] == ["unpaid"])
    // A step may be logged after its response, even after the shutdown signal; nothing is logged after `stopped`.
    #expect(lines.filter { $0["msg"] == "draining" }.count == 1)
    #expect(lines.last?["msg"] == "stopped")
  }

  @Test("every line is JSON: of errors in the program, of the command line, and of the end of a lost store")
  func everyLineIsJSON() throws {
    let folder = try TestFolder()
    let broken = try folder.write("broken.flow", "flow A { start on Nothing -> b }")
    let counter = try folder.write("counter.flow", Counter.source)
    let runs = try [
      FlowProcess.run("serve", broken, "--log-format", "json"), FlowProcess.run("serve", counter, "--adr", "x"),
      FlowProcess.run("serve", counter, "--log-format=json", "--addr", "nowhere"),
      FlowProcess.run("serve", "none.flow"),
      FlowProcess.run("serve", counter, "--store", folder.url.appending(path: "missing/x.db").path),
    ]
    for run in runs {
      #expect(run.code != 0)
      try expectDocuments(run.errors)
    }
    #expect(runs[0].errors.contains("broken.flow:1:"))
    #expect(try !FlowProcess.run("serve", counter, "--adr", "x", "--log-format", "text").errors.hasPrefix("{"))
    let server = try ServerProcess([counter, "--store", folder.store])
    try FileManager.default.removeItem(atPath: folder.store)
    #expect(server.wait() == 3)
    #expect(eventually { server.log.contains("the process exits") })
    try expectDocuments(server.log)
  }

  private func expectDocuments(_ log: String) throws {
    for line in log.split(separator: "\n") {
      let document = try JSON(parsing: String(line))
      #expect(document["ts"]?.string != nil && document["level"]?.string != nil && document["msg"]?.string != nil)
    }
    #expect(!log.isEmpty)
  }

  @Test("--log-format text writes readable lines") func textLogs() throws {
    let server = try serve("--log-format", "text", "--log-level", "debug")
    try HTTPClient(port: server.port).send("GET", "/v1/flows", headers: ["X-Request-Id": "a=b"])
    #expect(eventually { server.log.contains("debug: request requestId=a=b who=\"\" method=GET path=/v1/flows") })
    #expect(server.log.hasPrefix("flow serves Order from "))
  }

  @Test("each sampled step is exported as a span") func spans() throws {
    let collector = try Script("collector.py")
    let server = try serve("--otlp", "http://127.0.0.1:\(collector.port())")
    let client = HTTPClient(port: server.port)
    let trace = String(repeating: "ab", count: 16)
    let header = "00-\(trace)-00f067aa0ba902b7-01"
    try order(client, "o1", headers: ["Traceparent": header])
    let paid: JSON = ["event": "Paid", "data": ["amount": .double(0)]]
    #expect(try client.send("POST", "/v1/flows/Order/instances/o1/events", paid).status == 200)
    let unsampled = "00-\(trace)-00f067aa0ba902b7-00"
    try order(client, "o2", headers: ["Traceparent": unsampled])
    #expect(server.stop() == 0)
    #expect(eventually { collector.lines.count > 2 })
    let spans = try collector.lines.dropFirst().map { try JSON(parsing: $0) }
    #expect(spans.allSatisfy { $0["error"] == nil }, "\(spans)")
    let first = try #require(spans.first { $0["traceId"] == .string(trace) })
    #expect(first["parentSpanId"] == "00f067aa0ba902b7")
    #expect(first["name"] == "flow.step Order/unpaid")
    let attributes = first["attributes"]?.array ?? []
    func value(_ name: String) -> JSON? {
      attributes.first { $0["key"] == .string(name) }?["value"]?.members?.first?.value
    }
    #expect(value("flow.instance.id") == "o1" && value("flow.event") == "Placed" && value("flow.revision") == "1")
    let second = spans.first { $0["links"] != nil }
    #expect(second?["links"]?.array?.first?["spanId"] == first["spanId"])
    #expect(!spans.contains { $0.text().contains("\"o2\"") }, "unsampled traces are not exported")
  }

  @Test("an unreachable collector does not affect requests") func missingCollector() throws {
    let server = try serve("--otlp", "http://127.0.0.1:1")
    let client = HTTPClient(port: server.port)
    for index in 0..<50 { try order(client, "o\(index)") }
    #expect(server.stop() == 0)
  }

  @Test("readiness reports its checks") func readiness() throws {
    let server = try serve()
    let client = HTTPClient(port: server.port)
    #expect(try client.send("GET", "/readyz").text == "ok\n")
    let verbose = try client.send("GET", "/readyz?verbose").json
    #expect(verbose["ready"] == true && verbose["checks"]?["store"] == "ok")
    #expect(try client.send("GET", "/version").json["version"] == "0.1.0")
    #expect(try client.send("POST", "/metrics", [:]).status == 405)
  }

  @Test("long responses are compressed if the client accepts gzip") func compression() throws {
    let server = try serve()
    let client = HTTPClient(port: server.port)
    for index in 0..<20 { try order(client, "o\(index)") }
    let plain = try client.send("GET", "/v1/instances")
    let packed = try client.send("GET", "/v1/instances", headers: ["Accept-Encoding": "br, gzip"])
    #expect(plain.headers["content-encoding"] == nil && plain.headers["vary"] == "Accept-Encoding")
    #expect(packed.headers["content-encoding"] == "gzip" && packed.headers["vary"] == "Accept-Encoding")
    #expect(packed.body.count * 3 < plain.body.count)
    let url = "http://127.0.0.1:\(server.port)/v1/instances"
    #expect(try runProgram("curl", "-sS", "--compressed", url).output == plain.text)
    #expect(try client.send("GET", "/livez", headers: ["Accept-Encoding": "gzip"]).text == "ok\n")
  }
}
