import FlowHTTP
import FlowJSON
import FlowRuntime

/// Sends the response to one request.
///
/// Responses are redacted and compressed on a worker: completions of the engine run on its thread, which must not be
/// blocked.
struct Responder: Sendable {
  let handle: ResponseHandle
  let context: RequestContext

  init(_ handle: ResponseHandle, _ context: RequestContext) {
    var handle = handle
    handle.observer = context
    self.handle = handle
    self.context = context
  }

  func send(_ response: HTTPResponse) {
    guard context.mustRewrite(response) else { return handle.send(response) }
    context.middleware.finishing.run { handle.send(response) }
  }

  func send(_ problem: Problem) { send(context.response(problem)) }

  /// Sends the outcome of an event. The response is built on the thread of the connection, because the engine, whose
  /// thread completes the event, is the part of a server that there is only once.
  func send(_ result: Result<EventAnswer, Problem>) {
    handle.run {
      switch result {
      case .success(let answer): send(answer.response)
      case .failure(let problem): send(problem)
      }
    }
  }

  /// Sends a problem of the engine, without values that the caller may not see.
  /// - Parameter flow: The flow concerned; nil when there may be several.
  func send(_ problem: EngineProblem, of flow: String?) { send(context.visible(problem, of: flow)) }
}

extension HTTPResponse {
  static func json(_ document: JSON, status: Int = 200, headers: [(String, String)] = []) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [("Content-Type", "application/json")] + headers, body: HTTPResponse.body(document))
  }

  /// A document and the end of its line.
  static func body(_ document: JSON) -> [UInt8] {
    var body: [UInt8] = []
    // Most answers fit, without growing in several steps.
    body.reserveCapacity(256)
    document.write(to: &body)
    body.append(0x0A)
    return body
  }

  static func text(_ text: String, as type: String = "text/plain") -> HTTPResponse {
    HTTPResponse(status: 200, headers: [("Content-Type", "\(type); charset=utf-8")], body: Array(text.utf8))
  }
}
