public import FlowHTTP
import FlowIR
public import FlowMachine
public import FlowRuntime
import FlowSource

/// The API over HTTP and WebSocket: parses and serialises, and leaves the rest to the engine.
///
/// Its methods run on the server's loop threads and never wait: the engine answers later, reads go to a queue of
/// their own.
public final class FlowService: HTTPHandler {
  let engine: EngineThread
  let reader: Reader
  let machine: Machine
  let live: LiveHub

  /// - Parameter queries: A connection that only reads, for lists, views and what subscribers missed.
  public init(engine: EngineThread, queries: any Queries, machine: Machine, live: LiveHub) {
    self.engine = engine
    self.reader = Reader(queries)
    self.machine = machine
    self.live = live
  }

  // MARK: - HTTP

  public func handle(_ request: HTTPRequest, _ respond: ResponseHandle) {
    do throws(Problem) {
      try route(request, Route(request), respond)
    } catch {
      respond.send(error.response)
    }
  }

  private func route(_ request: HTTPRequest, _ route: Route, _ respond: ResponseHandle) throws(Problem) {
    switch route.segments.count {
    case 1: try health(route, respond)
    case 2... where route.segments[0] == "v1": try resource(request, route, respond)
    default: throw .notFound("there is nothing at \(request.path)")
    }
  }

  private func health(_ route: Route, _ respond: ResponseHandle) throws(Problem) {
    guard route.segments == ["livez"] || route.segments == ["readyz"] else {
      throw .notFound("there is nothing at /\(route.segments[0])")
    }
    try allow(["GET"], route)
    respond.send(FlowService.healthy)
  }

  private static let healthy = HTTPResponse(
    status: 200, headers: [("Content-Type", "text/plain; charset=utf-8")], body: Array("ok\n".utf8))

  private func resource(_ request: HTTPRequest, _ route: Route, _ respond: ResponseHandle) throws(Problem) {
    let path = Array(route.segments.dropFirst())
    switch path[0] {
    case "events" where path.count == 1:
      try allow(["POST"], route)
      try postEvent(request, flow: nil, key: nil, respond)
    case "live" where path.count == 1:
      try allow(["GET"], route)
      try openLive(request, respond)
    case "flows": try flows(request, route, Array(path.dropFirst()), respond)
    case "instances" where path.count == 1:
      try allow(["GET"], route)
      try listInstances(route, flow: nil, request.visit?.principal.flows, respond)
    case "jobs": try jobs(request, route, Array(path.dropFirst()), respond)
    default: throw .notFound("there is nothing at \(request.path)")
    }
  }

  /// `/v1/flows/{flow}/instances/{key}/…`
  private func flows(
    _ request: HTTPRequest, _ route: Route, _ path: [String], _ respond: ResponseHandle
  ) throws(Problem) {
    if path.isEmpty {
      try allow(["GET"], route)
      respond.send(json(flowsJSON(request.visit?.principal.flows)))
      return
    }
    guard machine.flow(named: path[0]) != nil else { throw unknownFlow(path[0]) }
    guard path.count > 1, path[1] == "instances" else { throw .notFound("there is nothing at \(request.path)") }
    switch (path.count, route.method) {
    case (2, "POST"): try postEvent(request, flow: path[0], key: nil, respond)
    case (2, _):
      try allow(["GET", "POST"], route)
      try listInstances(route, flow: path[0], nil, respond)
    case (3, _):
      try allow(["GET"], route)
      showInstance(flow: path[0], key: path[2], respond)
    case (4, _) where path[3] == "events":
      try allow(["POST"], route)
      try postEvent(request, flow: path[0], key: path[2], respond)
    case (4, _) where path[3] == "history":
      try allow(["GET"], route)
      try showHistory(route, flow: path[0], key: path[2], respond)
    default: throw .notFound("there is nothing at \(request.path)")
    }
  }

  // MARK: - Helpers

  func allow(_ methods: [String], _ route: Route) throws(Problem) {
    guard methods.contains(route.method) else { throw .methodNotAllowed(methods) }
  }

  func json(_ document: JSON, status: Int = 200, headers: [(String, String)] = []) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [("Content-Type", "application/json")] + headers, body: document.bytes() + [0x0A])
  }

  /// The body as JSON.
  ///
  /// The media type has to be said: a page of another site can't say it without asking first, and so can't send.
  /// - Throws: 415 for another media type, 400 for what is no JSON.
  func body(_ request: HTTPRequest) throws(Problem) -> JSON {
    let type = request.headers["Content-Type"] ?? ""
    let media = (type.split(separator: ";").first ?? "").lowercased()
    guard media == "application/json" || media == "application/cloudevents+json" else {
      throw Problem(
        status: 415, code: "unsupported-media-type", title: "Unsupported media type",
        detail: "send application/json" + (type.isEmpty ? ", and say so in Content-Type" : ", not \(type)"))
    }
    do throws(JSONError) {
      return try JSON(parsing: request.body)
    } catch {
      throw .invalidJSON(error)
    }
  }

  func unknownFlow(_ name: String) -> Problem {
    let names = machine.program.flows.map(\.name)
    let guess = Suggestion.closest(to: name, among: names).first.map { ", did you mean `\($0)`?" }
    return .notFound("there is no flow `\(name)`" + (guess ?? "; there are \(names.joined(separator: ", "))"))
  }

  private func flowsJSON(_ visible: Set<String>?) -> JSON {
    .object([
      .init(
        "items",
        .array(
          machine.program.flows.filter { visible?.contains($0.name) ?? true }.map { flow in
            [
              "name": .string(flow.name), "version": .int(Int64(flow.version)),
              "states": .array(flow.states.dropFirst().map { .string($0.path) }),
              "startsOn": .array(flow.starts.compactMap(\.event).map { .string(machine.program.events[$0].name) }),
            ]
          }))
    ])
  }
}
