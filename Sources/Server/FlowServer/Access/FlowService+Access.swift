import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime

// Access decisions that depend on the flows.
extension FlowService {
  /// The caller as flows see it. With keys, the key alone identifies it; without keys, `Flow-Caller` and `Flow-Roles`
  /// are trusted, because only this machine reaches the server.
  /// - Throws: 400 for an unknown role, 403 for a name that identifies an instance.
  func caller(_ context: RequestContext) throws(Problem) -> Caller {
    let known = catalogue.roles
    if context.middleware.hasKeys {
      let principal = context.principal
      // The caller of an event that an instance emits is `Flow/key`.
      if let slash = principal.name.firstIndex(of: "/"), catalogue[String(principal.name[..<slash])] != nil {
        throw .forbidden("`\(principal.name)` is the name of an instance")
      }
      return Caller(id: principal.name, roles: principal.roles.filter(known.contains))
    }
    let roles = (context.claimedRoles ?? "").split(separator: ",").map {
      String($0.drop { $0 == " " }.prefix { $0 != " " })
    }
    if let unknown = roles.first(where: { !known.contains($0) }) {
      let rest = known.isEmpty ? "no flow declares roles" : "there are \(known.joined(separator: ", "))"
      throw .badRequest("there is no role `\(unknown)`; \(rest)")
    }
    return Caller(id: context.claimedCaller ?? "", roles: roles)
  }

  /// Checks that a caller with a limit to some flows may know an event, and may see every flow that it reaches.
  /// - Throws: 403, and 404 for an event of other flows as for an unknown one.
  func checkReach(of command: EventCommand, _ context: RequestContext) throws(Problem) {
    guard context.principal.flows != nil else { return }
    if let flow = command.flow {
      try context.checkSees(flow)
      guard let entry = catalogue[flow], entry.machine.event(named: command.event) != nil else { return }
      let known = context.knownEvents(of: entry.machine, flow: entry.flow)
      guard known.contains(command.event) else { throw context.unknownEvent(command.event, of: flow) }
      return
    }
    let reached = catalogue.entries.filter { entry in
      entry.machine.event(named: command.event).map { entry.machine.handles(event: $0, flow: entry.flow) } ?? false
    }
    let seen = reached.filter { context.principal.sees($0.name) }
    guard !seen.isEmpty else { throw context.unknownEvent(command.event, of: nil) }
    guard seen.count == reached.count else {
      throw .forbidden("`\(context.principal.name)` may not see every flow that the event reaches")
    }
  }

  /// Traces redacted values through every program whose values may be shown.
  func follow(_ redaction: Redaction) {
    if redaction.isEmpty { return }
    for machine in catalogue.machines { redaction.follow(machine.program) }
    let counts = (try? reader.first.population(flow: nil)) ?? []
    for hash in Set(counts.map(\.definition)) {
      if let machine = try? programs.machine(hash) { redaction.follow(machine.program) }
    }
  }

  /// The flows that the caller may see, for messages.
  func knownFlows(_ context: RequestContext) -> [String] { catalogue.names.filter(context.principal.sees) }

  /// The checks of a route that need no body.
  /// - Throws: 401 and 404 for a webhook.
  func checkHead(_ request: HTTPRequest, _ context: RequestContext) throws(Problem) {
    guard context.match.template == Route.webhook else { return }
    _ = try WebhookHead(request, try webhook(context.match).webhook, now: clock())
  }
}
