import Dispatch
import FlowHTTP

/// The limits of one read: time, rows and bytes. A list that reaches one of them ends early with a `next`.
struct RequestBudget {
  /// The maximum number of rows that one response inspects.
  static let maximumRows = 10_000
  /// The maximum number of bytes of JSON in one response.
  static let maximumBytes = 8 << 20
  /// The maximum time of one response, in milliseconds.
  static let maximumMilliseconds: UInt64 = 1_000

  private let end: UInt64
  private let peer: HTTPPeer?
  private(set) var rows = 0
  private(set) var bytes = 0

  /// - Parameter peer: The client; its work ends when it disconnects.
  init(for peer: HTTPPeer?) {
    end = DispatchTime.now().uptimeNanoseconds + RequestBudget.maximumMilliseconds * 1_000_000
    self.peer = peer
  }

  /// Counts an inspected row.
  mutating func addRow() { rows += 1 }

  /// Counts bytes of the response.
  mutating func add(bytes count: Int) { bytes += count }

  /// True if a limit is reached, so that the response ends with the collected items.
  var isSpent: Bool {
    rows >= RequestBudget.maximumRows || bytes >= RequestBudget.maximumBytes
      || DispatchTime.now().uptimeNanoseconds >= end || hasLeft
  }

  /// True if the client has disconnected.
  var hasLeft: Bool { peer?.hasEnded ?? false }
}
