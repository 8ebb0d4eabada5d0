import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

// Events: `POST /v1/events`, `…/instances`, `…/instances/{key}/events`.
extension FlowService {
  /// How long an idempotency key may be.
  static let maximumKeyBytes = 255

  func postEvent(_ exchange: Exchange) throws(Problem) { try submit(exchange, flow: nil, key: nil) }

  func postStart(_ exchange: Exchange) throws(Problem) { try submit(exchange, flow: flow(exchange).name, key: nil) }

  func postEventToInstance(_ exchange: Exchange) throws(Problem) {
    try submit(exchange, flow: flow(exchange).name, key: exchange["key"])
  }

  /// Hands an event to the engine; the answer comes when the step is on the disk.
  private func submit(_ exchange: Exchange, flow: String?, key: String?) throws(Problem) {
    let request = exchange.request
    let body = try body(request)
    guard let name = (body["event"] ?? body["type"])?.string else {
      throw .badRequest(#"the body has no `event`; send {"event": "Paid", "data": {"amount": 4.0}}"#)
    }
    var command = EventCommand(flow: flow, key: key, event: name, payload: body["data"] ?? .object([]))
    command.caller = try caller(request)
    command.start = flow != nil && key == nil
    command.idempotencyKey = try idempotencyKey(request, body)
    command.ifMatch = try revision(request)
    engine.submit(command) { result in
      switch result {
      case .success(let answer): exchange.respond.send(answer.response)
      case .failure(let problem): exchange.respond.send(problem.response)
      }
    }
  }

  private func idempotencyKey(_ request: HTTPRequest, _ body: JSON) throws(Problem) -> String? {
    let key = request.headers["Idempotency-Key"] ?? body["key"]?.string ?? cloudEventKey(body)
    guard let key else { return nil }
    guard !key.isEmpty, key.utf8.count <= FlowService.maximumKeyBytes else {
      throw .badRequest("an idempotency key has 1 to \(FlowService.maximumKeyBytes) bytes")
    }
    return key
  }

  /// `source` and `id` of a CloudEvent name it for ever (CloudEvents 1.0, 3.1.1).
  private func cloudEventKey(_ body: JSON) -> String? {
    guard body["specversion"] != nil, let source = body["source"]?.string, let id = body["id"]?.string else {
      return nil
    }
    return "\(source) \(id)"
  }

  /// `If-Match: "3"`, or the tag of a view: `"3-1f2e3d4c"`.
  private func revision(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers["If-Match"], text != "*" else { return nil }
    guard let revision = Int(text.filter { $0 != "\"" }.prefix { $0 != "-" }) else {
      throw .badRequest("`If-Match` has to be a revision in quotes, as `ETag` gives it")
    }
    return revision
  }

  /// Who calls: `Flow-Caller` and `Flow-Roles` are believed, because only this machine can reach the server.
  private func caller(_ request: HTTPRequest) throws(Problem) -> Caller {
    let roles = (request.headers["Flow-Roles"] ?? "").split(separator: ",").map {
      String($0.drop { $0 == " " }.prefix { $0 != " " })
    }
    let known = catalogue.machines.flatMap(\.program.roles)
    if let unknown = roles.first(where: { !known.contains($0) }) {
      throw .badRequest("there is no role `\(unknown)`; there are \(known.joined(separator: ", "))")
    }
    return Caller(id: request.headers["Flow-Caller"] ?? "", roles: roles)
  }
}

extension EventAnswer {
  var response: HTTPResponse {
    var headers = [("Content-Type", "application/json"), ("ETag", "\"\(revision)\"")]
    if created { headers.append(("Location", "/v1/flows/\(flow.percentEncoded)/instances/\(key.percentEncoded)")) }
    if replayed { headers.append(("Idempotent-Replay", "true")) }
    return HTTPResponse(status: created ? 201 : 200, headers: headers, body: json.bytes() + [0x0A])
  }
}

extension String {
  /// As one segment of a path (RFC 3986, 2.3).
  var percentEncoded: String {
    var out = ""
    for byte in utf8 {
      let scalar = Unicode.Scalar(byte)
      if byte < 128,
        scalar.properties.isAlphabetic || (48...57).contains(byte) || "-._~".unicodeScalars.contains(scalar)
      {
        out.unicodeScalars.append(scalar)
      } else {
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }
}
