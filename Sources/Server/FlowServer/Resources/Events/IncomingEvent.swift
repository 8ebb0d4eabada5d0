import CEL
import FlowHTTP
import FlowJSON

/// An event of a request: in Flow's own form, or a CloudEvent 1.0 in structured or binary mode.
struct IncomingEvent: Sendable {
  /// The maximum length of an idempotency key, in bytes.
  static let maximumKeyBytes = 255
  static let json = "application/json"
  static let structured = "application/cloudevents+json"
  static let batch = "application/cloudevents-batch+json"

  var name: String
  var data: JSON
  var idempotencyKey: String?
  /// `Order/o1`, if the event identifies its instance.
  var subject: String?

  /// Member names of other APIs, with the corresponding name here.
  private static let hints = [
    "payload": "the payload is `data`", "body": "the payload is `data`", "name": "the name is `event`",
    "ifRevision": "send the revision as the header `If-Match`",
    "idempotencyKey": "it is `key`, or the header `Idempotency-Key`", "flow": "name the flow in the path",
  ]

  /// Reads a request with one event.
  /// - Throws: 400 and 415.
  init(_ request: HTTPRequest) throws(Problem) {
    let body = try request.json(of: [IncomingEvent.json, IncomingEvent.structured])
    if request.mediaType == IncomingEvent.structured {
      try self.init(cloudEvent: body)
    } else if request.headers["ce-specversion"] != nil {
      try self.init(cloudEvent: try IncomingEvent.attributes(of: request, data: body))
    } else {
      try self.init(plain: body)
    }
    if let key = request.headers["Idempotency-Key"] { idempotencyKey = key }
    // Another node repeats the event when the response is lost.
    if idempotencyKey == nil { idempotencyKey = request.access?.hop?.key }
    try checkKey()
  }

