internal import Synchronization

/// The peer of a connection, as far as others than its loop need to know it.
public final class HTTPPeer: Sendable {
  private let ended = Atomic(false)

  /// A peer that is there.
  public init() {}

  /// Whether the peer has closed its sending side or the connection is broken. A client that leaves looks like one
  /// that only sends no more, so expensive work may stop, while a finished response is still sent.
  public var hasEnded: Bool { ended.load(ordering: .relaxed) }

  func end() { ended.store(true, ordering: .relaxed) }
}
