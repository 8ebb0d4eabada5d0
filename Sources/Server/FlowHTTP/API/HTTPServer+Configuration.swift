extension HTTPServer {
  /// Where an `HTTPServer` listens, how much it takes and how long it waits.
  public struct Configuration: Sendable {
    /// A name or address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 lets the system choose.
    public var port = 0
    /// A path in the file system to listen at; `host` and `port` are not used then.
    public var path: String?
    /// How many loops, each on a thread of its own.
    public var loops = 1
    /// A socket that listens already, as a service manager hands it over; `host` and `port` are not used then.
    public var listeningSocket: Int32?
    /// What the server proves itself with; nil speaks in the clear.
    public var tls: TLSCredentials?
    /// How much a connection may ask for.
    public var limits = Limits()
    /// How long a connection may take.
    public var timeouts = Timeouts()

    /// The defaults.
    public init() {}

    /// The defaults at `host` and `port`.
    public init(host: String, port: Int, loops: Int = 1) {
      self.host = host
      self.port = port
      self.loops = loops
    }

    /// Upper bounds of what is kept in memory for a peer.
    public struct Limits: Sendable {
      /// Bytes of a request's head.
      public var headerBytes = 16 * 1024
      /// Fields of a request's head.
      public var headerFields = 100
      /// Bytes of a request's body.
      public var bodyBytes = 1024 * 1024
      /// Bytes of later requests kept while one is answered.
      public var pipelinedBytes = 64 * 1024
      /// Bytes of a WebSocket message.
      public var messageBytes = 1024 * 1024
      /// Frames of a WebSocket message.
      public var messageFrames = 1024
      /// Bytes queued for a slow WebSocket or stream before it is cut off.
      public var queuedBytes = 4 * 1024 * 1024
      /// Bytes held for all peers together: parts of requests and messages, and responses that were not received yet.
      /// Beyond it, the connections that hold most are ended.
      public var heldBytes = 256 * 1024 * 1024
      /// Requests of one connection; the answer to the last one closes it.
      public var requestsPerConnection = 100_000
      /// Connections of one loop.
      public var connections = 16 * 1024
      /// Frames, chunks and answers waiting for one loop; beyond it, all its sockets and streams are cut off.
      public var deliveries = 1024 * 1024

      /// The defaults.
      public init() {}
    }

    /// Intervals in milliseconds.
    public struct Timeouts: Sendable {
      /// From the first byte of a request to the end of its head, and for a TLS handshake; also for a peer to close
      /// after us.
      public var requestMilliseconds = 10_000
      /// From the end of a request's head to the end of its body.
      public var bodyMilliseconds = 30_000
      /// Between requests, and for a reader that takes nothing.
      public var idleMilliseconds = 60_000
      /// Between pings; a peer silent for two of them is gone.
      public var pingMilliseconds = 30_000
      /// From `shutdown()` to the end of the last connection.
      public var shutdownMilliseconds = 5_000

      /// The defaults.
      public init() {}
    }
  }
}
