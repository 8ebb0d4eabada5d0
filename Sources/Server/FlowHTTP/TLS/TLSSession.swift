internal import CTLS

/// The encrypted layer between a socket and its connection; belongs to the loop's thread.
final class TLSSession {
  private let session: OpaquePointer
  /// Ciphertext that the socket has not yet accepted.
  private var waiting = ByteQueue()
  /// The number of bytes to report to the connection when the last of its ciphertext is written.
  private var unreported = 0
  private var hasFailed = false

  private static let recordBytes = 16 * 1024
  /// The maximum number of bytes encrypted before the socket has accepted them.
  private static let chunkBytes = 64 * 1024

  init(_ session: OpaquePointer) { self.session = session }

  deinit { ctls_session_free(session) }

  var hasOutput: Bool { !waiting.isEmpty }

  /// True if the socket has to report when it accepts more data.
  func wantsWrite(_ connection: HTTPConnection) -> Bool {
    hasOutput || (!connection.output.isEmpty && ctls_session_is_established(session) != 0)
  }

  /// Decrypts received bytes, and passes them to the connection.
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

  /// Sends pending ciphertext, and encrypts more for as long as the socket accepts it.
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
      // A closing connection must not appear complete before its ciphertext is written. At any other time it may
      // discard queued output, and therefore has to know immediately which bytes are encrypted.
      if connection.phase == .draining { unreported = count } else { connection.wrote(count, now: now) }
    }
  }

  /// Sends the closure alert, by which the peer distinguishes a complete response from a truncated one.
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

  /// - Returns: True if no ciphertext is pending.
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
