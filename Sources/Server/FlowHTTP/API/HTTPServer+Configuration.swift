extension HTTPServer {
  /// The address, limits and timeouts of an `HTTPServer`.
  public struct Configuration: Sendable {
    /// The name or address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 lets the system choose.
    public var port = 0
    /// The path of a socket in the file system to listen on; `host` and `port` are then ignored.
    public var path: String?
    /// The number of loops, each on its own thread.
    public var loops = 1
    /// A listening socket inherited from a service manager; `host` and `port` are then ignored.
    public var listeningSocket: Int32?
    /// The certificate of the server; nil for unencrypted connections.
    public var tls: TLSCredentials?
    /// The limits of a connection.
    public var limits = Limits()
    /// The timeouts of a connection.
    public var timeouts = Timeouts()

    /// The answer to requests on connections that are opened while the server stops.
    public var refusalWhileStopping: HTTPResponse = {
      var response = HTTPResponse.problem(status: 503, detail: "the server is shutting down")
      response.headers.append(("Retry-After", "1"))
      return response
    }()

    /// The defaults.
    public init() {}

    /// The defaults at `host` and `port`.
    public init(host: String, port: Int, loops: Int = 1) {
      self.host = host
      self.port = port
      self.loops = loops
    }

    /// The maximum amounts of data in memory for a peer.
    public struct Limits: Sendable {
      /// The maximum size of a request's head, in bytes.
      public var headerBytes = 16 * 1024
      /// The maximum number of fields in a request's head.
      public var headerFields = 100
      /// The maximum size of a request's body, in bytes.
      public var bodyBytes = 1024 * 1024
      /// The maximum number of bytes of pipelined requests that are buffered while one is answered.
      public var pipelinedBytes = 64 * 1024
      /// The maximum size of a WebSocket message, in bytes.
      public var messageBytes = 1024 * 1024
      /// The maximum number of frames of a WebSocket message.
      public var messageFrames = 1024
      /// The maximum number of bytes queued for a slow WebSocket or stream before it is disconnected.
      public var queuedBytes = 4 * 1024 * 1024
      /// The maximum number of requests on one connection; the last response closes it.
      public var heldBytes = 256 * 1024 * 1024
      /// Requests of one connection; the answer to the last one closes it.
      public var requestsPerConnection = 100_000
      /// The maximum number of connections of one loop.
      public var connections = 16 * 1024
      /// The maximum number of frames, chunks and responses queued for one loop; beyond it, all its sockets and streams
      /// are disconnected.
      public var deliveries = 1024 * 1024

      /// The defaults.
      public init() {}
    }

    /// Intervals in milliseconds.
    public struct Timeouts: Sendable {
      /// From the first byte of a request to the end of its head, and for a TLS handshake; also for a peer to close
      /// after the server has closed.
      public var requestMilliseconds = 10_000
      /// From the end of a request's head to the end of its body.
      public var bodyMilliseconds = 30_000
      /// Between requests, and for a peer that does not read.
      public var idleMilliseconds = 60_000
      /// Between pings; a peer that does not respond to two of them is disconnected.
      public var pingMilliseconds = 30_000
      /// From `shutdown()` to the end of connections without a request in progress whose peers do not close them.
      public var closeMilliseconds = 100
      /// From `shutdown()` to the end of the last connection.
      public var shutdownMilliseconds = 5_000

      /// The defaults.
      public init() {}
    }
  }
}
