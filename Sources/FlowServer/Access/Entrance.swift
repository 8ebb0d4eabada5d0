/// What a request is after, as far as its method and path tell: what it needs, whose it is, how it is counted.
///
/// It knows shapes of paths, not resources: whatever is added later needs the strongest scope until it is named here.
struct Entrance: Sendable {
  let scope: Scope
  /// The path with `{name}` for what varies.
  let template: String
  /// The flow that the path names.
  let flow: String?
  /// Whether the resource itself leaves out what the caller may not see.
  let isFiltered: Bool
  /// Whether it is the live stream, which alone may be opened by somebody who says only then who he is.
  let isLive: Bool

  private static let open: Set<String> = ["/livez", "/readyz", "/version"]
  private static let filtered: Set<String> = [
    "/v1/events", "/v1/instances", "/v1/flows", "/v1/live", "/v1/jobs/claim", "/v1/jobs/{id}/complete",
    "/v1/jobs/{id}/fail", "/v1/jobs/{id}/heartbeat",
  ]
  private static let sending: Set<String> = [
    "/v1/events", "/v1/flows/{flow}/instances", "/v1/flows/{flow}/instances/{key}/events",
  ]
  private static let words: Set<String> = [
    "v1", "events", "instances", "flows", "jobs", "live", "history", "claim", "complete", "fail", "heartbeat",
    "metrics", "transitions", "source", "graph", "schema", "versions", "stats", "batches", "simulate", "actions",
    "deadletters", "cancel", "terminate", "suspend", "resume", "retry", "migrate", "reset", "fork", "livez", "readyz",
    "version", "ui", "problems",
  ]

  init(_ method: String, _ path: String) {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    var template = ""
    var previous = ""
    var flow: String?
    for segment in segments {
      let text = String(segment)
      switch previous {
      case "flows":
        flow = Entrance.decoded(text)
        template += "/{flow}"
      case "instances": template += "/{key}"
      case "jobs" where Int64(text) != nil: template += "/{id}"
      default: template += "/" + (Entrance.words.contains(text) ? text : "{other}")
      }
      // What varies can't say what follows it.
      previous = ["flows", "instances", "jobs"].contains(previous) ? "" : text
    }
    self.template = template
    self.flow = flow
    scope = Entrance.scope(method == "HEAD" ? "GET" : method, template)
    isFiltered = Entrance.filtered.contains(template)
    isLive = template == "/v1/live"
  }

  private static func scope(_ method: String, _ template: String) -> Scope {
    if open.contains(template) { return .open }
    if method == "GET" { return .read }
    if template.hasPrefix("/v1/jobs") { return .work }
    if method == "POST", sending.contains(template) { return .send }
    let isDefinition = template.hasPrefix("/v1/flows/{flow}") && !template.contains("/instances")
    return isDefinition ? .deploy : .operate
  }

  /// Percent-decoded; what can't be decoded is no flow that anybody may see.
  private static func decoded(_ text: String) -> String { (try? Route.decode(text[...], isQuery: false)) ?? "" }
}
