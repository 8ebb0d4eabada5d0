import FlowHTTP
import FlowJSON
import FlowRuntime
import FlowSource

// Descriptions of the API.
extension FlowService {
  func showOpenAPI(_ request: RouteRequest) throws(Problem) {
    let hasKeys = request.context.middleware.hasKeys
    request.respond.send(.json(OpenAPI(routes: Route.all, catalogue: catalogue, hasKeys: hasKeys).json))
  }

  func showAsyncAPI(_ request: RouteRequest) throws(Problem) {
    request.respond.send(.json(AsyncAPI(catalogue: catalogue, publications: publications).json))
  }

  func showDocumentation(_ request: RouteRequest) throws(Problem) {
    request.respond.send(
      .html(
        DocumentationPage(
          routes: Route.all, catalogue: catalogue, hasDashboard: dashboard?().isComplete == true
        ).html))
  }

  func listProblems(_ request: RouteRequest) throws(Problem) {
    request.respond.send(.json(["items": .array(ProblemKind.all.map(\.json))]))
  }

  func showProblem(_ request: RouteRequest) throws(Problem) {
    let code = request["code"] ?? ""
    guard let kind = ProblemKind.named(code) else {
      let guess = Suggestion.closest(to: code, among: ProblemKind.all.map(\.code)).first
      throw .notFound("there is no problem `\(code)`" + (guess.map { ", did you mean `\($0)`?" } ?? ""))
    }
    let wantsPage = request.preferred(of: ["application/json", "text/html"]) == "text/html"
    request.respond.send(wantsPage ? .html(DocumentationPage.page(kind)) : .json(kind.json))
  }
}

extension ProblemKind {
  fileprivate var json: JSON {
    ["code": .string(code), "status": .int(Int64(status)), "title": .string(title), "text": .string(text)]
  }
}

extension HTTPResponse {
  /// A page without external resources and scripts.
  fileprivate static func html(_ text: String) -> HTTPResponse {
    HTTPResponse(
      status: 200,
      headers: [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        ("X-Content-Type-Options", "nosniff"),
      ], body: Array(text.utf8))
  }
}
