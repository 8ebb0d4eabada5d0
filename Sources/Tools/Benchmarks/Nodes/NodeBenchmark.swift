import Foundation

/// Durable events per second of two nodes on PostgreSQL, through the owner and through the other node, next to the same
/// rows that are written by hand to the same server.
///
/// `FLOW_BENCH_POSTGRES` is the location of a database.
enum NodeBenchmark {
  static func run() {
    guard let location = ProcessInfo.processInfo.environment["FLOW_BENCH_POSTGRES"] else { return }
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-nodes-\(getpid())")
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try measureEvents(location, in: folder)
      try measureWorkflows(location, in: folder)
    } catch {
      report("nodes on PostgreSQL", "could not be measured: \(error)")
    }
    for size in [1, 64] {
      let name = "the same rows by hand, \(size) in a transaction"
      let rate = RawPostgres.sameRows(
        at: location, size: size, instances: ServerBenchmark.instanceCount, seconds: ServerBenchmark.seconds)
      report(name, rate.map { "\(Int($0)) /s" } ?? "could not be measured")
    }
  }

  /// Two nodes over a schema of its own; the first one is the owner.
  private static func startNodes(
    _ program: String, named name: String, at location: String, in folder: URL
  ) throws -> [BenchmarkServer] {
    let file = folder.appending(path: "\(name).flow")
    try program.write(to: file, atomically: true, encoding: .utf8)
    let store = "\(location)\(location.contains("?") ? "&" : "?")schema=nodes_\(name)_\(getpid())"
    return try (0..<2).map { _ in
      let node = try BenchmarkServer(file: file.path, store: store)
      try node.waitUntilReady()
      return node
    }
  }

  private static func measureEvents(_ location: String, in folder: URL) throws {
    let nodes = try startNodes(ServerBenchmark.counter, named: "counter", at: location, in: folder)
    defer { for node in nodes.reversed() { node.stop() } }
    for index in 0..<ServerBenchmark.instanceCount {
      let body = #"{"event": "Begin", "data": {"id": "c\#(index)"}}"#
      let request = ServerBenchmark.request("POST", "/v1/flows/Counter/instances", body: body)
      guard ServerBenchmark.send(request, to: nodes[0].port) else { throw BenchmarkServer.NotStarted() }
    }
    for connectionCount in [1, 64] {
      for (node, role) in zip(nodes, ["the owner", "the other node"]) {
        let name = "durable events through \(role), \(connectionCount) at a time"
        let load = LoadGenerator(port: node.port, connectionCount: connectionCount)
        let result = load.run(
          seconds: ServerBenchmark.seconds,
          request: { number in
            ServerBenchmark.request(
              "POST", "/v1/flows/Counter/instances/c\(number % ServerBenchmark.instanceCount)/events",
              body: #"{"event": "Add", "data": {"n": 1}}"#)
          })
        guard let result, result.failures == 0 else {
          report(name, "failed: \(result.map { "\($0.failures) refused" } ?? "a connection broke")")
          continue
        }
        report(
          name, "\(Int(result.requestsPerSecond)) /s",
          note: "p50 \(short(result.median)) ms, p99 \(short(result.percentile99)) ms")
      }
    }
  }

  private static func measureWorkflows(_ location: String, in folder: URL) throws {
    let nodes = try startNodes(WorkflowBenchmark.order, named: "order", at: location, in: folder)
    defer { for node in nodes.reversed() { node.stop() } }
    for connectionCount in [1, 64] {
      WorkflowBenchmark.measure(port: nodes[0].port, connectionCount: connectionCount)
    }
  }
}

extension BenchmarkServer {
  /// Waits until the server is the owner of its store, or knows the owner.
  func waitUntilReady() throws {
    let request = ServerBenchmark.request("GET", "/readyz", body: "")
    for _ in 0..<60_000 {
      if ServerBenchmark.send(request, to: port) { return }
      usleep(5000)
    }
    throw NotStarted()
  }

  /// The resident memory of the process, in bytes.
  var residentBytes: Int {
    let text = (try? String(contentsOfFile: "/proc/\(processIdentifier)/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
  }
}
