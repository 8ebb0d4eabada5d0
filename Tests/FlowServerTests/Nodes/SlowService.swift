import FlowHTTP
import Foundation
import Synchronization

/// A service that actions call: each request takes some time, and is recorded under its idempotency key.
final class SlowService: HTTPHandler {
  private struct State {
    var counts: [String: Int] = [:]
    var running = 0
    var mostRunning = 0
  }

  private let state = Mutex(State())
  private let milliseconds: Int
  private let server = Mutex<HTTPServer?>(nil)

  init(milliseconds: Int) throws {
    self.milliseconds = milliseconds
    let started = try HTTPServer(configuration: .init(), handler: self)
    started.start()
    server.withLock { $0 = started }
  }

  var url: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }

  /// The number of requests under each idempotency key.
  var counts: [String: Int] { state.withLock { $0.counts } }
  var running: Int { state.withLock { $0.running } }
  /// The largest number of requests at the same time.
  var mostRunning: Int { state.withLock { $0.mostRunning } }

  func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    state.withLock { state in
      state.counts[request.headers["Idempotency-Key"] ?? "", default: 0] += 1
      state.running += 1
      state.mostRunning = max(state.mostRunning, state.running)
    }
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [self] in
      state.withLock { $0.running -= 1 }
      respond.send(
        HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], body: Array("{}".utf8)))
    }
  }

  func stop() { server.withLock { $0 }?.shutdown() }
}
