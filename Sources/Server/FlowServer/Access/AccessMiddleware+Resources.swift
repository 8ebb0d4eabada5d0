import FlowHTTP
import FlowJSON
import FlowRuntime

// What the gate answers itself: `/readyz`, `/version`, `/metrics`.
extension AccessMiddleware {
  /// - Returns: Whether the request was for one of them.
  func answer(_ request: HTTPRequest, _ visit: RequestContext, _ respond: ResponseHandle) throws(Problem) -> Bool {
    guard ["/readyz", "/version", "/metrics"].contains(request.path) else { return false }
    guard request.method == "GET" || request.method == "HEAD" else { throw .methodNotAllowed(["GET", "HEAD"]) }
    switch request.path {
    case "/readyz": showReadiness(request, respond)
    case "/version": respond.send(.json(["version": .string(metrics.version), "api": "v1"]))
    default: showMetrics(respond)
    }
    return true
  }

  private func showReadiness(_ request: HTTPRequest, _ respond: ResponseHandle) {
    let isDraining = self.isDraining
    guard request.query.map({ $0 == "verbose" || $0.hasPrefix("verbose=") }) == true else {
      let text = isDraining ? "draining\n" : "ok\n"
      return respond.send(
        HTTPResponse(
          status: isDraining ? 503 : 200, headers: [("Content-Type", "text/plain; charset=utf-8")],
          body: Array(text.utf8)))
    }
    figures.read { figures in
      var store = "ok"
      if case .failure(let error) = figures { store = error.message }
      let isReady = store == "ok" && !isDraining
      let checks: JSON = ["store": .string(store), "draining": .bool(isDraining)]
      respond.send(.json(["ready": .bool(isReady), "checks": checks], status: isReady ? 200 : 503))
    }
  }

  private func showMetrics(_ respond: ResponseHandle) {
    let now = clock()
    figures.read { [metrics] figures in
      switch figures {
      case .failure(let error): respond.send(EngineProblem.storeUnavailable(error.message).response)
      case .success(let figures):
        let text = metrics.text(figures.population, figures.extent, now: now)
        respond.send(
          HTTPResponse(status: 200, headers: [("Content-Type", MetricsText.contentType)], body: Array(text.utf8)))
      }
    }
  }
}
