import FlowJSON

// Reading instances and flows.
extension Route {
  static let instances = [
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}", .read,
      summary: "An instance: state, data, timers, pending calls, allowed events, and a summary of what it waits for",
      handler: FlowService.showInstance
    )
    .asking(.header("If-None-Match", "the `ETag` of the copy that the client has"))
    .limiting(instances: .readable, fields: .masked)
    .giving(200, "The instance", Schemas.reference("Instance")).giving(304, "The instance has not changed").refusing(
      "gone"
    )
    .naming(),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/history", .read, summary: "The history of an instance",
      handler: FlowService.showHistory
    )
    .limiting(instances: .readable, fields: .masked)
    .asking(
      .query("after", "the last entry seen, as an offset", ["type": "integer", "minimum": 0]), .limit,
      .query("event", "only entries of this event"),
      .query("type", "only entries of this type, such as `step`"),
      .query("filter", "only entries for which this CEL condition holds", .condition),
      .header("Last-Event-ID", "for a stream: the last entry seen")
    )
    .giving(200, "A page, all entries as lines, or a stream", Schemas.history)
    .giving(200, "", Schemas.string, as: "application/x-ndjson")
    .giving(200, "", Schemas.string, as: "text/event-stream").refusing("gone", "invalid-query"),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/transitions", .read,
      summary: "The effect that events would have on an instance, and why", handler: FlowService.showTransitions
    )
    .limiting(instances: .readable, fields: .masked)
    .asking(.query("event", "only this event", oneOf: .events), .json("data", "the data of the event, as JSON"))
    .giving(200, "An item for each event", Schemas.reference("Transitions"))
    .refusing("gone", "unknown-event", "validation-failed", "invalid-json"),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/graph", .read,
      summary: "A diagram of an instance's flow with its active states, in the media type that Accept names",
      handler: FlowService.showInstanceGraph
    )
    .limiting(instances: .readable).picturing().refusing("gone"),
    Route(
      "GET", "/v1/flows/{flow}/instances", .read, summary: "The instances of a flow", handler: FlowService.listInstances
    )
    .limiting(instances: .filtered, fields: .masked).listing(),
    Route("GET", "/v1/instances", .read, summary: "The instances of all flows", handler: FlowService.listInstances)
      .limiting(.filtered, instances: .filtered, fields: .masked)
      .asking(.query("flow", "only of this flow", oneOf: .flows)).listing().refusing("not-found"),
  ]

  static let flows = [
    Route("GET", "/v1/flows", .read, summary: "The flows that are served", handler: FlowService.listFlows)
      .limiting(.filtered)
      .giving(200, "All of them", Schemas.object(["items": Schemas.list(Schemas.reference("FlowSummary"))])),
    Route(
      "GET", "/v1/flows/{flow}", .read, summary: "A flow: its states, events, data and transitions",
      handler: FlowService.showFlow
    )
    .giving(200, "The flow", Schemas.reference("Flow")),
    Route(
      "GET", "/v1/flows/{flow}/events/{event}/schema", .read, summary: "The data of an event as JSON Schema",
      handler: FlowService.showEventSchema
    )
    .giving(200, "The schema", Schemas.any, as: "application/schema+json").refusing("unknown-event"),
    Route(
      "GET", "/v1/flows/{flow}/graph", .read, summary: "A diagram of a flow, in the media type that Accept names",
      handler: FlowService.showGraph
    )
    .picturing(),
    Route(
      "GET", "/v1/flows/{flow}/source", .read, summary: "The source of a flow", handler: FlowService.showVersionSource
    )
    .quoting(),
    Route(
      "GET", "/v1/flows/{flow}/hover", .read, summary: "The description of a place in the source of a flow",
      handler: FlowService.showHover
    )
    .asking(
      .query("line", "from 1", ["type": "integer", "minimum": 1]),
      .query("column", "from 1, in Unicode scalars", ["type": "integer", "minimum": 1]),
      .query("file", "the name of the file; that of the flow by default")
    )
    .giving(
      200, "The description and its range; null when there is nothing to say",
      Schemas.object([
        "hover": Schemas.nullable(Schemas.object(["markdown": Schemas.string, "from": .place, "to": .place]))
      ])
    ),
    Route(
      "GET", "/v1/flows/{flow}/completions", .read,
      summary: "The completions at the end of a condition over the instances of a flow",
      handler: FlowService.listCompletions
    )
    .asking(.query("q", "the beginning of a condition, as in the filter `q` of lists"))
    .giving(
      200, "The names that may replace the text from the character `from` on, at most 100",
      Schemas.object([
        "from": Schemas.integer,
        "items": Schemas.list(
          Schemas.object(["label": Schemas.string, "kind": Schemas.string, "detail": Schemas.string])),
      ])),
    Route(
      "GET", "/v1/flows/{flow}/versions", .read, summary: "The versions of a flow, newest first",
      handler: FlowService.listVersions
    )
    .giving(200, "All of them", Schemas.object(["items": Schemas.list(Schemas.reference("Version"))]))
    .leading("show", to: ("GET", "/v1/flows/{flow}/versions/{version}"), ("version", "/items/0/definition"))
    .leading("source", to: ("GET", "/v1/flows/{flow}/versions/{version}/source"), ("version", "/items/0/definition"))
    .leading("graph", to: ("GET", "/v1/flows/{flow}/versions/{version}/graph"), ("version", "/items/0/definition")),
    Route(
      "GET", "/v1/flows/{flow}/versions/{version}", .read,
      summary: "A version of a flow, by its definition or its number", handler: FlowService.showVersion
    )
    .giving(200, "The flow", Schemas.reference("Flow")),
    Route(
      "GET", "/v1/flows/{flow}/versions/{version}/source", .read, summary: "The source of a version",
      handler: FlowService.showVersionSource
    )
    .quoting(),
    Route(
      "GET", "/v1/flows/{flow}/versions/{version}/graph", .read,
      summary: "A diagram of a version, in the media type that Accept names", handler: FlowService.showVersionGraph
    )
    .picturing(),
  ]

  static let documents = [
    Route("GET", "/openapi.json", .read, summary: "This API, as OpenAPI 3.1", handler: FlowService.showOpenAPI)
      .giving(200, "The document", Schemas.anyObject),
    Route(
      "GET", "/asyncapi.json", .read, summary: "The live stream and the events, as AsyncAPI 3.0",
      handler: FlowService.showAsyncAPI
    )
    .giving(200, "The document", Schemas.anyObject),
    Route("GET", "/docs", .read, summary: "This API, as a page", handler: FlowService.showDocumentation)
      .giving(200, "The page", Schemas.string, as: "text/html"),
    Route("GET", "/problems", .open, summary: "The codes of problems", handler: FlowService.listProblems)
      .giving(200, "All of them", Schemas.object(["items": Schemas.list(Schemas.reference("ProblemKind"))])),
    Route("GET", "/problems/{code}", .open, summary: "The meaning of a problem", handler: FlowService.showProblem)
      .giving(200, "The text", Schemas.string, as: "text/html")
      .giving(200, "", Schemas.reference("ProblemKind")).refusing("not-found"),
  ]

  /// The common part of diagrams.
  private func picturing() -> Route {
    giving(200, "The diagram", Schemas.anyObject)
      .giving(200, "", Schemas.string, as: "text/plain").giving(200, "", Schemas.string, as: "text/vnd.mermaid")
      .giving(200, "", Schemas.string, as: "text/vnd.graphviz").giving(200, "", Schemas.string, as: "image/svg+xml")
      .refusing("not-acceptable", "not-available")
  }

  /// The common part of sources.
  private func quoting() -> Route {
    giving(200, "The file, or all files", Schemas.string, as: "text/x-flow")
      .giving(200, "", Schemas.string, as: "text/plain").giving(200, "", Schemas.reference("Source"))
      .refusing("not-acceptable")
  }

  /// The common part of lists of instances.
  private func listing() -> Route {
    asking(
      .query("status", "only with this status", Schemas.status),
      .query("state", "only in this state, or in one inside it"), .query("key", "only keys with this prefix"),
      .query("version", "only of this version of the flow", ["type": "integer", "minimum": 0]),
      .query("incident", "`true`: only instances that could not take a timer or a result", Schemas.flag),
      .query("startedAfter", "an instant", Schemas.time), .query("startedBefore", "an instant", Schemas.time),
      .query("updatedAfter", "an instant", Schemas.time), .query("updatedBefore", "an instant", Schemas.time),
      .query(
        "q", "a CEL condition over `data`, `key`, `status`, `state`, `revision`, `startedAt`, `updatedAt`",
        .condition),
      .query("order", "by age", ["type": "string", "enum": ["oldest", "newest"]]),
      .query("include", "`data`: each instance with its data", ["type": "string", "enum": ["data"]]),
      .query("count", "`true`: the page includes the number of matches", Schemas.flag), .limit,
      .query("cursor", "the `page.next` of the previous page", .cursor)
    )
    .giving(200, "A page", Schemas.page("InstanceSummary")).refusing("invalid-query", "cursor-mismatch")
    .naming("/items/0")
  }
}

extension RouteDocument.Parameter {
  static let limit = query(
    "limit", "the highest number of items", ["type": "integer", "minimum": 1, "maximum": 500, "default": 50])
}

extension JSON {
  /// A position in a source, counted from 1.
  fileprivate static let place = Schemas.object(["line": Schemas.integer, "column": Schemas.integer])
}
