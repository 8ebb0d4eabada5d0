import CEL
import FlowJSON

extension Action {
  var json: JSON {
    .sparse([
      ("name", .string(name)), ("parameters", parameters.irJSON), ("result", result?.json ?? .null),
      ("failures", .strings(failures)), ("binding", binding.json), ("policy", policy.json),
      ("environment", .strings(environment)), ("signature", signature?.json ?? .null),
      ("concurrency", concurrency?.json ?? .null), ("limitKey", rateKey?.json ?? .null),
      ("resultMax", resultMaximum.map { .number($0) } ?? .null),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow([
      "name", "parameters", "result", "failures", "binding", "policy", "environment", "signature", "concurrency",
      "limitKey", "resultMax",
    ])
    self.init(
      name: try reader.string("name"),
      parameters: try RecordDeclaration(reader.member("parameters")),
      result: try ValueType.optional(reader.optional("result")),
      failures: try reader.list("failures") { item throws(ProgramError) in try item.string() },
      binding: try Binding(reader.member("binding")), policy: try Policy(reader.member("policy")),
      environment: try reader.list("environment") { item throws(ProgramError) in try item.string() },
      signature: try .optional(reader.optional("signature")),
      concurrency: try .optional(reader.optional("concurrency")), rateKey: try .optional(reader.optional("limitKey")),
      resultMaximum: try reader.optional("resultMax")?.int())
  }
}

extension ValueType {
  static func optional(_ reader: IRReader?) throws(ProgramError) -> ValueType? {
    guard let reader else { return nil }
    return try reader.load { () throws(LoadError) in try ValueType(json: reader.json) }
  }
}

extension Binding {
  var json: JSON {
    switch self {
    case .http(let method, let url, let headers, let body):
      .sparse([
        ("kind", "http"), ("method", .string(method)), ("url", url.json), ("headers", headers?.json ?? .null),
        ("body", body?.json ?? .null),
      ])
    case .worker(let queue): ["kind": "worker", "queue": .string(queue)]
    case .log(let message): ["kind": "log", "message": message.json]
    case .other(let kind, let settings):
      [
        "kind": .string(kind.rawValue),
        "settings": .array(settings.map { ["name": .string($0.name), "value": $0.value.json] }),
      ]
    }
  }

  init(_ reader: IRReader) throws(ProgramError) {
    let kind = try reader.string("kind")
    switch kind {
    case "http":
      try reader.allow(["kind", "method", "url", "headers", "body"])
      self = .http(
        method: try reader.string("method"), url: try SourcedExpression(reader.member("url")),
        headers: try .optional(reader.optional("headers")), body: try .optional(reader.optional("body")))
    case "worker":
      try reader.allow(["kind", "queue"])
      self = .worker(queue: try reader.string("queue"))
    case "log":
      try reader.allow(["kind", "message"])
      self = .log(try SourcedExpression(reader.member("message")))
    default:
      guard let kind = Kind(rawValue: kind) else { throw reader.fail("this binding is not known to this version") }
      try reader.allow(["kind", "settings"])
      self = .other(
        kind: kind,
        settings: try reader.list("settings") { item throws(ProgramError) in
          Setting(name: try item.string("name"), value: try SourcedExpression(item.member("value")))
        })
    }
  }
}

extension Policy {
  var json: JSON {
    .sparse([
      ("retries", retries.map { .number($0) } ?? "forever"), ("only", .strings(retryOnly)),
      ("firstBackoffMs", .int(firstBackoffMilliseconds)), ("longestBackoffMs", .int(longestBackoffMilliseconds)),
      ("timeoutMs", .int(timeoutMilliseconds)),
      ("statuses", .array(statuses.map { [.number($0.lowest), .number($0.highest), .string($0.code)] })),
      ("limit", limit.map { ["count": .number($0.count), "periodMs": .int($0.periodMilliseconds)] } ?? .null),
    ])
  }

  init(_ reader: IRReader) throws(ProgramError) {
    try reader.allow(["retries", "only", "firstBackoffMs", "longestBackoffMs", "timeoutMs", "statuses", "limit"])
    let retries = try reader.member("retries")
    self.init(
      retries: retries.json.string == "forever" ? nil : try retries.int(),
      retryOnly: try reader.list("only") { item throws(ProgramError) in try item.string() },
      firstBackoffMilliseconds: try reader.int64("firstBackoffMs"),
      longestBackoffMilliseconds: try reader.int64("longestBackoffMs"),
      timeoutMilliseconds: try reader.int64("timeoutMs"),
      statuses: try reader.list("statuses") { item throws(ProgramError) in
        let parts = try item.items()
        guard parts.count == 3 else { throw item.fail("expected two statuses and a code") }
        return StatusRule(lowest: try parts[0].int(), highest: try parts[1].int(), code: try parts[2].string())
      },
      limit: try RateLimit.optional(reader.optional("limit")))
  }
}

extension ConcurrencyLimit {
  fileprivate var json: JSON { .sparse([("count", .number(count)), ("key", key?.json ?? .null)]) }

  fileprivate static func optional(_ reader: IRReader?) throws(ProgramError) -> ConcurrencyLimit? {
    guard let reader else { return nil }
    try reader.allow(["count", "key"])
    return ConcurrencyLimit(count: try reader.int("count"), key: try .optional(reader.optional("key")))
  }
}

extension RateLimit {
  fileprivate static func optional(_ reader: IRReader?) throws(ProgramError) -> RateLimit? {
    guard let reader else { return nil }
    try reader.allow(["count", "periodMs"])
    return RateLimit(count: try reader.int("count"), periodMilliseconds: try reader.int64("periodMs"))
  }
}
