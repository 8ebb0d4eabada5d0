internal import CTLS
internal import Synchronization

/// The reason why a certificate is unusable.
public struct TLSError: Error, Hashable, Sendable {
  /// The problem, as text.
  public var message: String
}

/// A certificate with its key, which can be replaced while the server is running.
public final class TLSCredentials: Sendable {
  /// A context of OpenSSL, which is reference-counted.
  private final class Context: Sendable {
    // Unsafe because of the pointer: a context is only read once it is created.
    nonisolated(unsafe) let pointer: OpaquePointer
    init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { ctls_context_free(pointer) }
  }

  private let chain: String
  private let key: String
  private let context: Mutex<Context>

  /// Reads two PEM files: the certificate with its intermediate certificates, and its key.
  ///
  /// - Throws: `TLSError` when a file is unreadable or invalid, or the key does not match the certificate.
  public init(chain: String, key: String) throws(TLSError) {
    self.chain = chain
    self.key = key
    context = Mutex(try Self.load(chain, key))
  }

  /// Reads the files again; open connections keep their certificate.
  /// - Throws: `TLSError` when the files are unusable; the old certificate then remains in use.
  public func reload() throws(TLSError) {
    let fresh = try Self.load(chain, key)
    context.withLock { $0 = fresh }
  }

  private static func load(_ chain: String, _ key: String) throws(TLSError) -> Context {
    var reason = [CChar](repeating: 0, count: 256)
    guard let pointer = ctls_context_create(chain, key, &reason, reason.count) else {
      let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      throw TLSError(message: text)
    }
    return Context(pointer)
  }

  /// The server's side of a new connection; nil when memory is exhausted.
  func session() -> TLSSession? {
    let context = context.withLock { $0 }
    return ctls_session_create(context.pointer).map(TLSSession.init)
  }
}
