import FlowHTTP
import FlowJSON
import FlowRuntime
import FlowSource

/// An error in the form of RFC 9457, with a code that clients can rely on.
struct Problem: Error {
  let kind: ProblemKind
  var detail: String
  var members: [JSON.Member]
  var headers: [(String, String)]

  init(
    _ kind: ProblemKind, _ detail: String, members: [JSON.Member] = [], headers: [(String, String)] = []
  ) {
    self.kind = kind
    self.detail = detail
    self.members = members
    self.headers = headers
  }

  var status: Int { kind.status }
  var code: String { kind.code }

  /// The statuses after which the same request may succeed later.
  private static let retryableStatuses = [408, 429, 503]

  /// The document (RFC 9457, 3.1).
  var json: JSON {
    .object(
      [
        .init("type", .string("/problems/\(code)")), .init("title", .string(kind.title)),
        .init("status", .int(Int64(status))), .init("detail", .string(detail)), .init("code", .string(code)),
        .init("retryable", .bool(Problem.retryableStatuses.contains(status))),
      ] + members)
  }

  static let mediaType = "application/problem+json"
}

extension Problem {
  static func badRequest(_ detail: String) -> Problem { Problem(.badRequest, detail) }

  static func invalidJSON(_ error: JSONError) -> Problem {
    Problem(.invalidJSON, "byte \(error.offset + 1): \(error.message)")
  }

  static func notFound(_ detail: String) -> Problem { Problem(.notFound, detail) }

  /// - Parameter names: The flows that the caller may see.
  static func unknownFlow(_ name: String, known names: [String]) -> Problem {
    let guess = Suggestion.closest(to: name, among: names).first.map { ", did you mean `\($0)`?" }
    return .notFound("there is no flow `\(name)`" + (guess ?? "; there are \(names.joined(separator: ", "))"))
  }

  static func methodNotAllowed(_ allowed: [String]) -> Problem {
    let list = allowed.joined(separator: ", ")
    return Problem(.methodNotAllowed, "this resource supports \(list)", headers: [("Allow", list)])
  }

  static func notAcceptable(_ known: [String]) -> Problem {
    Problem(.notAcceptable, "the media types are \(known.joined(separator: ", "))")
  }

  static func unauthenticated(_ detail: String, isInvalid: Bool) -> Problem {
    let challenge = "Bearer realm=\"flow\"" + (isInvalid ? ", error=\"invalid_token\"" : "")
    return Problem(.unauthenticated, detail, headers: [("WWW-Authenticate", challenge)])
  }

  static func forbidden(_ detail: String) -> Problem { Problem(.forbidden, detail) }

  static let readOnly = Problem(
    .readOnly, "the server was started with --read-only and rejects all changes")

  static let draining = Problem(.draining, "the server is shutting down", headers: [("Retry-After", "1")])

  static let overloaded = Problem(.overloaded, "the server's request queue is full", headers: [("Retry-After", "1")])

  static func storeUnavailable(_ error: StoreError) -> Problem { EngineProblem.storeUnavailable(error.message).problem }
}