  /// `{"event": "Paid", "data": {…}, "key": "k1"}`; with `specversion` it is a CloudEvent.
  private init(plain body: JSON) throws(Problem) {
    if body["specversion"] != nil {
      try self.init(cloudEvent: body)
      return
    }
    try body.checkMembers(["event", "type", "data", "key"], hints: IncomingEvent.hints)
    let event = try body.text("event")
    guard let name = event == nil ? try body.text("type") : event else {
      throw .badRequest(#"the body has no `event`; send {"event": "Paid", "data": {"amount": 4.0}}"#)
    }
    self.init(name: name, data: body["data"] ?? .object([]), idempotencyKey: try body.text("key"))
  }

  /// Reads a message of the live stream: `{"op": "send", "event": "Paid", "data": {…}, "idempotencyKey": "k1"}`.
  /// - Throws: 400.
  init(message: JSON) throws(Problem) {
    guard let name = try message.text("event") else {
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

  /// A CloudEvent in its JSON form; `source` and `id` identify it (CloudEvents 1.0, 3.1.1).
  /// - Throws: 400.
  init(cloudEvent event: JSON) throws(Problem) {
    // Attributes that are null are not set (JSON format, 2.2); `data` may be null.
    let body = event.members.map { JSON.object($0.filter { $0.name == "data" || $0.value != .null }) } ?? event
    guard body["specversion"] == "1.0" else { throw .badRequest("a CloudEvent has `specversion` 1.0") }
    try IncomingEvent.checkAttributes(body)
    var required: [String] = []
    for attribute in ["id", "source", "type"] {
      guard let text = body[attribute]?.string, !text.isEmpty else {
        throw .badRequest("a CloudEvent has an attribute `\(attribute)`, a string that is not empty")
      }
      required.append(text)
    }
    name = required[2]
    subject = try body.text("subject")
    try IncomingEvent.checkTime(of: body)
    data = try IncomingEvent.data(of: body)
    idempotencyKey = "\(required[1]) \(required[0])"
    try checkKey()
  }

  /// Extensions may have any name of lowercase letters and digits; `Data` or `payload_id` is an error.
  private static func checkAttributes(_ body: JSON) throws(Problem) {
    for member in body.members ?? [] where member.name != "data_base64" {
      let isName = member.name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
      guard isName else {
        throw .badRequest(
          "`\(AuditSampler.shortened(member.name))` is not an attribute of a CloudEvent: "
            + "names have lowercase letters and digits")
      }
      if member.name == "payload" { throw .badRequest("there is no attribute `payload`; the payload is `data`") }
    }
    if body["data"] != nil, body["data_base64"] != nil {
      throw .badRequest("a CloudEvent has `data` or `data_base64`, not both")
    }
  }

  private static func checkTime(of body: JSON) throws(Problem) {
    guard let time = body["time"] else { return }
    guard case .success = Value.from(time, as: .timestamp, in: TypeRegistry()) else {
      throw .badRequest("`time` must be an instant as in RFC 3339, such as \"2026-01-31T12:00:00Z\"")
    }
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

  /// Binary mode: the attributes are headers and the body is the data (HTTP binding, 3.1).
  private static func attributes(of request: HTTPRequest, data: JSON) throws(Problem) -> JSON {
    var members = [JSON.Member("data", data)]
    for name in ["specversion", "id", "source", "type", "subject", "time"] {
      guard let value = request.headers["ce-" + name] else { continue }
      members.append(.init(name, .string(try decoded(value))))
    }
    return .object(members)
  }

  /// The text of an attribute's header: outer quotes and backslashes inside are removed, then `%41` is decoded; other
  /// text is unchanged (HTTP binding, 3.1.3.2).
  static func decoded(_ header: String) throws(Problem) -> String {
    var text = header[...]
    if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") {
      text = text.dropFirst().dropLast()
      var plain = ""
      var isEscaped = false
      for character in text {
        if character == "\\", !isEscaped {
          isEscaped = true
        } else {
          plain.append(character)
          isEscaped = false
        }
      }
      text = plain[...]
    }
    let bytes = Array(text.utf8)
    var decoded: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let high = RouteRequest.hexadecimal(bytes[index + 1]), let low = RouteRequest.hexadecimal(bytes[index + 2])
      {
        decoded.append(high << 4 | low)
        index += 3
      } else {
        decoded.append(bytes[index])
        index += 1
      }
    }
    guard let result = String(validating: decoded, as: UTF8.self) else {
      throw .badRequest("a `ce-` header is not valid UTF-8")
    }
    return result
  }

  private func checkKey() throws(Problem) {
    guard let key = idempotencyKey else { return }
    guard !key.isEmpty, key.utf8.count <= IncomingEvent.maximumKeyBytes else {
      throw .badRequest(
        "an idempotency key, or `source` and `id` together, has 1 to \(IncomingEvent.maximumKeyBytes) bytes")
    }
  }
}

extension HTTPRequest {
  /// The media type of the body in lowercase, without its parameters.
  var mediaType: String {
    let value = headers["Content-Type"] ?? ""
    // The usual one, without allocations.
    if value == IncomingEvent.json { return value }
    let type = value.split(separator: ";").first ?? ""
    return type.filter { $0 != " " && $0 != "\t" }.lowercased()
  }

  /// The body as JSON.
  ///
  /// The media type is required: a page of another site can't send it without a preflight request.
  /// - Throws: 415 for another media type, 400 for a body that is not JSON.
  func json(of types: [String] = [IncomingEvent.json]) throws(Problem) -> JSON {
    guard types.contains(mediaType) else {
      let given = headers["Content-Type"] ?? ""
      throw Problem(
        .unsupportedMediaType,
        "send \(types.joined(separator: " or "))" + (given.isEmpty ? " with its Content-Type" : ", not \(given)"))
    }
    do throws(JSONError) {
      return try JSON(parsing: body)
    } catch {
      throw .invalidJSON(error)
    }
  }

  /// The body as a JSON object with known members; a missing body is an empty object.
  /// - Throws: 400 and 415.
  func object(_ known: [String], hints: [String: String] = [:]) throws(Problem) -> JSON {
    if body.isEmpty, mediaType.isEmpty || mediaType == IncomingEvent.json { return .object([]) }
    let json = try json()
    try json.checkMembers(known, hints: hints)
    return json
  }
}
