import FlowHTTP
import FlowRuntime
import FlowSource

/// The messages of the WebSocket subprotocol `flow.v1`: JSON objects in text frames.
///
/// `{"id": 1, "op": "sub", "since": 41, "flow": "Order", "key": "o1"}` subscribes, from the present when `since` is
/// left out; the reply is `{"re": 1, "ok": {…}}`, and then comes `{"offset": 42, "ev": {…}}` for each entry.
enum LiveProtocol {
  static let name = "flow.v1"
  /// Entries read from the journal at once.
  static let pageSize = 500

  enum Request {
    case subscribe(id: Int64, since: Int64?, LiveHub.Filter)
    case unsubscribe(id: Int64)
    case pong
  }

  /// Reads a message of a client.
  /// - Throws: A 400 problem that is sent back as `{"re": …, "err": {…}}`.
  static func parse(_ text: String) throws(Problem) -> Request {
    let json: JSON
    do throws(JSONError) {
      json = try JSON(parsing: text)
    } catch {
      throw .invalidJSON(error)
    }
    let id = json["id"]?.int.map { Int64($0) } ?? 0
    switch json["op"]?.string {
    case "sub":
      if let since = json["since"], since.int.map({ $0 < 0 }) ?? true {
        throw .badRequest("`since` has to be a sequence number")
      }
      return .subscribe(
        id: id, since: json["since"]?.int.map { Int64($0) },
        LiveHub.Filter(flow: json["flow"]?.string, key: json["key"]?.string))
    case "unsub": return .unsubscribe(id: id)
    case "pong": return .pong
    case let op?: throw .badRequest("there is no operation `\(op)`; there are sub, unsub and pong")
    case nil: throw .badRequest("the message has no `op`")
    }
  }

  static func reply(_ id: Int64, _ members: JSON) -> String {
    JSON.object([.init("re", .int(id)), .init("ok", members)]).text()
  }

  static func failure(_ problem: Problem) -> String {
    let error: JSON = [
      "code": .string(problem.code), "status": .int(Int64(problem.status)), "detail": .string(problem.detail),
    ]
    return JSON.object([.init("err", error)]).text()
  }
}

extension JournalEntry {
  /// The entry as subscribers see it: a CloudEvent with its sequence number.
  var liveText: String {
    JSON.object([.init("offset", .int(sequence)), .init("ev", cloudEvent)]).text()
  }

  /// The entry as a CloudEvent (CloudEvents 1.0, JSON format).
  var cloudEvent: JSON {
    [
      "specversion": "1.0", "id": .string(String(sequence)), "type": .string("flow.\(kind).v1"),
      "source": .string("/v1/flows/\(flow)"), "subject": .string(key), "time": .string(timeText(at)),
      "revision": .int(Int64(revision)), "data": body,
    ]
  }
}
