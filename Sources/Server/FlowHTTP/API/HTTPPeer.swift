internal import Synchronization

/// The state of a connection's peer, for other threads than its loop.
public final class HTTPPeer: Sendable {
  private let ended = Atomic(false)

  /// A connected peer.
  public init() {}

  /// True if the peer has closed its sending side or the connection is broken. A peer that disconnects cannot be
  /// distinguished from one that only stops sending, so that expensive work may stop, while a finished response is
  /// still sent.
  public var hasEnded: Bool { ended.load(ordering: .relaxed) }

  func end() { ended.store(true, ordering: .relaxed) }
}
