import Foundation

/// Durable events per second over HTTP, next to the health route of the same server in the same run.
enum ServerBenchmark {
  static let counter = """
    event Begin { id: string }
    event Add { n: int }
    event Stop
    flow Counter {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> counting do id = event.id
      state counting { on Add do total = total + event.n  on Stop -> end }
      final end
    }
    """
  static let instanceCount = 1000
  static let connectionCount = 64
  static let seconds = 5.0

  static func run() {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-bench-\(getpid())")
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let file = folder.appending(path: "counter.flow")
      try counter.write(to: file, atomically: true, encoding: .utf8)
      let server = try BenchmarkServer(file: file.path, store: folder.appending(path: "bench.db").path)
      defer { server.stop() }
      measure(port: server.port)
    } catch {
      report("events over HTTP", "could not be measured: \(error)")
    }
  }

  private static func measure(port: Int) {
    let load = LoadGenerator(port: port, connectionCount: connectionCount)
    for index in 0..<instanceCount {
      let body = #"{"event": "Begin", "data": {"id": "c\#(index)"}}"#
      guard send(request("POST", "/v1/flows/Counter/instances", body: body), to: port) else {
        return report("events over HTTP", "the instances did not start")
      }
    }
    let health = Array(request("GET", "/livez", body: ""))
    guard let routine = load.run(seconds: seconds, request: { _ in health }),
      let durable = load.run(
        seconds: seconds,
        request: {
          request(
            "POST", "/v1/flows/Counter/instances/c\($0 % instanceCount)/events",
            body: #"{"event": "Add", "data": {"n": 1}}"#)
        })
    else { return report("events over HTTP", "a connection broke") }
    report("GET /livez, \(connectionCount) connections", "\(Int(routine.requestsPerSecond)) /s", note: latency(routine))
    report(
      "durable events, \(instanceCount) instances", "\(Int(durable.requestsPerSecond)) /s",
      note: latency(durable)
        + "; \(short(100 * durable.requestsPerSecond / routine.requestsPerSecond)) % of the health route"
    )
  }

  private static func latency(_ result: LoadGenerator.Result) -> String {
    "p50 \(short(result.median)) ms, p99 \(short(result.percentile99)) ms, \(result.failures) refused"
  }

  static func request(_ method: String, _ path: String, body: String) -> [UInt8] {
    let head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
  }

  static func send(_ bytes: [UInt8], to port: Int) -> Bool {
    let once = LoadGenerator(port: port, connectionCount: 1)
    return once.single(bytes).map { $0 / 100 == 2 } ?? false
  }
}

/// The release binary, serving on a free port.
final class BenchmarkServer {
  struct NotStarted: Error {}

  private let process = Process()
  let port: Int
  var processIdentifier: Int32 { process.processIdentifier }

  init(file: String, store: String) throws {
    let binary = Bundle.main.bundleURL.appending(path: "flow")
    process.executableURL = binary
    process.arguments = ["serve", file, "--store", store, "--create", "--addr", "127.0.0.1:0"]
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    var output = ""
    while true {
      let data = pipe.fileHandleForReading.availableData
      guard !data.isEmpty else { throw NotStarted() }
      output += String(decoding: data, as: UTF8.self)
      if let match = output.firstMatch(of: /listening on http:\/\/127\.0\.0\.1:(\d+)/), let port = Int(match.1) {
        self.port = port
        return
      }
    }
  }

  func stop() {
    process.terminate()
    process.waitUntilExit()
  }
}
