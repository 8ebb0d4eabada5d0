/// A response; `Content-Length`, `Transfer-Encoding`, `Date` and `Connection` are added when it is sent.
public struct HTTPResponse: Sendable {
  /// The status code.
  public var status: Int
  /// The header fields, in order.
  public var headers: [(String, String)]
  /// The body, or the first part of it when the response is streaming.
  public var body: [UInt8]
  /// True if more parts follow through `ResponseHandle.send(chunk:)` until `finish()`.
  public var isStreaming = false

  /// A complete response.
  public init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The head of a response whose body is sent in parts.
  public static func streaming(status: Int, headers: [(String, String)] = []) -> HTTPResponse {
    var response = HTTPResponse(status: status, headers: headers)
    response.isStreaming = true
    return response
  }

  /// An error response in the form of RFC 9457.
  static func problem(status: Int, detail: String) -> HTTPResponse {
    let title = HTTPStatus.reason(status)
    let code = HTTPStatus.code(status)
    let body =
      "{\"type\":\"about:blank\",\"title\":\"\(title)\",\"status\":\(status),\"detail\":\"\(detail)\","
      + "\"code\":\"\(code)\"}\n"
    return HTTPResponse(
      status: status, headers: [("Content-Type", "application/problem+json")], body: Array(body.utf8))
  }
}
