import FlowJSON

// Instances and flows, as they are read.
extension Route {
  static let instances = [
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}", .read,
      "An instance: state, data, timers, pending calls, allowed events, and why it is where it is",
      FlowService.showInstance
    )
    .asking(.header("If-None-Match", "the `ETag` of the copy that the client has"))
    .giving(200, "The instance", Schemas.reference("Instance")).giving(304, "It has not changed").refusing("gone")
    .naming(),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/history", .read, "What happened to an instance",
      FlowService.showHistory
    )
    .asking(
      .query("after", "the last entry seen, as an offset", ["type": "integer", "minimum": 0]), .limit,
      .query("event", "only what this event did"),
      .query("type", "only entries of this type, as `step`"),
      .query("filter", "only what this condition in CEL holds for", .condition),
      .header("Last-Event-ID", "for a stream: the last entry seen")
    )
    .giving(200, "A page, all of it as lines, or a stream that goes on", Schemas.history)
    .giving(200, "", Schemas.string, as: "application/x-ndjson")
    .giving(200, "", Schemas.string, as: "text/event-stream").refusing("gone", "invalid-query"),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/transitions", .read,
      "What an instance would do with events, and why", FlowService.showTransitions
    )
    .asking(.query("event", "only this event", oneOf: .events), .json("data", "its data, as JSON"))
    .giving(200, "An item for each event", Schemas.reference("Transitions"))
    .refusing("gone", "unknown-event", "validation-failed", "invalid-json"),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/graph", .read,
      "A picture of an instance's flow with the states that it is in, in the form that Accept names",
      FlowService.showInstanceGraph
    )
    .picturing().refusing("gone"),
    Route("GET", "/v1/flows/{flow}/instances", .read, "The instances of a flow", FlowService.listInstances)
      .listing(),
    Route("GET", "/v1/instances", .read, "The instances of all flows", FlowService.listInstances)
      .asking(.query("flow", "only of this flow", oneOf: .flows)).listing().refusing("not-found"),
  ]

  static let flows = [
    Route("GET", "/v1/flows", .read, "The flows that are served", FlowService.listFlows)
      .giving(200, "All of them", Schemas.object(["items": Schemas.list(Schemas.reference("FlowSummary"))])),
    Route("GET", "/v1/flows/{flow}", .read, "A flow: its states, events, data and transitions", FlowService.showFlow)
      .giving(200, "The flow", Schemas.reference("Flow")),
    Route(
      "GET", "/v1/flows/{flow}/events/{event}/schema", .read, "The data of an event as JSON Schema",
      FlowService.showEventSchema
    )
    .giving(200, "The schema", Schemas.any, as: "application/schema+json").refusing("unknown-event"),
    Route(
      "GET", "/v1/flows/{flow}/graph", .read, "A picture of a flow, in the form that Accept names",
      FlowService.showGraph
    )
    .picturing(),
    Route("GET", "/v1/flows/{flow}/source", .read, "The text that a flow is served from", FlowService.showVersionSource)
      .quoting(),
    Route(
      "GET", "/v1/flows/{flow}/versions", .read, "What a flow is and was served from, the newest first",
      FlowService.listVersions
    )
    .giving(200, "All of them", Schemas.object(["items": Schemas.list(Schemas.reference("Version"))]))
    .leading("show", "GET", "/v1/flows/{flow}/versions/{version}", ("version", "/items/0/definition"))
    .leading("source", "GET", "/v1/flows/{flow}/versions/{version}/source", ("version", "/items/0/definition"))
    .leading("graph", "GET", "/v1/flows/{flow}/versions/{version}/graph", ("version", "/items/0/definition")),
    Route(
      "GET", "/v1/flows/{flow}/versions/{version}", .read,
      "A flow as it is or was in a version, by its definition or its number", FlowService.showVersion
    )
    .giving(200, "The flow", Schemas.reference("Flow")),
    Route(
      "GET", "/v1/flows/{flow}/versions/{version}/source", .read, "The text of a version",
      FlowService.showVersionSource
    )
    .quoting(),
    Route(
      "GET", "/v1/flows/{flow}/versions/{version}/graph", .read,
      "A picture of a version, in the form that Accept names", FlowService.showVersionGraph
    )
    .picturing(),
  ]

  static let documents = [
    Route("GET", "/openapi.json", .read, "This API, as OpenAPI 3.1", FlowService.showOpenAPI)
      .giving(200, "The document", Schemas.anyObject),
    Route("GET", "/asyncapi.json", .read, "The live stream and the events, as AsyncAPI 3.0", FlowService.showAsyncAPI)
      .giving(200, "The document", Schemas.anyObject),
    Route("GET", "/docs", .read, "This API, to read", FlowService.showDocumentation)
      .giving(200, "The page", Schemas.string, as: "text/html"),
    Route("GET", "/problems", .open, "The codes of problems", FlowService.listProblems)
      .giving(200, "All of them", Schemas.object(["items": Schemas.list(Schemas.reference("ProblemKind"))])),
    Route("GET", "/problems/{code}", .open, "What a problem means", FlowService.showProblem)
      .giving(200, "The text", Schemas.string, as: "text/html")
      .giving(200, "", Schemas.reference("ProblemKind")).refusing("not-found"),
  ]

  /// What all pictures have in common.
  private func picturing() -> Route {
    giving(200, "The picture", Schemas.anyObject)
      .giving(200, "", Schemas.string, as: "text/plain").giving(200, "", Schemas.string, as: "text/vnd.mermaid")
      .giving(200, "", Schemas.string, as: "text/vnd.graphviz").giving(200, "", Schemas.string, as: "image/svg+xml")
      .refusing("not-acceptable", "not-available")
  }

  /// What all sources have in common.
  private func quoting() -> Route {
    giving(200, "The text, or all files", Schemas.string, as: "text/x-flow")
      .giving(200, "", Schemas.string, as: "text/plain").giving(200, "", Schemas.reference("Source"))
      .refusing("not-acceptable")
  }

  /// What all lists of instances have in common.
  private func listing() -> Route {
    asking(
      .query("status", "only with this status", Schemas.status),
      .query("state", "only in this state, or in one inside of it"), .query("key", "what the key begins with"),
      .query("version", "only of this version of the flow", ["type": "integer", "minimum": 0]),
      .query("startedAfter", "a time", Schemas.time), .query("startedBefore", "a time", Schemas.time),
      .query("updatedAfter", "a time", Schemas.time), .query("updatedBefore", "a time", Schemas.time),
      .query(
        "q", "a condition in CEL over `data`, `key`, `status`, `state`, `revision`, `startedAt`, `updatedAt`",
        .condition),
      .query("order", "by age", ["type": "string", "enum": ["oldest", "newest"]]), .limit,
      .query("cursor", "`page.next` of the page before", .cursor)
    )
    .giving(200, "A page", Schemas.page("InstanceSummary")).refusing("invalid-query", "cursor-mismatch")
    .naming("/items/0")
  }
}

extension RouteDocument.Parameter {
  static let limit = query(
    "limit", "how many at most", ["type": "integer", "minimum": 1, "maximum": 500, "default": 50])
}
