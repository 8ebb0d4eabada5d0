import FlowHTTP
import FlowServer

/// A request from its arrival to its response. Used by the forwarder's thread only.
final class Exchange {
  let request: HTTPRequest
  let respond: ResponseHandle
  /// The request target that is sent, in origin form.
  let target: String
  /// The value of `Flow-Hop`, the same for every attempt.
  let hop: String
  /// False for a request of another node, which is never forwarded again.
  let mayForward: Bool
  /// True if the request may be sent again although it may have been executed.
  let isRepeatable: Bool
  /// True if the client repeats the request with the same effect when it has no response.
  let isSafeForClient: Bool

  /// The attempt in progress; nil while the request waits.
  var attempt: Attempt?
  /// The instant at which the request is refused if it still waits.
  var deadline: Int64?
  /// True if an attempt has ended without a response, so that the request may have been executed.
  var isAmbiguous = false
  /// The number of attempts after which the owner was not the owner.
  var redirects = 0
  var peerEndedAt: Int64?

  init(_ request: HTTPRequest, _ respond: ResponseHandle, mayForward: Bool, access: StandbyAccess?) {
    self.request = request
    self.respond = respond
    self.mayForward = mayForward
    target = request.target.hasPrefix("/") ? request.target : request.path + (request.query.map { "?" + $0 } ?? "")
    hop = access.map { [target] in $0.header($0.hop(for: request), method: request.method, target: target) } ?? ""
    isRepeatable = StandbyAccess.isRepeatable(method: request.method, path: request.path)
    isSafeForClient = ["GET", "HEAD", "OPTIONS"].contains(request.method) || request.headers["Idempotency-Key"] != nil
  }

  /// The request for a service in this process, with the hop that identifies it.
  var local: HTTPRequest {
    guard mayForward, target == request.target else { return request }
    var local = request
    local.headers.append(name: Hop.header, value: hop)
    return local
  }

  /// Header fields that apply to one connection.
  private static let connectionFields: Set<String> = [
    "connection", "keep-alive", "proxy-connection", "proxy-authorization", "transfer-encoding", "te", "trailer",
    "upgrade", "content-length", "expect", "flow-hop",
  ]

  static func isForConnection(_ name: String) -> Bool { connectionFields.contains(name.lowercased()) }

  /// The header fields for the owner. `Host` is that of the client, for the comparison with `Origin`.
  var fields: [(name: String, value: String)] {
    let named = request.headers.values(of: "Connection").joined(separator: ",").split(separator: ",")
      .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
    let kept = request.headers.filter { field in
      !Exchange.isForConnection(field.name) && !named.contains(field.name.lowercased())
    }
    return kept.map { ($0.name, $0.value) } + [(Hop.header, hop)]
  }
}
