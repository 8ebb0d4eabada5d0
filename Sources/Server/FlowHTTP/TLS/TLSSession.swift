internal import CTLS

/// The encrypted layer between a socket and its connection; belongs to the loop's thread.
final class TLSSession {
  private let session: OpaquePointer
  /// Ciphertext that the socket did not take yet.
  private var waiting = ByteQueue()
  /// What the connection is told of when the last of its ciphertext has left.
  private var unreported = 0
  private var hasFailed = false

  private static let recordBytes = 16 * 1024
  /// How much is encrypted before the socket has taken it.
  private static let chunkBytes = 64 * 1024

  init(_ session: OpaquePointer) { self.session = session }

  deinit { ctls_session_free(session) }

  var hasOutput: Bool { !waiting.isEmpty }

  /// Whether the socket has to say when it takes more.
  func wantsWrite(_ connection: HTTPConnection) -> Bool {
    hasOutput || (!connection.output.isEmpty && ctls_session_is_established(session) != 0)
  }

  /// Decrypts what came, and hands it to the connection.
  func receive(_ bytes: UnsafeBufferPointer<UInt8>, for connection: HTTPConnection, now: Instant) {
    guard !hasFailed, ctls_session_put(session, bytes.baseAddress, bytes.count) != 0 else { return fail(connection) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.recordBytes) { plain in
      while !connection.isClosed {
        switch ctls_session_read(session, plain.baseAddress, plain.count) {
        case let count where count > 0:
          connection.receive(UnsafeBufferPointer(rebasing: plain[..<count]).span, now: now)
        case CTLS_WANTS_MORE: return
        case CTLS_ENDED: return connection.receiveEnd(now: now)
        default: return fail(connection)
        }
      }
    }
  }

  /// Sends what waits, and encrypts more for as long as the socket takes it.
  func flush(
    _ connection: HTTPConnection, on socket: Int32, scratch: UnsafeMutableBufferPointer<UInt8>, now: Instant
  ) {
    while true {
      collect(scratch)
      guard send(on: socket, connection) else { return }
      if unreported > 0 {
        let count = unreported
        unreported = 0
        connection.wrote(count, now: now)
      }
      guard !connection.isClosed, !connection.output.isEmpty, ctls_session_is_established(session) != 0 else { return }
      let part = UnsafeMutableBufferPointer(rebasing: scratch[..<min(scratch.count, Self.chunkBytes)])
      let count = connection.output.gather(into: part)
      guard ctls_session_write(session, part.baseAddress, count) != 0 else { return fail(connection) }
      // While it closes, a connection must not think that all is said before it has left; at any other time it may
      // drop what it has queued, and so has to know at once what is encrypted.
      if connection.phase == .draining { unreported = count } else { connection.wrote(count, now: now) }
    }
  }

  /// Tells the peer that nothing more comes, so that it knows a whole answer from a cut one.
  func sayGoodbye(on socket: Int32, scratch: UnsafeMutableBufferPointer<UInt8>) {
    ctls_session_end(session)
    collect(scratch)
    _ = waiting.withSpan { span in span.withUnsafeBufferPointer { Sockets.send($0, on: socket) } }
    waiting = ByteQueue()
  }

  private func collect(_ scratch: UnsafeMutableBufferPointer<UInt8>) {
    while ctls_session_pending(session) > 0 {
      let count = ctls_session_take(session, scratch.baseAddress, scratch.count)
      if count == 0 { return }
      waiting.append(UnsafeBufferPointer(rebasing: scratch[..<count]).span)
    }
  }

  /// - Returns: Whether nothing waits any more.
  private func send(on socket: Int32, _ connection: HTTPConnection) -> Bool {
    while !waiting.isEmpty {
      switch waiting.withSpan({ span in span.withUnsafeBufferPointer { Sockets.send($0, on: socket) } }) {
      case .bytes(let count): waiting.consume(count)
      case .wouldBlock: return false
      case .failed:
        connection.abort()
        return false
      }
    }
    return true
  }

  private func fail(_ connection: HTTPConnection) {
    hasFailed = true
    connection.abort()
  }
}
