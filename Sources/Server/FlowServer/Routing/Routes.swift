import FlowJSON

// Every operation of the API, in the order of its documentation. Only the operations in this table are served.
extension Route {
  static let all =
    events + instances + flows.map { $0.answeredByEachNode() } + operations + deployment + jobs
    + liveStream.map { $0.answeredByEachNode() }
    + caller.map { $0.answeredByEachNode() } + documents.map { $0.answeredByEachNode() } + health + dashboard

  /// The template of webhooks.
  static let webhook = "/v1/hooks/{flow}/{event}"

  private static let events = [
    Route(
      "POST", "/v1/events", .send, summary: "Sends an event to the instance that its key field names, or starts one",
      handler: FlowService.postEvent
    )
    .limiting(.filtered, instances: .acknowledged, fields: .masked)
    .eventual("RoutedEvent").sending(Schemas.list(Schemas.any), as: IncomingEvent.batch)
    .giving(200, "The result, or the result of each event of a batch", Schemas.reference("BatchAnswer"))
    .refusing("not-found"),
    Route(
      "POST", "/v1/flows/{flow}/instances", .send,
      summary: "Starts an instance with an event; a running one accepts it as an ordinary event",
      handler: FlowService.postStart
    )
    .limiting(instances: .acknowledged, fields: .masked).eventual("RoutedEvent"),
    Route(
      "POST", "/v1/flows/{flow}/instances/{key}/events", .send, summary: "Sends an event to an instance",
      handler: FlowService.postEventToInstance
    )
    .limiting(instances: .acknowledged, fields: .masked).eventual("Event"),
    // Open, because the signature authenticates the sender.
    Route(
      "POST", webhook, .open, summary: "Receives a signed event of another system",
      handler: FlowService.receiveWebhook
    )
    .limiting(Flows.none, instances: .acknowledged, fields: .masked)
    .asking(
      .header("webhook-id", "the name of the delivery; repeating it returns the first response again"),
      .header("webhook-timestamp", "when it was sent, in seconds since 1970; accepted within five minutes")
    )
    .sending(Schemas.anyObject)
    .giving(200, "The delivery is verified: its result, or `refused` with the code", Schemas.any)
    .giving(201, "The delivery has started an instance", Schemas.reference("EventAnswer"))
    .refusing("webhook-unverified", "store-unavailable", "draining"),
  ]

  private typealias Flows = RouteAccess.Flows

  private static let jobs = [
    Route(
      "POST", "/v1/jobs/claim", .work, summary: "Leases jobs of a queue to a worker", handler: FlowService.claimJobs
    )
    .limiting(.filtered, fields: .plain)
    .sending(
      Schemas.object([
        "queue": Schemas.string, "limit?": ["type": "integer", "minimum": 1, "maximum": 1000],
        "lease?": .duration, "worker?": Schemas.string, "wait?": .duration,
      ])
    )
    .giving(200, "The jobs; none when none is due", Schemas.object(["items": Schemas.list(Schemas.reference("Job"))]))
    .leading("complete", to: ("POST", "/v1/jobs/{id}/complete"), ("id", "/items/0/id"))
    .leading("heartbeat", to: ("POST", "/v1/jobs/{id}/heartbeat"), ("id", "/items/0/id"))
    .leading("fail", to: ("POST", "/v1/jobs/{id}/fail"), ("id", "/items/0/id")),
    Route(
      "POST", "/v1/jobs/{id}/complete", .work, summary: "Completes a claimed job", handler: FlowService.completeJob
    )
    .limiting(.filtered, fields: .plain)
    .sending(Schemas.object(["fence": .fence, "result?": Schemas.any]))
    .giving(200, "The job is completed", Schemas.object(["accepted": Schemas.boolean]))
    .refusing("not-found", "lease-lost"),
    Route("POST", "/v1/jobs/{id}/fail", .work, summary: "Fails a claimed job", handler: FlowService.failJob)
      .limiting(.filtered, fields: .plain)
      .sending(Schemas.object(["fence": .fence, "code": Schemas.string, "message?": Schemas.string]))
      .giving(200, "The job has failed", Schemas.object(["accepted": Schemas.boolean]))
      .refusing("not-found", "lease-lost"),
    Route(
      "POST", "/v1/jobs/{id}/heartbeat", .work, summary: "Extends the lease of a claimed job",
      handler: FlowService.keepJob
    )
    .limiting(.filtered, fields: .plain)
    .sending(Schemas.object(["fence": .fence, "lease?": .duration]))
    .giving(200, "The new end of the lease", Schemas.object(["leaseEnds": Schemas.time]))
    .refusing("not-found", "lease-lost"),
  ]

