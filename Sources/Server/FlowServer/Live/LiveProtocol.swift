import FlowHTTP
import FlowJSON
import FlowRuntime

/// The messages of the WebSocket subprotocol `flow.v1`: JSON objects in text frames.
///
/// `{"id": 1, "op": "sub", "since": 41, "flow": "Order", "key": "o1"}` subscribes, at the current position without
/// `since`; the reply is `{"re": 1, "ok": {…}}`, followed by `{"sub": 1, "offset": 42, "ev": {…}}` for each entry.
enum LiveProtocol {
  static let name = "flow.v1"

  /// A frame that is not a message.
  static let badFrame = 4400
  /// A subscription with a number that is in use.
  static let duplicate = 4409
  /// More subscriptions or messages than allowed for a socket.
  static let tooMuch = 4429

  struct Subscription {
    var id: Int64
    var since: LivePosition?
    var filter: LiveFilter
  }

  /// An event for an instance, or one that starts an instance.
  struct Sending {
    var id: Int64
    var event: IncomingEvent
    var flow: String?
    var key: String?
    /// The revision that the instance must have.
    var ifRevision: Int?
    /// The message.
    var document: JSON
  }

  enum Request {
    case hello(id: Int64)
    case subscribe(Subscription)
    case unsubscribe(id: Int64, subscription: Int64?)
    case send(Sending)
    case ping(id: Int64)
    case pong
  }

  /// The reason why a message is rejected.
  enum Failure: Error {
    /// It is not a message; the socket is closed.
    case notAMessage(String)
    /// The reply is `{"re": …, "err": {…}}`.
    case problem(Problem, id: Int64)
  }

  /// Reads a message of a client.
  static func parse(_ text: String) throws(Failure) -> Request {
    guard let json = try? JSON(parsing: text), json.members != nil else {
      throw .notAMessage("a message is a JSON object")
    }
    let id: Int64
    do throws(Problem) {
      id = Int64(try json.integer("id") ?? 0)
    } catch {
      throw .problem(error, id: 0)
    }
    do throws(Problem) {
      return try request(json, id)
    } catch {
      throw .problem(error, id: id)
    }
  }

  /// The members of each message other than `id` and `op`.
  private static let members: [String: [String]] = [
    "hello": ["token"], "sub": ["since", "flow", "key", "event", "type", "filter"], "unsub": ["sub"],
    "send": ["event", "data", "flow", "key", "ifRevision", "idempotencyKey"], "ping": [], "pong": [],
  ]

  private static let hints = [
    "payload": "the payload is `data`", "flows": "subscribe once for each `flow`",
    "keys": "subscribe once for each `key`",
    "events": "subscribe once for each `event`",
  ]

  private static func request(_ json: JSON, _ id: Int64) throws(Problem) -> Request {
    guard let op = try json.text("op") else { throw .badRequest("the message has no `op`") }
    guard let known = members[op] else {
      throw .badRequest("there is no operation `\(op)`; there are hello, sub, unsub, send, ping and pong")
    }
    try json.checkMembers(["id", "op"] + known, hints: hints)
    switch op {
    case "hello": return .hello(id: id)
    case "sub": return .subscribe(try subscription(json, id))
    case "unsub": return .unsubscribe(id: id, subscription: try json.integer("sub").map { Int64($0) })
    case "send": return .send(try sending(json, id))
    case "ping": return .ping(id: id)
    default: return .pong
    }
  }

  private static func subscription(_ json: JSON, _ id: Int64) throws(Problem) -> Subscription {
    var since: LivePosition?
    if let given = json["since"], given != .null {
      since = LivePosition(given)
      guard since != nil else {
        throw .badRequest("`since` must be an offset, or a position as the server returned it")
      }
    }
    let filter = try LiveFilter(
      flow: json.text("flow"), key: json.text("key"), event: json.text("event"), kind: json.text("type"),
      filter: json.text("filter"))
    return Subscription(id: id, since: since, filter: filter)
  }

  private static func sending(_ json: JSON, _ id: Int64) throws(Problem) -> Sending {
    var sending = Sending(id: id, event: try IncomingEvent(message: json), document: json)
    sending.flow = try json.text("flow")
    sending.key = try json.text("key")
    if sending.key != nil, sending.flow == nil { throw .badRequest("a `key` belongs to a `flow`: send both") }
    sending.ifRevision = try json.integer("ifRevision")
    return sending
  }

  static func reply(_ id: Int64, _ members: JSON) -> String {
    JSON.object([.init("re", .int(id)), .init("ok", members)]).text()
  }

  /// - Parameter masked: Masks redacted fields.
  static func failure(_ problem: Problem, _ id: Int64, masked: (JSON) -> JSON = { $0 }) -> String {
    var error: [JSON.Member] = [
      .init("code", .string(problem.code)), .init("status", .int(Int64(problem.status))),
      .init("detail", .string(problem.detail)),
    ]
    // HTTP responses have it as a header.
    if let seconds = problem.headers.first(where: { $0.0 == "Retry-After" }).flatMap({ Int64($0.1) }) {
      error.append(.init("retryAfter", .int(seconds)))
    }
    return JSON.object([.init("re", .int(id)), .init("err", masked(.object(error + problem.members)))]).text()
  }
}
