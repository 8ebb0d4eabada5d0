import Dispatch
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// Deploying: a source becomes what new instances run, and what that means for those that run is said before.
extension FlowService {
  /// `PUT /v1/flows/{flow}` with a program that has a flow of that name: its source, or the IR of it.
  func deployFlow(_ exchange: RouteRequest) throws(Problem) {
    let name = exchange["flow"] ?? ""
    let request = exchange.request
    guard ["text/x-flow", "text/plain", IncomingEvent.json].contains(request.mediaType) else {
      throw Problem(
        status: 415, code: "unsupported-media-type", title: "Unsupported media type",
        detail: "send the source as text/x-flow, or what `flow compile` wrote as application/json")
    }
    let ir = request.mediaType == IncomingEvent.json ? try request.json() : nil
    try checkConditions(request, catalogue[name])
    let isDryRun = try exchange.query.flag("dryRun")
    // Compiling takes as long as the text is; the loops have others to serve.
    deployments.async { [self] in
      do throws(Problem) {
        let deployment =
          if let ir {
            try Deployment(ir: ir, flow: name, catalogue, obstacle)
          } else {
            try Deployment(source: request.body, flow: name, catalogue, obstacle)
          }
        // A source may bring more flows than the address names.
        for flow in deployment.machine.program.flows { try request.visit?.checkSees(flow.name) }
        finish(deployment, isDryRun, exchange.respond)
      } catch {
        exchange.respond.send(error.response)
      }
    }
  }

  /// `If-None-Match: *` wants the flow to be new, `If-Match` names the definition that it has.
  private func checkConditions(_ request: HTTPRequest, _ present: Catalogue.Entry?) throws(Problem) {
    let wanted = request.headers["If-Match"].map { $0.filter { $0 != "\"" } }
    let isOther = wanted.map { present == nil || $0 != "*" && $0 != present?.hash } ?? false
    guard !isOther, request.headers["If-None-Match"] != "*" || present == nil else {
      throw Problem(
        status: 412, code: "revision-mismatch", title: "Precondition failed",
        detail: present.map { "the flow is served, as \($0.hash)" } ?? "the flow is not served")
    }
  }

  private func finish(_ deployment: Deployment, _ isDryRun: Bool, _ respond: Responder) {
    reader.read { [self] queries in
      do throws(StoreError) {
        let answer = try deployment.json(queries, programs, now: clock(), isDryRun)
        if isDryRun { return respond.send(.json(answer)) }
        engine.deploy(deployment.machine, sources: deployment.sources) { result in
          switch result {
          case .failure(let problem): respond.send(problem.response)
          case .success:
            let tag = [("ETag", "\"\(deployment.machine.program.hash)\"")]
            respond.send(.json(answer, status: deployment.present == nil ? 201 : 200, headers: tag))
          }
        }
      } catch {
        respond.send(EngineProblem.storeUnavailable(error.message).response)
      }
    }
  }

  /// `DELETE /v1/flows/{flow}`: nothing new begins, what runs goes on.
  func retireFlow(_ exchange: RouteRequest) throws(Problem) {
    let name = try flow(exchange).name
    engine.retire(name) { result in
      switch result {
      case .failure(let problem): exchange.respond.send(problem.response)
      case .success(let wasServed):
        exchange.respond.send(.json(["name": .string(name), "retired": true, "changed": .bool(wasServed)]))
      }
    }
  }
}
