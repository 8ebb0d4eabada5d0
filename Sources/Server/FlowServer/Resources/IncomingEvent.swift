import CEL
import FlowHTTP
import FlowJSON

/// An event as a request brings it: our own form, or a CloudEvent 1.0 in structured or binary mode.
struct IncomingEvent {
  /// How long an idempotency key may be.
  static let maximumKeyBytes = 255
  static let json = "application/json"
  static let structured = "application/cloudevents+json"
  static let batch = "application/cloudevents-batch+json"

  var name: String
  var data: JSON
  var idempotencyKey: String?
  /// `Order/o1`, when the event says whom it is for.
  var subject: String?

  /// Reads a request with one event.
  init(_ request: HTTPRequest) throws(Problem) {
    let body = try request.json(of: [IncomingEvent.json, IncomingEvent.structured])
    if request.mediaType == IncomingEvent.structured {
      try self.init(cloudEvent: body)
    } else if request.headers["ce-specversion"] != nil {
      try self.init(cloudEvent: try IncomingEvent.attributes(of: request, body))
    } else {
      try self.init(plain: body)
    }
    if let key = request.headers["Idempotency-Key"] { idempotencyKey = key }
    try checkKey()
  }

  /// `{"event": "Paid", "data": {…}, "key": "k1"}`; what says `specversion` is a CloudEvent here as well.
  private init(plain body: JSON) throws(Problem) {
    if body["specversion"] != nil {
      try self.init(cloudEvent: body)
      return
    }
    guard let name = (body["event"] ?? body["type"])?.string else {
      throw .badRequest(#"the body has no `event`; send {"event": "Paid", "data": {"amount": 4.0}}"#)
    }
    let key = try IncomingEvent.text("key", of: body)
    self.init(name: name, data: body["data"] ?? .object([]), idempotencyKey: key)
  }

  /// Reads a message of the live stream: `{"op": "send", "event": "Paid", "data": {…}, "idempotencyKey": "k1"}`.
  init(message: JSON) throws(Problem) {
    guard let name = message["event"]?.string else {
      throw .badRequest(#"the message has no `event`; send {"op": "send", "event": "Paid", "data": {"amount": 4.0}}"#)
    }
    let key = try message.text("idempotencyKey")
    self.init(name: name, data: message["data"] ?? .object([]), idempotencyKey: key)
    try checkKey()
  }

  private init(name: String, data: JSON, idempotencyKey: String?) {
    self.name = name
    self.data = data
    self.idempotencyKey = idempotencyKey
  }

  /// A CloudEvent in its JSON form; `source` and `id` name it for ever (CloudEvents 1.0, 3.1.1).
  init(cloudEvent body: JSON) throws(Problem) {
    guard body["specversion"] == "1.0" else { throw .badRequest("a CloudEvent has `specversion` 1.0") }
    var required: [String] = []
    for attribute in ["id", "source", "type"] {
      guard let text = body[attribute]?.string, !text.isEmpty else {
        throw .badRequest("a CloudEvent has an attribute `\(attribute)`, a text that is not empty")
      }
      required.append(text)
    }
    name = required[2]
    subject = try IncomingEvent.text("subject", of: body)
    data = try IncomingEvent.data(of: body)
    idempotencyKey = "\(required[1]) \(required[0])"
    try checkKey()
  }

  /// A member that may be left out; what is no text would be meant, and must not be passed over.
  private static func text(_ name: String, of body: JSON) throws(Problem) -> String? {
    guard let value = body[name], value != .null else { return nil }
    guard let text = value.string else { throw .badRequest("`\(name)` is a text") }
    return text
  }

  private static func data(of body: JSON) throws(Problem) -> JSON {
    guard let encoded = body["data_base64"] else { return body["data"] ?? .object([]) }
    guard case .success(.bytes(let bytes)) = Value.from(encoded, as: .bytes, in: TypeRegistry()) else {
      throw .badRequest("`data_base64` is not base64")
    }
    do throws(JSONError) {
      return try JSON(parsing: bytes)
    } catch {
      throw .invalidJSON(error)
    }
  }

  /// Binary mode: the attributes are headers, percent-encoded, and the body is the data (HTTP binding, 3.1).
  private static func attributes(of request: HTTPRequest, _ data: JSON) throws(Problem) -> JSON {
    var members = [JSON.Member("data", data)]
    for name in ["specversion", "id", "source", "type", "subject"] {
      guard let value = request.headers["ce-" + name] else { continue }
      members.append(.init(name, .string(try RouteRequest.decode(value[...], isQuery: false))))
    }
    return .object(members)
  }

  private func checkKey() throws(Problem) {
    guard let key = idempotencyKey else { return }
    guard !key.isEmpty, key.utf8.count <= IncomingEvent.maximumKeyBytes else {
      throw .badRequest(
        "an idempotency key, or `source` and `id` together, have 1 to \(IncomingEvent.maximumKeyBytes) bytes")
    }
  }
}

extension JSON {
  /// A member that has to be a text where it is there.
  func text(_ name: String) throws(Problem) -> String? {
    guard let value = self[name], value != .null else { return nil }
    guard let text = value.string else { throw .badRequest("`\(name)` has to be a text") }
    return text
  }
}

extension HTTPRequest {
  /// The media type of the body in lower case, without its parameters.
  var mediaType: String {
    let type = (headers["Content-Type"] ?? "").split(separator: ";").first ?? ""
    return type.filter { $0 != " " && $0 != "\t" }.lowercased()
  }

  /// The body as JSON.
  ///
  /// The media type has to be said: a page of another site can't say it without asking first, and so can't send.
  /// - Throws: 415 for another media type, 400 for what is no JSON.
  func json(of types: [String] = [IncomingEvent.json]) throws(Problem) -> JSON {
    guard types.contains(mediaType) else {
      let given = headers["Content-Type"] ?? ""
      throw Problem(
        status: 415, code: "unsupported-media-type", title: "Unsupported media type",
        detail: "send \(types.joined(separator: " or "))"
          + (given.isEmpty ? ", and say so in Content-Type" : ", not \(given)"))
    }
    do throws(JSONError) {
      return try JSON(parsing: body)
    } catch {
      throw .invalidJSON(error)
    }
  }
}
