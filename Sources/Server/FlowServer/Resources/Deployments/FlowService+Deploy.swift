import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// Deployment: new instances run the new program; a dry run shows the effect on running ones.
extension FlowService {
  /// `PUT /v1/flows/{flow}` with a program that contains this flow: as source, or as IR.
  func deployFlow(_ request: RouteRequest) throws(Problem) {
    let name = request["flow"] ?? ""
    let http = request.http
    let context = request.context
    guard ["text/x-flow", "text/plain", IncomingEvent.json].contains(http.mediaType) else {
      throw Problem(
        .unsupportedMediaType, "send the source as text/x-flow, or the output of `flow compile` as application/json")
    }
    let ir = http.mediaType == IncomingEvent.json ? try http.json() : nil
    try checkConditions(http, catalogue[name])
    let isDryRun = try request.query.flag("dryRun")
    // Compilation is slow, so that deployments are queued, and only behind each other.
    let isAccepted = deployments.run { [self] in
      do throws(Problem) {
        let deployment =
          if let ir {
            try Deployment(ir: ir, flow: name, in: catalogue, obstacle: obstacle)
          } else {
            try Deployment(source: http.body, flow: name, in: catalogue, obstacle: obstacle)
          }
        // A source may contain further flows.
        for flow in deployment.machine.program.flows { try context.checkSees(flow.name) }
        finish(deployment, isDryRun: isDryRun, request)
      } catch {
        request.respond.send(error)
      }
    }
    if !isAccepted { throw .overloaded }
  }

  /// `If-None-Match: *` requires a new flow, `If-Match` the current definition.
  /// - Throws: 412.
  private func checkConditions(_ request: HTTPRequest, _ present: Catalogue.Entry?) throws(Problem) {
    let wanted = request.headers["If-Match"].map { $0.filter { $0 != "\"" } }
    let isOther = wanted.map { present == nil || $0 != "*" && $0 != present?.hash } ?? false
    guard !isOther, request.headers["If-None-Match"] != "*" || present == nil else {
      throw Problem(
        .revisionMismatch, present.map { "the flow is served, as \($0.hash)" } ?? "the flow is not served")
    }
  }

  private func finish(_ deployment: Deployment, isDryRun: Bool, _ request: RouteRequest) {
    let respond = request.respond
    let withValues = request.context.mayRead(deployment.flow)
    reader.read { [self] queries in
      do throws(StoreError) {
        let answer = try deployment.json(
          queries, programs, now: clock(), isDryRun: isDryRun, withValues: withValues)
        if isDryRun { return respond.send(.json(answer)) }
        follow(deployment.machine.program, request.context.middleware)
        engine.deploy(deployment.machine, sources: deployment.sources) { [self] result in
          switch result {
          case .failure(let problem): respond.send(problem, of: nil)
          case .success(let deployed):
            publish(deployed, of: deployment.machine, by: request.context.principal.name)
            let tag = [("ETag", "\"\(deployment.machine.program.hash)\"")]
            respond.send(.json(answer, status: deployment.present == nil ? 201 : 200, headers: tag))
          }
        }
      } catch {
        respond.send(.storeUnavailable(error))
      }
    }
  }

  /// Traces redacted values through a program, and warns of those that it would show.
  private func follow(_ program: Program, _ middleware: AccessMiddleware) {
    let redaction = middleware.settings.redaction
    if redaction.isEmpty { return }
    redaction.follow(program)
    for text in redaction.warnings(deploying: program) { middleware.log.write(.warn, text) }
  }

  private func publish(_ deployed: DeployAnswer, of machine: Machine, by caller: String) {
    for name in deployed.flows {
      guard let flow = machine.flow(named: name) else { continue }
      let version = (definition: deployed.definition, number: machine.flowVersion(flow))
      live.publish(FlowChange(kind: .deployed, flow: name, caller: caller, at: clock(), version: version))
    }
  }

  /// `DELETE /v1/flows/{flow}`: no new instances start, running ones continue.
  func retireFlow(_ request: RouteRequest) throws(Problem) {
    let name = try flow(request).name
    let caller = request.context.principal.name
    engine.retire(name) { [self] result in
      switch result {
      case .failure(let problem): request.respond.send(problem, of: nil)
      case .success(let wasServed):
        if wasServed { live.publish(FlowChange(kind: .retired, flow: name, caller: caller, at: clock())) }
        request.respond.send(.json(["name": .string(name), "retired": true, "changed": .bool(wasServed)]))
      }
    }
  }
}
