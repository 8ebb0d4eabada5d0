import FlowJSON
import FlowTestSupport
import Foundation

/// The external services of the samples, `samples/services.py`, as a separate process.
final class Services {
  private let process = Process()
  let port: Int

  struct NotStarted: Error {}

  init() throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", packageRoot.appending(path: "samples/services.py").path, "0"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    var output = ""
    while !output.hasSuffix("\n") {
      let data = pipe.fileHandleForReading.availableData
      if data.isEmpty { throw NotStarted() }
      output += String(decoding: data, as: UTF8.self)
    }
    guard let match = output.firstMatch(of: /127\.0\.0\.1:(\d+)/), let port = Int(match.1) else { throw NotStarted() }
    self.port = port
  }

  deinit {
    // The child has inherited a blocked SIGTERM from the thread that started it.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  var url: String { "http://127.0.0.1:\(port)" }

  var environment: [String: String] {
    [
      "DEVICES_URL": url, "MODEL_URL": url, "BUILDER_URL": url, "SHOP_URL": url, "CHAT_URL": url,
      "PSP_URL": url, "METRICS_URL": url, "EXPORT_URL": url,
      "HOOK_SECRET": System.secret, "PSP_SECRET": System.secret, "EXPORT_SECRET": System.secret,
    ]
  }

  /// Makes a path respond with 503 a number of times.
  func makeBusy(_ path: String, times: Int64) throws {
    try HTTPClient(port: port).send("POST", "/busy", ["path": .string(path), "times": .int(times)])
  }

  /// The requests to a path, in order; to all paths if none is given.
  func calls(_ path: String? = nil) throws -> [JSON] {
    let all = try HTTPClient(port: port).send("GET", "/calls").json.array ?? []
    return all.filter { path == nil || $0["path"]?.string == path }
  }
}

/// A served sample system.
final class System {
  static let secret = "a secret that both sides know"

  let folder: TestFolder
  let services: Services
  private let arguments: [String]
  private var process: ServerProcess
  private(set) var client: HTTPClient

  convenience init(_ sample: String, options: [String] = []) throws {
    try self.init(path: "samples/\(sample).flow", options: options)
  }

  /// Serves a file, or all files of a folder.
  init(path: String, options: [String] = []) throws {
    folder = try TestFolder()
    services = try Services()
    arguments = [packageRoot.appending(path: path).path, "--store", folder.store, "--allow-private"] + options
    process = try ServerProcess(arguments, environment: services.environment)
    client = HTTPClient(port: process.port)
  }

  var port: Int { process.port }

  /// Kills the server and starts it again.
  func restart() throws {
    process.kill()
    process = try ServerProcess(arguments, environment: services.environment)
    client = HTTPClient(port: process.port)
  }

  @discardableResult
  func send(
    _ event: String, _ data: JSON = [:], as caller: String = "", roles: String = "", headers: [String: String] = [:]
  ) throws -> HTTPClient.Response {
    var headers = headers
    headers["Flow-Caller"] = caller
    headers["Flow-Roles"] = roles
    return try client.send("POST", "/v1/events", ["event": .string(event), "data": data], headers: headers)
  }

  /// Sends an event to one instance.
  @discardableResult
  func send(
    _ event: String, _ data: JSON = [:], to instance: String, as caller: String = "", roles: String = "",
    headers: [String: String] = [:]
  ) throws -> HTTPClient.Response {
    var headers = headers
    headers["Flow-Caller"] = caller
    headers["Flow-Roles"] = roles
    return try client.send(
      "POST", "\(System.path(instance))/events", ["event": .string(event), "data": data], headers: headers)
  }

  /// The view of an instance, named as `Card/c1`.
  func view(_ instance: String, as caller: String = "", roles: String = "") throws -> JSON {
    try client.send(
      "GET", System.path(instance), headers: ["Flow-Caller": caller, "Flow-Roles": roles]
    ).json
  }

  func path(_ instance: String) -> String { System.path(instance) }

  /// The instances of a flow with a status.
  func list(_ flow: String, status: String) throws -> [JSON] {
    try client.send("GET", "/v1/flows/\(flow)/instances?status=\(status)").json["items"]?.array ?? []
  }

  private static func path(_ instance: String) -> String {
    let parts = instance.split(separator: "/", maxSplits: 1)
    return "/v1/flows/\(parts[0])/instances/\(parts[1])"
  }
}
