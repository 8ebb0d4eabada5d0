import FlowHTTP
import FlowJSON
import FlowRuntime
import FlowSource

// The API about itself.
extension FlowService {
  func showOpenAPI(_ exchange: RouteRequest) throws(Problem) {
    let hasKeys = exchange.request.visit?.gate.hasKeys ?? false
    exchange.respond.send(.json(OpenAPI(routes: routes.routes, catalogue: catalogue, hasKeys: hasKeys).json))
  }

  func showAsyncAPI(_ exchange: RouteRequest) throws(Problem) {
    exchange.respond.send(.json(AsyncAPI(catalogue: catalogue).json))
  }

  func showDocumentation(_ exchange: RouteRequest) throws(Problem) {
    exchange.respond.send(.html(DocumentationPage(routes: routes.routes, catalogue: catalogue).html))
  }

  func listProblems(_ exchange: RouteRequest) throws(Problem) {
    exchange.respond.send(.json(["items": .array(ProblemKind.all.map(\.json))]))
  }

  func showProblem(_ exchange: RouteRequest) throws(Problem) {
    let code = exchange["code"] ?? ""
    guard let kind = ProblemKind.named(code) else {
      let guess = Suggestion.closest(to: code, among: ProblemKind.all.map(\.code)).first
      throw .notFound("there is no problem `\(code)`" + (guess.map { ", did you mean `\($0)`?" } ?? ""))
    }
    let wantsPage = exchange.preferred(of: ["application/json", "text/html"]) == "text/html"
    exchange.respond.send(wantsPage ? .html(DocumentationPage.page(kind)) : .json(kind.json))
  }
}

extension ProblemKind {
  fileprivate var json: JSON {
    ["code": .string(code), "status": .int(Int64(status)), "title": .string(title), "text": .string(text)]
  }
}

extension HTTPResponse {
  /// A page that loads nothing and runs nothing.
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
