import FlowHTTP
import FlowIR
import FlowMachine
import FlowRuntime

// Who asks, and what he may know of: the questions that only a service can answer, because it knows the flows.
extension FlowService {
  /// Who calls. Without keys `Flow-Caller` and `Flow-Roles` are believed, because only this machine reaches the server;
  /// with keys nobody but the key says who it is.
  func caller(_ request: HTTPRequest) throws(Problem) -> Caller {
    let known = catalogue.machines.flatMap(\.program.roles)
    if let visit = request.visit, visit.gate.hasKeys {
      let principal = visit.principal
      return Caller(id: principal.name, roles: principal.roles.filter(known.contains))
    }
    let roles = (request.headers["Flow-Roles"] ?? "").split(separator: ",").map {
      String($0.drop { $0 == " " }.prefix { $0 != " " })
    }
    if let unknown = roles.first(where: { !known.contains($0) }) {
      throw .badRequest("there is no role `\(unknown)`; there are \(known.joined(separator: ", "))")
    }
    return Caller(id: request.headers["Flow-Caller"] ?? "", roles: roles)
  }

  /// An event without an address may reach several flows; the caller has to know of all of them.
  func checkReach(of command: EventCommand, _ request: HTTPRequest) throws(Problem) {
    guard let visit = request.visit, visit.principal.flows != nil else { return }
    if let flow = command.flow { return try visit.checkSees(flow) }
    for entry in catalogue.entries {
      guard let event = entry.machine.event(named: command.event),
        entry.machine.handles(event: event, flow: entry.flow)
      else { continue }
      try visit.checkSees(entry.name)
    }
  }

  /// A queue may hold the work of several flows; the worker has to know of all of them.
  func checkQueue(_ queue: String, _ request: HTTPRequest) throws(Problem) {
    guard let visit = request.visit, visit.principal.flows != nil else { return }
    for machine in catalogue.machines {
      let actions = machine.program.actions.indices.filter { index in
        if case .worker(queue) = machine.program.actions[index].binding { true } else { false }
      }
      for flow in machine.program.flows where flow.calls.contains(where: { $0.action.map(actions.contains) ?? false }) {
        try visit.checkSees(flow.name)
      }
    }
  }
}
