import FlowHTTP
import FlowJSON
import FlowRuntime

/// The messages of the WebSocket subprotocol `flow.v1`: JSON objects in text frames.
///
/// `{"id": 1, "op": "sub", "since": 41, "flow": "Order", "key": "o1"}` subscribes, from the present when `since` is
/// left out; the reply is `{"re": 1, "ok": {…}}`, and then comes `{"sub": 1, "offset": 42, "ev": {…}}` for each entry.
enum LiveProtocol {
  static let name = "flow.v1"

  /// A frame that is no message.
  static let badFrame = 4400
  /// A subscription with a number that is taken.
  static let duplicate = 4409
  /// More subscriptions than a socket may have.
  static let tooMuch = 4429

  struct Subscription {
    var id: Int64
    var since: LivePosition?
    var filter: LiveFilter
  }

  /// An event for an instance, or for one that is yet to be.
  struct Sending {
    var id: Int64
    var event: IncomingEvent
    var flow: String?
    var key: String?
    /// The revision that the instance has to have.
    var ifRevision: Int?
  }

  enum Request {
    case hello(id: Int64)
    case subscribe(Subscription)
    case unsubscribe(id: Int64, subscription: Int64?)
    case send(Sending)
    case ping(id: Int64)
    case pong
  }

  /// Why a message is not taken.
  enum Mistake: Error {
    /// It is no message at all; the socket is closed.
    case noMessage(String)
    /// It is sent back as `{"re": …, "err": {…}}`.
    case problem(Problem, id: Int64)
  }

  /// Reads a message of a client.
  static func parse(_ text: String) throws(Mistake) -> Request {
    guard let json = try? JSON(parsing: text), json.members != nil else {
      throw .noMessage("a message is a JSON object")
    }
    let id = Int64(json["id"]?.int ?? 0)
    switch json["op"]?.string {
    case "hello": return .hello(id: id)
    case "sub": return .subscribe(try subscription(json, id))
    case "unsub": return .unsubscribe(id: id, subscription: json["sub"]?.int.map { Int64($0) })
    case "send": return .send(try sending(json, id))
    case "ping": return .ping(id: id)
    case "pong": return .pong
    case let op?:
      throw .problem(
        .badRequest("there is no operation `\(op)`; there are hello, sub, unsub, send, ping and pong"), id: id)
    case nil: throw .problem(.badRequest("the message has no `op`"), id: id)
    }
  }

  private static func subscription(_ json: JSON, _ id: Int64) throws(Mistake) -> Subscription {
    var since: LivePosition?
    if let given = json["since"], given != .null {
      since = LivePosition(given)
      guard since != nil else {
        throw .problem(.badRequest("`since` has to be an offset, or a position as the server gave it"), id: id)
      }
    }
    do throws(Problem) {
      return Subscription(id: id, since: since, filter: try LiveFilter { json[$0]?.string })
    } catch {
      throw .problem(error, id: id)
    }
  }

  private static func sending(_ json: JSON, _ id: Int64) throws(Mistake) -> Sending {
    do throws(Problem) {
      var sending = Sending(id: id, event: try IncomingEvent(message: json))
      sending.flow = try json.text("flow")
      sending.key = try json.text("key")
      if sending.key != nil, sending.flow == nil { throw .badRequest("a `key` belongs to a `flow`: send both") }
      if let given = json["ifRevision"], given != .null {
        guard let revision = given.int else { throw .badRequest("`ifRevision` has to be a whole number") }
        sending.ifRevision = revision
      }
      return sending
    } catch {
      throw .problem(error, id: id)
    }
  }

  static func reply(_ id: Int64, _ members: JSON) -> String {
    JSON.object([.init("re", .int(id)), .init("ok", members)]).text()
  }

  /// - Parameter masked: Hides what nobody gets to see.
  static func failure(_ problem: Problem, _ id: Int64, masked: (JSON) -> JSON = { $0 }) -> String {
    var error: [JSON.Member] = [
      .init("code", .string(problem.code)), .init("status", .int(Int64(problem.status))),
      .init("detail", .string(problem.detail)),
    ]
    // What a request is told by a header.
    if let seconds = problem.headers.first(where: { $0.0 == "Retry-After" }).flatMap({ Int64($0.1) }) {
      error.append(.init("retryAfter", .int(seconds)))
    }
    return JSON.object([.init("re", .int(id)), .init("err", masked(.object(error + problem.members)))]).text()
  }
}
