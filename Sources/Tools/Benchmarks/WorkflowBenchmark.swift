import Foundation

/// Durable workflows of three steps per second over HTTP: each instance is started and receives two events, and each
/// answer means that the step is on the disk.
enum WorkflowBenchmark {
  static let order = """
    event Place { id: string  amount: int }
    event Pay { amount: int }
    event Ship
    flow Order {
      key id
      data { id: string  amount: int = 0 }
      start on Place -> placed do { id = event.id  amount = event.amount }
      state placed { on Pay when event.amount == amount -> paid }
      state paid { on Ship -> shipped }
      final shipped
    }
    """
  private static let steps = [
    (path: "/events", body: #"{"event": "Pay", "data": {"amount": 5}}"#),
    (path: "/events", body: #"{"event": "Ship", "data": {}}"#),
  ]

  static func run() {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-workflow-\(getpid())")
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = folder.appending(path: "order.flow")
      try order.write(to: file, atomically: true, encoding: .utf8)
      let server = try BenchmarkServer(file: file.path, store: folder.appending(path: "bench.db").path)
      defer { server.stop() }
      for connectionCount in [1, 64] { measure(port: server.port, connectionCount: connectionCount) }
    } catch {
      report("workflows over HTTP", "could not be measured: \(error)")
    }
  }

  static func measure(port: Int, connectionCount: Int) {
    let load = LoadGenerator(port: port, connectionCount: connectionCount)
    let name = "workflows of three steps, \(connectionCount) connection\(connectionCount == 1 ? "" : "s")"
    let result = load.run(
      seconds: ServerBenchmark.seconds,
      requestOfConnection: { connection, number in
        let key = "\(connectionCount)-\(connection)-\(number / 3)"
        guard number % 3 > 0 else {
          let body = #"{"event": "Place", "data": {"id": "\#(key)", "amount": 5}}"#
          return ServerBenchmark.request("POST", "/v1/flows/Order/instances", body: body)
        }
        let step = steps[number % 3 - 1]
        return ServerBenchmark.request("POST", "/v1/flows/Order/instances/\(key)\(step.path)", body: step.body)
      })
    guard let result, result.failures == 0 else {
      return report(name, "failed: \(result.map { "\($0.failures) refused" } ?? "a connection broke")")
    }
    report(
      name, "\(short(result.requestsPerSecond / 3)) workflows/s",
      note: "a step: p50 \(short(result.median)) ms, p99 \(short(result.percentile99)) ms")
  }
}
