import FlowJSON
import FlowTestSupport
import Foundation
import Synchronization

/// A subscriber of the whole live stream at one node, which reconnects with its last position.
final class NodeSubscriber: Sendable {
  private struct State {
    var offsets: [Int64] = []
    var connections = 0
    var isStopped = false
  }

  private let state = Mutex(State())

  init(port: Int) {
    Thread { [self] in
      var last = ""
      while !state.withLock({ $0.isStopped }) {
        do {
          try follow(port, &last)
        } catch {
          usleep(50_000)
        }
      }
    }.start()
  }

  /// The offsets of all entries, in the order in which they arrived.
  var offsets: [Int64] { state.withLock { $0.offsets } }
  var connections: Int { state.withLock { $0.connections } }

  func stop() { state.withLock { $0.isStopped = true } }

  private func follow(_ port: Int, _ last: inout String) throws {
    let stream = try EventStreamClient(
      port: port, path: "/v1/live?since=0", headers: last.isEmpty ? [:] : ["Last-Event-ID": last])
    state.withLock { $0.connections += 1 }
    while !state.withLock({ $0.isStopped }) {
      let event = try stream.receive()
      if event.name == "bye" { return }
      guard let offset = event.id.split(separator: ":").last.flatMap({ Int64($0) }), event.name != "ready",
        event.name != "reset"
      else { continue }
      last = event.id
      state.withLock { $0.offsets.append(offset) }
    }
  }
}
