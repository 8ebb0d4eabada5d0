import FlowDiagram
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

// The flows that are served: what they are made of, and pictures of them.
extension FlowService {
  func listFlows(_ exchange: RouteRequest) throws(Problem) {
    let visit = exchange.request.visit
    let entries = catalogue.entries.filter { visit?.principal.sees($0.name) ?? true }
    exchange.respond.send(.json(["items": .array(entries.map { FlowView(entry: $0).summary })]))
  }

  func showFlow(_ exchange: RouteRequest) throws(Problem) {
    exchange.respond.send(.json(FlowView(entry: try flow(exchange)).json))
  }

  func showEventSchema(_ exchange: RouteRequest) throws(Problem) {
    let machine = try flow(exchange).machine
    let name = exchange["event"] ?? ""
    guard let event = machine.event(named: name) else {
      let known = machine.program.events.map(\.name)
      throw EngineProblem.unknownEvent(
        name, nearest: Suggestion.closest(to: name, among: known, limit: 3), known: known
      ).problem
    }
    exchange.respond.send(
      HTTPResponse(
        status: 200, headers: [("Content-Type", "application/schema+json")],
        body: machine.payloadSchema(of: event).bytes() + [0x0A]))
  }

  func showGraph(_ exchange: RouteRequest) throws(Problem) { try showGraph(try flow(exchange), exchange) }

  /// A picture in the form that the client likes best.
  func showGraph(_ entry: Catalogue.Entry, _ exchange: RouteRequest, active: [String] = []) throws(Problem) {
    let program = entry.machine.program
    let known = ["application/json", "image/svg+xml", "text/vnd.mermaid", "text/vnd.graphviz", "text/plain"]
    let respond = exchange.respond
    switch exchange.preferred(of: known) {
    case "application/json": respond.send(.json(FlowView(entry: entry).json))
    case "text/plain": respond.send(.text(textDiagram(program, flow: entry.flow, active: active)))
    case "text/vnd.mermaid":
      respond.send(.text(mermaid(program, flow: entry.flow, active: active), as: "text/vnd.mermaid"))
    case "text/vnd.graphviz":
      respond.send(.text(dot(program, flow: entry.flow, active: active), as: "text/vnd.graphviz"))
    case "image/svg+xml": draw(entry, active, respond)
    default: throw .notAcceptable(known)
    }
  }

  private func draw(_ entry: Catalogue.Entry, _ active: [String], _ respond: Responder) {
    pictures.draw(entry, active) { picture in
      guard let picture else {
        let problem = Problem(
          status: 501, code: "not-available", title: "Not available here",
          detail: "`dot` of Graphviz is needed for this picture, and could not be run; text/vnd.mermaid needs nothing")
        return respond.send(problem.response)
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

extension HTTPResponse {
  static func text(_ text: String, as type: String = "text/plain") -> HTTPResponse {
    HTTPResponse(status: 200, headers: [("Content-Type", "\(type); charset=utf-8")], body: Array(text.utf8))
  }
}
