import FlowJSON
import FlowTestSupport

/// A counting flow for tests that need many steps.
enum Counter {
  static let source = """
    event Begin { id: string }
    event Add { n: int  note: string = "" }
    event Stop
    flow Counter {
      key id
      data { id: string  total: int = 0 }
      start on Begin -> counting do id = event.id
      state counting {
        on Add when event.n >= 0 do total = total + event.n
        on Stop -> end
      }
      final end
    }
    """

  static func begin(_ key: String, _ client: HTTPClient) throws {
    try client.send("POST", "/v1/flows/Counter/instances", ["event": "Begin", "data": ["id": .string(key)]])
  }

  @discardableResult
  static func add(
    _ number: Int64, note: String = "", to key: String, _ client: HTTPClient
  ) throws -> HTTPClient.Response {
    try client.send(
      "POST", "/v1/flows/Counter/instances/\(key)/events",
      ["event": "Add", "data": ["n": .int(number), "note": .string(note)]])
  }
}

/// A server of the counting flow with its folder; both are removed with the last reference.
final class CounterServer {
  let folder: TestFolder
  let process: ServerProcess
  let client: HTTPClient

  init() throws {
    folder = try TestFolder()
    let file = try folder.write("counter.flow", Counter.source)
    process = try ServerProcess([file, "--store", folder.store])
    client = HTTPClient(port: process.port)
  }

  var port: Int { process.port }
}
