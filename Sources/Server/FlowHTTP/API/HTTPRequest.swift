/// A complete request: head and body.
public struct HTTPRequest: Sendable {
  /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS` or `TRACE`.
  public var method: String
  /// The request target as sent.
  public var target: String
  /// The target's path as sent, still percent-encoded.
  public var path: String
  /// The query after the first `?` of the target, still percent-encoded; nil without one.
  public var query: String?
  /// The header fields, without trailers.
  public var headers: HTTPHeaders
  /// The body, with chunks joined.
  public var body: [UInt8]
  /// The numeric address of the peer, without its port.
  public var remoteAddress: String
  /// State that a handler attaches to the request, such as the result of authentication.
  public var context: (any Sendable)?
  /// The peer of the connection; nil for a request without a connection.
  public var peer: HTTPPeer?
  /// True for a valid request to upgrade to WebSocket.
  public var isUpgrade: Bool

  /// A request for `target`, split into path and query.
  public init(
    method: String, target: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [],
    remoteAddress: String = "", isUpgrade: Bool = false
  ) {
    self.method = method
    self.target = target
    (path, query) = Self.split(target)
    self.headers = headers
    self.body = body
    self.remoteAddress = remoteAddress
    self.isUpgrade = isUpgrade
  }

  private static func split(_ target: String) -> (path: String, query: String?) {
    let utf8 = target.utf8
    var start = utf8.startIndex
    // A proxy may send `http://host/path`; the host it names is in `Host` as well.
    if utf8.first != UInt8(ascii: "/"), let scheme = target.firstRange(of: "://") {
      let rest = utf8[scheme.upperBound...]
      start = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? utf8.endIndex
    }
    let mark = utf8[start...].firstIndex(of: UInt8(ascii: "?"))
    if start == utf8.startIndex, mark == nil { return (target, nil) }
    let path = String(target[start..<(mark ?? utf8.endIndex)])
    let query = mark.map { String(target[utf8.index(after: $0)...]) }
    return (path.isEmpty ? "/" : path, query)
  }
}
