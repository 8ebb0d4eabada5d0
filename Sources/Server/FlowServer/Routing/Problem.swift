import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

/// An error in the form of RFC 9457, with a code that clients can rely on.
struct Problem: Error {
  var status: Int
  var code: String
  var title: String
  var detail: String
  var members: [JSON.Member] = []
  var headers: [(String, String)] = []

  /// The statuses after which the same request may come through later.
  private static let passing = [408, 429, 503]

  /// The document (RFC 9457, 3.1).
  var json: JSON {
    .object(
      [
        .init("type", .string("/problems/\(code)")), .init("title", .string(title)),
        .init("status", .int(Int64(status))), .init("detail", .string(detail)), .init("code", .string(code)),
        .init("retryable", .bool(Problem.passing.contains(status))),
      ] + members)
  }

  var response: HTTPResponse {
    HTTPResponse(
      status: status, headers: [("Content-Type", "application/problem+json")] + headers,
      body: json.bytes(.compact) + [0x0A])
  }

  static func badRequest(_ detail: String) -> Problem {
    Problem(status: 400, code: "bad-request", title: "Bad request", detail: detail)
  }

  static func invalidJSON(_ error: JSONError) -> Problem {
    Problem(
      status: 400, code: "invalid-json", title: "Not JSON", detail: "byte \(error.offset + 1): \(error.message)")
  }

  static func notFound(_ detail: String) -> Problem {
    Problem(status: 404, code: "not-found", title: "Not found", detail: detail)
  }

  static func unknownFlow(_ name: String, _ catalogue: Catalogue) -> Problem {
    let names = catalogue.names
    let guess = Suggestion.closest(to: name, among: names).first.map { ", did you mean `\($0)`?" }
    return .notFound("there is no flow `\(name)`" + (guess ?? "; there are \(names.joined(separator: ", "))"))
  }

  static func methodNotAllowed(_ allowed: [String]) -> Problem {
    Problem(
      status: 405, code: "method-not-allowed", title: "Method not allowed",
      detail: "this resource takes \(allowed.joined(separator: ", "))",
      headers: [("Allow", allowed.joined(separator: ", "))])
  }
}
