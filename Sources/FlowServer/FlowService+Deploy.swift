import Dispatch
import FlowCompiler
import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime
import FlowSource

// Deploying: a source becomes what new instances run, and what that means for those that run is said before.
extension FlowService {
  /// `PUT /v1/flows/{flow}` with the source of a program that has a flow of that name.
  func deployFlow(_ exchange: Exchange) throws(Problem) {
    let name = exchange["flow"] ?? ""
    let request = exchange.request
    guard ["text/x-flow", "text/plain"].contains(request.mediaType) else {
      throw Problem(
        status: 415, code: "unsupported-media-type", title: "Unsupported media type",
        detail: "send the source as text/x-flow")
    }
    try checkConditions(request, catalogue[name])
    let isDryRun = try exchange.query.flag("dryRun")
    // Compiling takes as long as the text is; the loops have others to serve.
    deployments.async { [self] in
      do throws(Problem) {
        let deployment = try Deployment(request.body, flow: name, catalogue, obstacle)
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
        let answer = try deployment.json(queries, programs, isDryRun)
        if isDryRun { return respond.send(.json(answer)) }
        engine.deploy(deployment.machine) { result in
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
  func retireFlow(_ exchange: Exchange) throws(Problem) {
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

/// A program that is about to be served.
struct Deployment {
  let flow: String
  let machine: Machine
  /// What the flow is served as until then.
  let present: Catalogue.Entry?
  private let diagnostics: JSON

  /// - Parameter obstacle: Says what a program needs that can't be served here.
  /// - Throws: 422 with the diagnostics.
  init(
    _ source: [UInt8], flow: String, _ catalogue: Catalogue, _ obstacle: (FlowIR.Program) -> String?
  ) throws(Problem) {
    let file = flow + ".flow"
    let compilation = compile(file) { $0 == file ? source : nil }
    let found = renderJSON(compilation.diagnostics, sources: compilation.sources)["diagnostics"] ?? .array([])
    guard let program = compilation.program else {
      throw .doesNotCompile(compilation.diagnostics.first { $0.severity == .error }?.message ?? "", found)
    }
    guard program.flows.contains(where: { $0.name == flow }) else {
      throw .doesNotCompile("the source has no flow `\(flow)`", found)
    }
    if let reason = obstacle(program) { throw .doesNotCompile(reason, found) }
    do throws(ProgramError) {
      machine = try Machine(program)
    } catch {
      throw .doesNotCompile(error.message, found)
    }
    self.flow = flow
    present = catalogue[flow]
    diagnostics = found
  }

  /// What becomes of it, with what runs now.
  func json(_ queries: any Queries, _ programs: Programs, _ isDryRun: Bool) throws(StoreError) -> JSON {
    let index = machine.flow(named: flow) ?? 0
    let node = machine.program.flows[index]
    var live: [JSON] = []
    for group in try queries.population(flow: flow) where group.status == 0 || group.status == InstanceRow.suspended {
      let gone = group.states.filter { path in !node.states.contains { $0.path == path } }
      live.append([
        "definition": .string(group.definition), "state": .array(group.states.map { .string($0) }),
        "count": .int(Int64(group.count)), "isKept": .bool(gone.isEmpty),
      ])
    }
    return [
      "name": .string(flow), "version": .int(Int64(node.version)), "definition": .string(machine.program.hash),
      "flows": .array(machine.program.flows.map { .string($0.name) }), "dryRun": .bool(isDryRun),
      "isNew": .bool(present == nil), "isSame": .bool(present?.hash == machine.program.hash),
      "diagnostics": diagnostics, "changes": changes(node), "live": .array(live),
    ]
  }

  private func changes(_ node: Flow) -> JSON {
    guard let present else { return .null }
    let old = present.machine.program.flows[present.flow]
    let types = Dictionary(old.fields.map { ($0.name, $0.type) }) { first, _ in first }
    let changed = node.fields.filter { field in types[field.name].map { $0 != field.type } ?? false }.map(\.name)
    return [
      "states": difference(old.states.dropFirst().map(\.path), node.states.dropFirst().map(\.path)),
      "events": difference(present.machine.program.events.map(\.name), machine.program.events.map(\.name)),
      "data": difference(old.fields.map(\.name), node.fields.map(\.name)),
      "retyped": .array(changed.map { .string($0) }),
    ]
  }

  private func difference(_ old: [String], _ new: [String]) -> JSON {
    [
      "added": .array(new.filter { !old.contains($0) }.map { .string($0) }),
      "removed": .array(old.filter { !new.contains($0) }.map { .string($0) }),
    ]
  }
}

extension Problem {
  fileprivate static func doesNotCompile(_ reason: String, _ diagnostics: JSON) -> Problem {
    Problem(
      status: 422, code: "compile-failed", title: "It does not compile", detail: reason,
      members: [.init("diagnostics", diagnostics)])
  }
}

extension Machine {
  /// The number that a flow gives its version.
  func flowVersion(_ flow: Int) -> Int { program.flows[flow].version }
}
