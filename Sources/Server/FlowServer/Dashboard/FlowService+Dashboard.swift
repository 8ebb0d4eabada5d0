import FlowHTTP
import FlowJSON

// The web page: `/ui/` and its files; `/` redirects a browser there.
extension FlowService {
  func showRoot(_ request: RouteRequest) throws(Problem) {
    if request.preferred(of: ["application/json", "text/html"]) == "text/html" {
      return request.respond.send(.redirect(to: dashboard == nil ? "docs" : "ui/"))
    }
    let locations: JSON = ["dashboard": "/ui/", "documentation": "/docs", "openapi": "/openapi.json"]
    request.respond.send(.json(locations))
  }

  func showDashboard(_ request: RouteRequest) throws(Problem) {
    request.respond.send(try servedDashboard().page(for: request.http))
  }

  func showDashboardFile(_ request: RouteRequest) throws(Problem) {
    let name = [request["folder"], request["file"]].compactMap { $0 }.joined(separator: "/")
    guard let response = try servedDashboard().response(for: name, version: request["version"] ?? "") else {
      throw .notFound("there is no file `\(name)` in this version of the dashboard; reload the page")
    }
    request.respond.send(response)
  }

  /// - Throws: 404 when the operator has disabled it.
  private func servedDashboard() throws(Problem) -> Dashboard {
    guard let dashboard = dashboard?() else { throw .notFound("this server was started with --no-ui") }
    return dashboard
  }
}

// Responses that need no service.
extension Dashboard {
  /// The page, or the response that it has not changed.
  func page(for request: HTTPRequest) -> HTTPResponse {
    guard isComplete else { return .missingDashboard }
    let tag = "\"\(version)\""
    let headers = [("Cache-Control", "no-cache"), ("ETag", tag)]
    if request.headers.contains(token: tag, in: "If-None-Match") { return HTTPResponse(status: 304, headers: headers) }
    return .page(index, type: Dashboard.type(of: "index.html"), headers: headers)
  }

  /// A file of this version; nil for an unknown file.
  func response(for name: String, version: String) -> HTTPResponse? {
    file(name, version: version).map {
      .page(
        $0, type: Dashboard.type(of: name), headers: [("Cache-Control", "public, max-age=31536000, immutable")])
    }
  }
}

extension HTTPResponse {
  fileprivate static func page(_ body: [UInt8], type: String, headers: [(String, String)]) -> HTTPResponse {
    HTTPResponse(
      status: 200,
      headers: [
        ("Content-Type", type), ("Content-Security-Policy", Dashboard.policy), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
      ] + headers, body: body)
  }

  /// - Parameter location: Relative to the address of the request, so that the prefix of a proxy is preserved.
  fileprivate static func redirect(to location: String) -> HTTPResponse {
    HTTPResponse(status: 303, headers: [("Location", location)])
  }

  /// The page of a build without the module ``Dashboard/module``.
  static let missingDashboard = HTTPResponse(
    status: 501,
    headers: [
      ("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", "default-src 'none'"),
    ],
    body: Array(
      """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Flow</title></head><body>
      <h1>This build has no dashboard</h1>
      <p>It needs one file that is not part of the sources. Run <code>make setup</code> and build again.</p>
      <p>The API is complete: <a href="../docs">its documentation</a>.</p></body></html>

      """.utf8))
}
