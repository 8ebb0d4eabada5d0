import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

// Events: `POST /v1/events`, `…/instances`, `…/instances/{key}/events`.
extension FlowService {
  /// How long an idempotency key may be.
  static let maximumKeyBytes = 255

  /// Hands an event to the engine; the answer comes when the step is on the disk.
  func postEvent(
    _ request: HTTPRequest, flow: String?, key: String?, _ respond: ResponseHandle
  ) throws(Problem) {
    let body = try body(request)
    guard let name = (body["event"] ?? body["type"])?.string else {
      throw .badRequest(#"the body has no `event`; send {"event": "Paid", "data": {"amount": 4.0}}"#)
    }
    var command = EventCommand(flow: flow, key: key, event: name, payload: body["data"] ?? .object([]))
    command.caller = try caller(request, roles: machine.program.roles)
    if flow == nil { try checkReach(of: name, request, in: machine) }
    command.start = flow != nil && key == nil
    command.idempotencyKey = try idempotencyKey(request, body)
    command.ifMatch = try revision(request)
    let visit = request.visit
    let isKnown = machine.event(named: name) != nil
    engine.submit(command) { result in
      switch result {
      case .success(let answer):
        visit?.noteStep(answer.sequence)
        respond.send(answer.response)
      case .failure(let problem):
        if isKnown { visit?.gate.metrics.noteRefused(event: name, flow: flow) }
        respond.send(problem.response)
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

  /// `If-Match: "3"`.
  private func revision(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers["If-Match"], text != "*" else { return nil }
    guard let revision = Int(text.filter { $0 != "\"" }) else {
      throw .badRequest("`If-Match` has to be a revision in quotes, as `ETag` gives it")
    }
    return revision
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
