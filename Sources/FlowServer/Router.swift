import FlowHTTP

/// A request's path, taken apart and decoded.
struct Route {
  var method: String
  var segments: [String]
  var query: [String: String]

  /// - Throws: A 400 problem for an escape that is no UTF-8.
  init(_ request: HTTPRequest) throws(Problem) {
    method = request.method == "HEAD" ? "GET" : request.method
    segments = []
    for part in request.path.split(separator: "/") { segments.append(try Route.decode(part, isQuery: false)) }
    query = [:]
    for pair in (request.query ?? "").split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[try Route.decode(parts[0], isQuery: true)] =
        parts.count > 1 ? try Route.decode(parts[1], isQuery: true) : ""
    }
  }

  /// Decodes `%41` and, in a query, `+` (RFC 3986, 2.1).
  static func decode(_ text: Substring, isQuery: Bool) throws(Problem) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
          throw .badRequest("the address has a `%` without two hexadecimal digits")
        }
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(isQuery && byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw .badRequest("the address is not valid UTF-8")
    }
    return decoded
  }

  /// A whole number from the query, held between bounds.
  func number(_ name: String, default value: Int, in bounds: ClosedRange<Int>) throws(Problem) -> Int {
    guard let text = query[name] else { return value }
    guard let number = Int(text), number >= bounds.lowerBound else {
      throw .badRequest("`\(name)` has to be a whole number from \(bounds.lowerBound) on")
    }
    return min(number, bounds.upperBound)
  }
}