  private static let liveStream = [
    Route(
      "GET", live, .read, summary: "The live stream: a WebSocket, or server-sent events", handler: FlowService.openLive
    )
    .limiting(.filtered, instances: .filtered, fields: .masked)
    .asking(
      .query("since", "the last entry seen, as an offset or a position; the present by default"),
      .query("flow", "only of this flow"), .query("key", "only of instances with this key"),
      .query("event", "only entries of this event"), .query("type", "only entries of this type, such as `step`"),
      .query(
        "filter", "only entries for which this CEL condition holds; `instance` is the data of the instance",
        .condition),
      .header("Last-Event-ID", "the same as `since`, as browsers send it")
    )
    .giving(101, "The WebSocket starts").giving(200, "The stream", Schemas.string, as: "text/event-stream")
    .refusing("upgrade-required", "invalid-query", "origin-not-allowed")
  ]

  private static let health = [
    Route("GET", "/livez", .open, summary: "Liveness of the process", handler: FlowService.showLiveness)
      .giving(200, "The process is alive", Schemas.string, as: "text/plain"),
    Route("GET", "/readyz", .open, summary: "Readiness for requests", handler: FlowService.showReadiness)
      .giving(200, "The server is ready", Schemas.string, as: "text/plain").giving(200, "", Schemas.anyObject)
      .refusing("draining", "store-unavailable"),
    Route("GET", "/version", .open, summary: "The version of the server", handler: FlowService.showServerVersion)
      .giving(200, "The version", Schemas.object(["version": Schemas.string, "api": Schemas.string])),
    Route("GET", "/metrics", .read, summary: "Metrics for Prometheus", handler: FlowService.showMetrics)
      .giving(200, "The metrics", Schemas.string, as: "text/plain")
      .giving(200, "", Schemas.string, as: "application/openmetrics-text"),
  ]

  /// The common part of routes that accept an event.
  private func eventual(_ event: String) -> Route {
    asking(
      .dryRun,
      .header(
        "Idempotency-Key", "repeating the key returns the first response again",
        ["type": "string", "minLength": 1, "maxLength": 255]),
      .header("If-Match", "the revision that the instance must have, as `\"3\"`", .revision),
      .header(
        "Prefer",
        "`wait=10`: respond when the instance is quiescent, or after that many seconds; `wait=10, state=accepted`: "
          + "when it has reached this state, or has ended", ["type": "string", "examples": ["wait=1"]])
    )
    .sending(Schemas.reference(event))
    .sending(Schemas.reference("CloudEvent"), as: IncomingEvent.structured)
    .giving(200, "The result", Schemas.reference("EventAnswer"))
    .giving(201, "The event has started an instance", Schemas.reference("EventAnswer"))
    .giving(202, "The event is accepted, and the instance is not quiescent yet", Schemas.reference("EventAnswer"))
    .refusing(
      "unknown-event", "internal-event", "validation-failed", "key-mismatch", "idempotency-reused",
      "event-not-accepted", "already-finished", "suspended", "instance-exists", "gone", "flow-retired",
      "revision-mismatch"
    )
    .naming()
  }
}
