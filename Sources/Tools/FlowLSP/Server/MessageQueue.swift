import Dispatch
import FlowJSON
import Synchronization

/// The messages that wait for the main thread.
final class MessageQueue: Sendable {
  enum Item: Sendable {
    case message(Message)
    case checked(CheckResult)
    /// The client has closed the connection.
    case end
  }

  private struct State {
    var items: [Item] = []
    var cancelled: Set<String> = []
  }

  private let state = Mutex(State())
  private let ready = DispatchSemaphore(value: 0)

  func append(_ item: Item) {
    state.withLock { state in
      if case .message(.notification("$/cancelRequest", let parameters)) = item, let id = parameters["id"] {
        state.cancelled.insert(id.text())
      }
      state.items.append(item)
    }
    ready.signal()
  }

  /// Waits for the next item.
  func next() -> Item {
    ready.wait()
    return state.withLock { $0.items.removeFirst() }
  }

  /// True if the client no longer wants the answer to a request; each cancellation counts once.
  func isCancelled(_ id: JSON) -> Bool { state.withLock { $0.cancelled.remove(id.text()) != nil } }

  /// True if a change of a document is waiting.
  func hasChange(of uri: String) -> Bool {
    state.withLock { state in
      state.items.contains { item in
        if case .message(.notification("textDocument/didChange", let parameters)) = item {
          parameters["textDocument"]?["uri"]?.string == uri
        } else {
          false
        }
      }
    }
  }
}
