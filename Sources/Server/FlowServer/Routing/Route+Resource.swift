/// The subjects by which the API is documented, in their order.
enum Resource: String, CaseIterable, Sendable {
  case events = "Events"
  case instances = "Instances"
  case flows = "Flows"
  case schedules = "Schedules"
  case jobs = "Jobs"
  case liveStream = "Live stream"
  case access = "Access"
  case server = "Server"

  /// The name in addresses.
  var identifier: String { rawValue.lowercased().replacing(" ", with: "-") }
}

extension Route {
  /// The subject of the route, from its path.
  var resource: Resource {
    let parts = Route.segments(of: template[...])
    guard parts.first == "v1", parts.count > 1 else { return .server }
    switch parts[1] {
    case "events", "hooks": return .events
    case "instances", "batches": return .instances
    case "schedules": return .schedules
    case "jobs", "dead-letters": return .jobs
    case "live": return .liveStream
    case "me", "session", "keys", "audit": return .access
    case "flows":
      if parts.contains("schedules") { return .schedules }
      guard parts.contains("instances") else { return .flows }
      return parts.last == "events" || method == "POST" && parts.last == "instances" ? .events : .instances
    default: return .server
    }
  }
}
