import FlowHTTP
import FlowJSON
import FlowRuntime

// The state of the server: `/livez`, `/readyz`, `/version`, `/metrics`.
extension FlowService {
  func showLiveness(_ request: RouteRequest) throws(Problem) { request.respond.send(.text("ok\n")) }

  func showReadiness(_ request: RouteRequest) throws(Problem) {
    let middleware = request.context.middleware
    let isDraining = middleware.isDraining
    guard let verbose = request.query["verbose"], verbose != "false" else {
      let problem = isDraining ? "draining" : engine.commitFailure
      var response = HTTPResponse.text("\(problem ?? role ?? "ok")\n")
      if problem != nil { response.status = 503 }
      return request.respond.send(response)
    }
    middleware.statistics.read { [engine, role] values in
      var store = engine.commitFailure ?? "ok"
      if case .failure(let error) = values { store = error.message }
      let isReady = store == "ok" && !isDraining
      let checks: JSON = ["store": .string(store), "draining": .bool(isDraining)]
      var members: [JSON.Member] = [.init("ready", .bool(isReady)), .init("checks", checks)]
      if let role { members.append(.init("role", .string(role))) }
      request.respond.send(.json(.object(members), status: isReady ? 200 : 503))
    }
  }

  func showServerVersion(_ request: RouteRequest) throws(Problem) {
    request.respond.send(.json(["version": .string(request.context.middleware.metrics.version), "api": "v1"]))
  }

  func showMetrics(_ request: RouteRequest) throws(Problem) {
    let now = clock()
    let middleware = request.context.middleware
    middleware.statistics.read { [metrics = middleware.metrics, role] values in
      switch values {
      case .failure(let error): request.respond.send(Problem.storeUnavailable(error))
      case .success(let values):
        let text = metrics.text(
          values.population, values.extent, schedules: values.schedules, now: now, role: role)
        request.respond.send(
          HTTPResponse(status: 200, headers: [("Content-Type", MetricsText.contentType)], body: Array(text.utf8)))
      }
    }
  }
}
