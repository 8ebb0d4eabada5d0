import FlowHTTP
import FlowRuntime
import FlowSource

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

  enum Request {
    case hello(id: Int64)
    case subscribe(Subscription)
    case unsubscribe(id: Int64, subscription: Int64?)
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
    case "ping": return .ping(id: id)
    case "pong": return .pong
    case let op?:
      throw .problem(.badRequest("there is no operation `\(op)`; there are hello, sub, unsub, ping and pong"), id: id)
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

  static func reply(_ id: Int64, _ members: JSON) -> String {
    JSON.object([.init("re", .int(id)), .init("ok", members)]).text()
  }

  static func failure(_ problem: Problem, _ id: Int64) -> String {
    let error: [JSON.Member] = [
      .init("code", .string(problem.code)), .init("status", .int(Int64(problem.status))),
      .init("detail", .string(problem.detail)),
    ]
    return JSON.object([.init("re", .int(id)), .init("err", .object(error + problem.members))]).text()
  }
}
