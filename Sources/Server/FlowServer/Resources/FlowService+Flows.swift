import FlowDiagram
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime

// The served flows, and their diagrams.
extension FlowService {
  func listFlows(_ request: RouteRequest) throws(Problem) {
    let principal = request.context.principal
    let entries = catalogue.entries.filter { principal.sees($0.name) }
    request.respond.send(.json(["items": .array(entries.map { FlowView(entry: $0).summary })]))
  }

  func showFlow(_ request: RouteRequest) throws(Problem) {
    let entry = try flow(request)
    answer(request) { queries throws(StoreError) in
      .json(FlowView(entry: entry, schedules: try queries.schedules()).json)
    }
  }

  func showEventSchema(_ request: RouteRequest) throws(Problem) {
    let entry = try flow(request)
    let machine = entry.machine
    let name = request["event"] ?? ""
    let known = request.context.knownEvents(of: machine, flow: entry.flow)
    guard known.contains(name), let event = machine.event(named: name) else {
      throw EngineProblem.unknownEvent(name, among: known).problem
    }
    request.respond.send(
      HTTPResponse(
        status: 200, headers: [("Content-Type", "application/schema+json")],
        body: machine.payloadSchema(of: event).bytes() + [0x0A]))
  }

  func showGraph(_ request: RouteRequest) throws(Problem) { try showGraph(try flow(request), request) }

  /// A diagram in the media type that the client prefers.
  func showGraph(_ entry: Catalogue.Entry, _ request: RouteRequest, active: [String] = []) throws(Problem) {
    let program = entry.machine.program
    let known = ["application/json", "image/svg+xml", "text/vnd.mermaid", "text/vnd.graphviz", "text/plain"]
    let respond = request.respond
    switch request.preferred(of: known) {
    case "application/json": respond.send(.json(FlowView(entry: entry).json))
    case "text/plain": respond.send(.text(textDiagram(program, flow: entry.flow, active: active)))
    case "text/vnd.mermaid":
      respond.send(.text(mermaid(program, flow: entry.flow, active: active), as: "text/vnd.mermaid"))
    case "text/vnd.graphviz":
      respond.send(.text(dot(program, flow: entry.flow, active: active), as: "text/vnd.graphviz"))
    case "image/svg+xml": draw(entry, active: active, respond)
    default: throw .notAcceptable(known)
    }
  }

  private func draw(_ entry: Catalogue.Entry, active: [String], _ respond: Responder) {
    pictures.draw(entry, active: active) { picture in
      guard let picture else {
        let problem = Problem(
          .notAvailable, "SVG needs the program `dot` of Graphviz, which could not be run; text/vnd.mermaid needs none")
        return respond.send(problem)
      }
      respond.send(
        HTTPResponse(
          status: 200,
          headers: [
            ("Content-Type", "image/svg+xml"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
          ], body: picture))
    }
  }
}
