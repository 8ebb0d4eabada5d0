import FlowHTTP

/// One request on its way through a route: what was asked, taken apart and decoded, and the way back.
struct RouteRequest: Sendable {
  let request: HTTPRequest
  let route: Route
  let respond: Responder
  /// The segments that vary, in the order of the template.
  private let values: [String]
  let query: Parameters

  /// - Throws: A 400 problem for an escape that is no UTF-8.
  init(_ request: HTTPRequest, _ route: Route, _ segments: [Substring], _ respond: Responder) throws(Problem) {
    self.request = request
    self.route = route
    self.respond = respond
    var values: [String] = []
    for segment in segments { values.append(try RouteRequest.decode(segment, isQuery: false)) }
    self.values = values
    query = try RouteRequest.query(of: request)
    // Other systems put what they like into the address of a webhook.
    if route.scope != .open { try query.check(route.document.parameters.filter { $0.place == "query" }.map(\.name)) }
  }

  /// What stands in the path for `{name}` of the template.
  subscript(_ name: String) -> String? {
    route.parameters.firstIndex(of: name).map { values[$0] }
  }

  /// The parameters of a request's query; the last of several with one name counts.
  static func query(of request: HTTPRequest) throws(Problem) -> Parameters {
    var query: [String: String] = [:]
    for pair in (request.query ?? "").split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[try decode(parts[0], isQuery: true)] = parts.count > 1 ? try decode(parts[1], isQuery: true) : ""
    }
    return Parameters(query)
  }

  /// Decodes `%41` and, in a query, `+` (RFC 3986, 2.1).
  static func decode(_ text: Substring, isQuery: Bool) throws(Problem) -> String {
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

  /// Whether the client names a media type in `Accept`; `*/*` names none.
  func accepts(_ type: String) -> Bool {
    for value in request.headers.values(of: "Accept") {
      for part in value.split(separator: ",") {
        let name = (part.split(separator: ";").first ?? "").filter { $0 != " " && $0 != "\t" }
        if name.lowercased() == type { return true }
      }
    }
    return false
  }

  /// The one of several media types that `Accept` likes best, the first of them when it likes all the same; nil when
  /// it names others only (RFC 9110, 12.5.1).
  func preferred(of types: [String]) -> String? {
    let values = request.headers.values(of: "Accept")
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

  /// A place in the journal: `Last-Event-ID`, as browsers send it when they come back, or else from the query.
  func position(_ name: String) throws(Problem) -> LivePosition? {
    guard let text = request.headers["Last-Event-ID"] ?? query[name] else { return nil }
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

/// The way back to whoever asked.
struct Responder: Sendable {
  let handle: ResponseHandle

  func send(_ response: HTTPResponse) { handle.send(response) }
}
