import FlowHTTP

/// One request at its route: its decoded parameters, its context, and its responder.
struct RouteRequest: Sendable {
  let http: HTTPRequest
  let context: RequestContext
  let respond: Responder
  let query: Parameters

  /// - Throws: 400 for an escape that is not UTF-8, an unknown or repeated parameter, or a repeated header.
  init(_ http: HTTPRequest, of served: ServedRoute, _ respond: Responder) throws(Problem) {
    self.http = http
    context = respond.context
    self.respond = respond
    // Other systems append arbitrary parameters to the address of a webhook.
    guard served.route.scope != .open else {
      query = (try? RouteRequest.query(of: http)) ?? Parameters()
      return
    }
    query = try RouteRequest.query(of: http)
    try query.check(served.queryNames)
    try http.checkSingleHeaders()
  }

  /// The variable `{name}` of the path.
  subscript(_ name: String) -> String? { context.match[name] }

  /// The parameters of a request's query.
  /// - Throws: 400 for a repeated parameter, which is ambiguous.
  static func query(of request: HTTPRequest) throws(Problem) -> Parameters {
    guard let text = request.query else { return Parameters() }
    var query: [String: String] = [:]
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = try decode(parts[0], isQuery: true)
      let value = parts.count > 1 ? try decode(parts[1], isQuery: true) : ""
      guard query.updateValue(value, forKey: name) == nil else {
        throw .badRequest("the parameter `\(name)` is given more than once")
      }
    }
    return Parameters(query)
  }

  /// Decodes `%41` and, in a query, `+` (RFC 3986, 2.1).
  static func decode(_ text: Substring, isQuery: Bool) throws(Problem) -> String {
    let isPlain = text.utf8.allSatisfy { $0 != UInt8(ascii: "%") && !(isQuery && $0 == UInt8(ascii: "+")) }
    if isPlain { return String(text) }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
          throw .badRequest("the address has a `%` without two hexadecimal digits")
        }
        bytes.append(high << 4 | low)
      } else {
        bytes.append(isQuery && byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw .badRequest("the address is not valid UTF-8")
    }
    return decoded
  }

  static func hexadecimal(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Returns true if the client lists a media type in `Accept`; `*/*` does not count.
  func accepts(_ type: String) -> Bool {
    for value in http.headers.values(of: "Accept") {
      for part in value.split(separator: ",") {
        let name = (part.split(separator: ";").first ?? "").filter { $0 != " " && $0 != "\t" }
        if name.lowercased() == type { return true }
      }
    }
    return false
  }

  /// The media type that `Accept` prefers, the first of several with the same weight; nil when it lists only others
  /// (RFC 9110, 12.5.1).
  func preferred(of types: [String]) -> String? {
    let values = http.headers.values(of: "Accept")
    if values.isEmpty { return types.first }
    let ranges = values.flatMap { $0.split(separator: ",") }.map(MediaRange.init)
    var best: (type: String, quality: Double)?
    for type in types {
      let fitting = ranges.filter { $0.admits(type) }.max { $0.precision < $1.precision }
      guard let quality = fitting?.quality, quality > 0, quality > best?.quality ?? 0 else { continue }
      best = (type, quality)
    }
    return best?.type
  }

  /// A position in the journal: from `Last-Event-ID`, which browsers send when they reconnect, or else from the query.
  func position(_ name: String) throws(Problem) -> LivePosition? {
    guard let text = http.headers["Last-Event-ID"] ?? query[name] else { return nil }
    guard let position = LivePosition(text) else {
      throw .badRequest("`\(name)` and `Last-Event-ID` are offsets, or positions as the server gave them")
    }
    return position
  }
}

/// `text/*;q=0.5` of an `Accept`.
private struct MediaRange {
  let name: String
  let quality: Double

  init(_ text: Substring) {
    let parts = text.filter { $0 != " " && $0 != "\t" }.lowercased().split(separator: ";")
    name = parts.first.map(String.init) ?? ""
    let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
    self.quality = quality.map { min(max($0, 0), 1) } ?? 1
  }

  var precision: Int { name == "*/*" ? 0 : name.hasSuffix("/*") ? 1 : 2 }

  func admits(_ type: String) -> Bool {
    name == type || name == "*/*" || name.hasSuffix("/*") && type.hasPrefix(name.dropLast())
  }
}

extension HTTPRequest {
  /// Headers that may occur once.
  private static let singleHeaders = [
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "Flow-Caller", "Flow-Roles",
    "X-Request-Id",
  ]

  /// - Throws: 400 for a repeated header with a single value, which is ambiguous.
  func checkSingleHeaders() throws(Problem) {
    // The attributes of a CloudEvent are headers whose names start with `ce-`.
    let repeated =
      HTTPRequest.singleHeaders.first { headers.isRepeated($0) } ?? headers.repeatedName(startingWith: "ce-")
    if let repeated { throw .badRequest("the header `\(repeated)` is given more than once") }
  }

  /// Returns true if the client accepts a content coding, by its weight or that of `*` (RFC 9110, 12.5.3).
  func accepts(coding: String) -> Bool {
    var weights: [String: Double] = [:]
    for value in headers.values(of: "Accept-Encoding") {
      for part in value.split(separator: ",") {
        let range = MediaRange(part)
        weights[range.name] = range.quality
      }
    }
    return (weights[coding] ?? weights["*"] ?? 0) > 0
  }
}
