internal import Synchronization

/// The reason why a server could not start.
public enum HTTPServerError: Error, Hashable, Sendable {
  /// The host has no address.
  case unknownHost(String)
  /// The address is in use or not an address of this machine.
  case cannotListen(host: String, port: Int, reason: String)
  /// The path is in use or not writable.
  case cannotListenAt(path: String, reason: String)
}

/// An HTTP/1.1 and WebSocket server: listens from `init` on, and answers from `start()` to `shutdown()`.
public final class HTTPServer: Sendable {
  private enum Stage {
    case ready(listeners: [Int32])
    case running([LoopThread])
    case stopped
  }

  /// The port it listens on; 0 for a socket in the file system.
  public let port: Int
  private let configuration: Configuration
  private let handler: any HTTPHandler
  private let inboxes: [Inbox]
  private let stage: Mutex<Stage>

  /// Binds the address, so that peers can connect; requests are answered after `start()`.
  ///
  /// - Throws: `HTTPServerError` when the address is unknown, in use or not permitted, or no more descriptors are
  ///   available.
  public init(configuration: Configuration, handler: any HTTPHandler) throws(HTTPServerError) {
    self.configuration = configuration
    self.handler = handler
    // An inherited socket can't be shared among loops, because it was created without that option. One with a path
    // never can.
    let isAlone = configuration.listeningSocket != nil || configuration.path != nil
    let loops = isAlone ? 1 : max(1, configuration.loops)
    inboxes = (0..<loops).compactMap { _ in Inbox(limit: configuration.limits.deliveries) }
    let listeners = try Self.listeners(configuration, count: loops)
    port = listeners.first.map(Sockets.port(of:)) ?? configuration.port
    stage = Mutex(.ready(listeners: listeners))
    guard inboxes.count == loops else {
      shutdown()
      throw .cannotListen(host: configuration.host, port: configuration.port, reason: "no more descriptors")
    }
  }

  deinit { shutdown() }

  /// Starts the loops, once.
  public func start() {
    stage.withLock { stage in
      guard case .ready(let listeners) = stage else { return }
      let threads = zip(listeners, inboxes).enumerated().compactMap { index, pair in
        startLoop(index, listener: pair.0, inbox: pair.1)
      }
      precondition(threads.count == listeners.count, "a loop needs a thread")
      stage = .running(threads)
    }
  }

  /// Closes idle connections, lets begun requests come to their answer, closes sockets with 1001, and returns when all
  /// loops are over, at the latest after the shutdown timeout. Requests on new connections are refused meanwhile. A
  /// handler must not call it.
  public func shutdown() {
    let last = stage.withLock { stage in
      defer { stage = .stopped }
      return stage
    }
    if case .stopped = last { return }
    // While it is still listening, so that the socket of another server is never removed.
    if let path = ownPath { Sockets.remove(path: path) }
    switch last {
    case .ready(let listeners): for listener in listeners { Sockets.close(listener) }
    case .running(let threads):
      for inbox in inboxes { inbox.post(.shutDown) }
      for thread in threads { thread.join() }
    case .stopped: break
    }
  }

  /// The path of a socket that this server has created.
  private var ownPath: String? { configuration.listeningSocket == nil ? configuration.path : nil }

  /// The address of a listening socket: `unix:PATH`, or the numeric address; nil for any other socket.
  public static func path(ofListener socket: Int32) -> String? { Sockets.path(of: socket) }

  private func startLoop(_ index: Int, listener: Int32, inbox: Inbox) -> LoopThread? {
    LoopThread(name: "flow-http-\(index)") { [configuration, handler] in
      EventLoop(configuration: configuration, handler: handler, inbox: inbox, listener: listener).run()
    }
  }

  private static func listeners(_ configuration: Configuration, count: Int) throws(HTTPServerError) -> [Int32] {
    if let socket = configuration.listeningSocket { return [try Sockets.adopt(socket)] }
    if let path = configuration.path { return [try Sockets.listen(path: path)] }
    // A shared port could also be shared with another server of the same user: bind it exclusively first.
    let first = try Sockets.listen(host: configuration.host, port: configuration.port, isShared: false)
    if count == 1 { return [first] }
    let port = Sockets.port(of: first)
    Sockets.close(first)
    var listeners: [Int32] = []
    for _ in 0..<count {
      do {
        listeners.append(try Sockets.listen(host: configuration.host, port: port, isShared: true))
      } catch {
        for listener in listeners { Sockets.close(listener) }
        throw error
      }
    }
    return listeners
  }
}
