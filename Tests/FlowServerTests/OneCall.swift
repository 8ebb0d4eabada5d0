import FlowJSON
import FlowTestSupport
import Foundation

/// A flow that performs one action and ends in `done`, or in `refused` with the code of the failure.
enum OneCall {
  /// - Parameter action: The declaration of `act(id: string)`.
  static func source(_ flow: String, _ action: String) -> String {
    """
    event Begin { id: string }
    \(action)
    flow \(flow) {
      key id
      data { id: string  why: string = ""  tries: int = 0 }
      start on Begin -> going do id = event.id
      state going {
        call act(id: id) as it
        on it.done -> done
        on it.failed -> refused do { why = event.code  tries = event.attempts }
      }
      final done
      failed refused
    }
    """
  }
}

/// The warehouse of the order sample, as a separate process.
final class Warehouse {
  private let process = Process()
  let port: Int

  init() throws {
    port = Int.random(in: 20_000..<30_000)
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", packageRoot.appending(path: "samples/warehouse.py").path, String(port)]
    process.standardError = FileHandle.nullDevice
    try process.run()
    for _ in 0..<200 {
      if (try? HTTPClient(port: port).send("POST", "/refunds", ["amount": 1]).status) == 200 { return }
      usleep(25_000)
    }
  }

  deinit {
    // The child has inherited a blocked SIGTERM from the thread that started it.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  var environment: [String: String] {
    ["WAREHOUSE_URL": "http://127.0.0.1:\(port)", "PAYMENTS_URL": "http://127.0.0.1:\(port)"]
  }
}
