public import FlowJSON

// Calls and their results as the nodes of a store exchange them.
extension ClaimedCall {
  public var json: JSON {
    [
      "id": .int(id), "fence": .int(Int64(fence)), "definition": .string(definition), "action": .string(action),
      "arguments": arguments, "timeout": .int(timeoutMilliseconds), "key": .string(idempotencyKey),
      "attempt": .int(Int64(attempt)),
    ]
  }

  /// Reads ``json``; nil for any other document.
  public init?(_ json: JSON) {
    guard let id = json["id"]?.int, let fence = json["fence"]?.int, let definition = json["definition"]?.string,
      let action = json["action"]?.string, let timeout = json["timeout"]?.int, let key = json["key"]?.string,
      let attempt = json["attempt"]?.int
    else { return nil }
    self.init(
      id: Int64(id), fence: fence, definition: definition, action: action, arguments: json["arguments"] ?? .null,
      timeoutMilliseconds: Int64(timeout), idempotencyKey: key, attempt: attempt)
  }
}

extension CallReport {
  public var json: JSON {
    [
      "node": .string(node), "running": .array(running.map { .int($0) }), "results": .array(results.map(\.json)),
    ]
  }

  /// Reads ``json``; nil for any other document.
  public init?(_ json: JSON) {
    guard let node = json["node"]?.string, let running = json["running"]?.array, let results = json["results"]?.array
    else { return nil }
    self.init(
      node: node, running: running.compactMap { $0.int.map { Int64($0) } }, results: results.compactMap(Result.init))
  }
}

extension CallReport.Result {
  var json: JSON { ["id": .int(id), "fence": .int(Int64(fence)), "outcome": outcome.json] }

  init?(_ json: JSON) {
    guard let id = json["id"]?.int, let fence = json["fence"]?.int,
      let outcome = json["outcome"].flatMap(JobOutcome.init)
    else { return nil }
    self.init(id: Int64(id), fence: fence, outcome: outcome)
  }
}

extension JobOutcome {
  /// The outcome for another node.
  var json: JSON {
    switch self {
    case .done(let result): ["kind": "done", "result": result]
    case .status(let status, let message, let retryAfter):
      [
        "kind": "status", "number": .int(Int64(status)), "message": .string(message),
        "after": retryAfter.map { .int($0) } ?? .null,
      ]
    case .reply(let number, let replier, let isTransient, let message):
      [
        "kind": "reply", "number": .int(Int64(number)), "of": .string(replier.rawValue),
        "transient": .bool(isTransient), "message": .string(message),
      ]
    case .unreachable(let message): ["kind": "unreachable", "message": .string(message)]
    case .failed(let code, let message):
      ["kind": "failed", "code": .string(code), "message": .string(message)]
    case .impossible(let code, let message):
      ["kind": "impossible", "code": .string(code), "message": .string(message)]
    case .postponed(let milliseconds): ["kind": "postponed", "number": .int(milliseconds)]
    }
  }

  /// Reads ``json``; nil for any other document.
  init?(_ json: JSON) {
    let message = json["message"]?.string ?? ""
    let number = json["number"]?.int ?? 0
    switch json["kind"]?.string {
    case "done": self = .done(json["result"] ?? .null)
    case "status":
      self = .status(number, message: message, retryAfterMilliseconds: json["after"]?.int.map { Int64($0) })
    case "reply":
      guard let replier = json["of"]?.string.flatMap(Replier.init) else { return nil }
      self = .reply(number, of: replier, isTransient: json["transient"] == true, message: message)
    case "unreachable": self = .unreachable(message)
    case "failed": self = .failed(code: json["code"]?.string ?? "", message: message)
    case "impossible": self = .impossible(code: json["code"]?.string ?? "", message: message)
    case "postponed": self = .postponed(Int64(number))
    default: return nil
    }
  }
}
