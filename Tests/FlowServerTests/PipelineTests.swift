import FlowJSON
import FlowTestSupport
import Testing

/// `samples/pipeline.flow`: readings pass two stages and are counted for a page that polls.
@Suite("Sample pipeline.flow", .serialized) struct PipelineTests {
  private func reading(_ sensor: String, _ value: Double, _ unit: String = "C") -> JSON {
    ["sensor": .string(sensor), "value": .double(value), "unit": .string(unit)]
  }

  @Test("a reading passes both stages and is counted") func bothStages() throws {
    let system = try System("pipeline")
    let live = try WebSocketClient(port: system.port, path: "/v1/live")
    try live.send(["id": 1, "op": "sub", "event": "Alarm"])
    #expect(try live.receive()["ok"] != nil)
    #expect(try system.send("Reading", reading("s1", 68, "F")).json["to"] == ["cleaned"])
    let isFirstStored = try eventually { try system.view("Sensor/s1")["data"]?["count"] == 1 }
    #expect(isFirstStored, "results of calls may overtake each other")
    #expect(try system.send("Reading", reading("s1", 80)).status == 201)
    #expect(try system.send("Reading", reading("s1", 80, "miles")).json["to"] == ["aside"])
    let isStored = try eventually { try system.view("Sensor/s1")["data"]?["count"] == 2 }
    #expect(isStored)
    let data = try system.view("Sensor/s1")["data"]
    #expect(data?["lowest"] == .double(20) && data?["highest"] == .double(80) && data?["alarms"] == 1)
    #expect(try live.receive()["ev"]?["data"]?["data"]?["sensor"] == "s1")
    #expect(try system.send("Quieten", ["sensor": "s1"]).status == 403)
    #expect(try system.send("Quieten", ["sensor": "s1"], roles: "operator").json["to"] == ["calm"])
  }

  @Test("devices are polled on a schedule") func polledDevices() throws {
    let system = try System("pipeline")
    let isStored = try eventually { try system.view("Sensor/cellar")["data"]?["count"]?.int ?? 0 >= 2 }
    #expect(isStored, "the device was polled repeatedly")
    #expect(try system.view("Sensor/cellar")["data"]?["highest"] == .double(10))
  }

  /// The model is unavailable at first, and the server is killed. Each of 200 readings counts once.
  @Test("no reading is lost or counted twice after a crash") func exactlyOnce() throws {
    let system = try System("pipeline")
    try system.services.makeBusy("/rate", times: 20)
    for batch in 0..<4 {
      let events = (0..<50).map { number -> JSON in
        [
          "specversion": "1.0", "id": .string("\(batch)-\(number)"), "source": "/devices", "type": "Reading",
          "data": reading("s\(number % 5)", Double(number)),
        ]
      }
      let type = ["Content-Type": "application/cloudevents-batch+json"]
      let answer = try system.client.send("POST", "/v1/events", .array(events), headers: type)
      #expect(answer.json["taken"] == 50)
      // The same batch again, as from a client that has not received the response.
      if batch == 1 {
        try system.restart()
        let again = try system.client.send("POST", "/v1/events", .array(events), headers: type)
        #expect(again.json["items"]?.array?.allSatisfy { $0["replayed"] == true } == true)
      }
    }
    let isThrough = try eventually(within: 60) { try count(system) == 200 }
    let counted = try count(system)
    #expect(isThrough && counted == 200)
    // The polled reading may be in progress; all submitted ones are finished.
    #expect(try number(of: "Rate", status: "done", system) >= 200)
    let metrics = try system.client.send("GET", "/metrics")
    #expect(metrics.status == 200)
    let line = try #require(metrics.text.firstMatch(of: /flow_instances\{workflow="Rate",[^}]*status="done"\} (\d+)/))
    #expect(Int(line.1) ?? 0 >= 200)
  }

  private func count(_ system: System) throws -> Int {
    try (0..<5).reduce(0) { sum, number in
      sum + (try system.view("Sensor/s\(number)")["data"]?["count"]?.int ?? 0)
    }
  }

  /// The number of instances of a flow with a status, as a page polls it.
  private func number(of flow: String, status: String, _ system: System) throws -> Int {
    let items = try system.client.send("GET", "/v1/stats?flow=\(flow)").json["items"]?.array ?? []
    return items.filter { $0["status"]?.string == status }.reduce(0) { $0 + ($1["count"]?.int ?? 0) }
  }
}
