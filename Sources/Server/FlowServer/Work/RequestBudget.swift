import Dispatch
import FlowHTTP

/// The limits of one read: time, rows and bytes. A list that reaches one of them ends early with a `next`.
struct RequestBudget {
  /// Rows that one response looks at.
  static let maximumRows = 10_000
  /// Bytes of JSON that one response collects.
  static let maximumBytes = 8 << 20
  /// Milliseconds that one response may take.
  static let maximumMilliseconds: UInt64 = 1_000

  private let end: UInt64
  private let peer: HTTPPeer?
  private(set) var rows = 0
  private(set) var bytes = 0

  /// - Parameter peer: The client; work for one that has left ends.
  init(for peer: HTTPPeer?) {
    end = DispatchTime.now().uptimeNanoseconds + RequestBudget.maximumMilliseconds * 1_000_000
    self.peer = peer
  }

  /// Counts a row that was looked at.
  mutating func addRow() { rows += 1 }

  /// Counts bytes of the response.
  mutating func add(bytes count: Int) { bytes += count }

  /// Whether a limit is reached, so that the response ends with what it has.
  var isSpent: Bool {
    rows >= RequestBudget.maximumRows || bytes >= RequestBudget.maximumBytes
      || DispatchTime.now().uptimeNanoseconds >= end || hasLeft
  }

  /// Whether the client has left.
  var hasLeft: Bool { peer?.hasEnded ?? false }
}
