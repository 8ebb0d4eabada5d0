import FlowJSON

// Every resource of the API, in the order of its documentation. Nothing is served that is not in this table.
extension Route {
  static let all = events + instances + flows + operations + deployment + jobs + live + documents + health

  private static let events = [
    Route(
      "POST", "/v1/events", .send, "Sends an event to the instance that its key field names, or starts one",
      FlowService.postEvent
    ).eventual("RoutedEvent").sending(Schemas.list(Schemas.any), as: IncomingEvent.batch)
      .giving(200, "What came of it, or of each of a batch", Schemas.reference("BatchAnswer")).refusing("not-found"),
    Route(
      "POST", "/v1/flows/{flow}/instances", .send,
      "Starts an instance with an event; one that runs already takes it as an ordinary event", FlowService.postStart
    ).eventual("RoutedEvent"),
    Route(
      "POST", "/v1/flows/{flow}/instances/{key}/events", .send, "Sends an event to an instance",
      FlowService.postEventToInstance
    ).eventual("Event"),
    // Open, because the signature says who sends.
    Route(
      "POST", "/v1/hooks/{flow}/{event}", .open, "Takes an event that another system delivers, signed",
      FlowService.takeWebhook
    )
    .asking(
      .header("webhook-id", "the name of the delivery; the same one gives the first answer again"),
      .header("webhook-timestamp", "when it was sent, in seconds since 1970; five minutes apart at most")
    )
    .sending(Schemas.anyObject)
    .giving(200, "It is verified: what came of it, or `refused` and why", Schemas.any)
    .giving(201, "It has begun the instance", Schemas.reference("EventAnswer"))
    .refusing("webhook-unverified", "store-unavailable", "draining"),
  ]

  private static let jobs = [
    Route("POST", "/v1/jobs/claim", .work, "Leases jobs of a queue to an outside worker", FlowService.claimJobs)
      .sending(
        Schemas.object([
          "queue": Schemas.string, "limit?": ["type": "integer", "minimum": 1, "maximum": 1000],
          "lease?": .duration, "worker?": Schemas.string,
        ])
      )
      .giving(200, "The jobs, perhaps none", Schemas.object(["items": Schemas.list(Schemas.reference("Job"))]))
      .leading("complete", "POST", "/v1/jobs/{id}/complete", ("id", "/items/0/id"))
      .leading("heartbeat", "POST", "/v1/jobs/{id}/heartbeat", ("id", "/items/0/id"))
      .leading("fail", "POST", "/v1/jobs/{id}/fail", ("id", "/items/0/id")),
    Route("POST", "/v1/jobs/{id}/complete", .work, "Ends a claimed job well", FlowService.completeJob)
      .sending(Schemas.object(["fence": .fence, "result?": Schemas.any]))
      .giving(200, "It is taken", Schemas.object(["accepted": Schemas.boolean])).refusing("not-found", "lease-lost"),
    Route("POST", "/v1/jobs/{id}/fail", .work, "Ends a claimed job badly", FlowService.failJob)
      .sending(Schemas.object(["fence": .fence, "code": Schemas.string, "message?": Schemas.string]))
      .giving(200, "It is taken", Schemas.object(["accepted": Schemas.boolean])).refusing("not-found", "lease-lost"),
    Route("POST", "/v1/jobs/{id}/heartbeat", .work, "Keeps a claimed job for longer", FlowService.keepJob)
      .sending(Schemas.object(["fence": .fence, "lease?": .duration]))
      .giving(200, "The new end of the lease", Schemas.object(["leaseEnds": Schemas.time]))
      .refusing("not-found", "lease-lost"),
  ]

  private static let live = [
    Route("GET", "/v1/live", .read, "The live stream: a WebSocket, or server-sent events", FlowService.openLive)
      .asking(
        .query("since", "the last entry seen, as an offset or a position; the present when left out"),
        .query("flow", "only of this flow"), .query("key", "only of instances with this key"),
        .query("event", "only what this event did"), .query("type", "only entries of this type, as `step`"),
        .query("filter", "only what this condition in CEL holds for", .condition),
        .header("Last-Event-ID", "the same as `since`, as browsers send it")
      )
      .giving(101, "The WebSocket begins").giving(200, "The stream", Schemas.string, as: "text/event-stream")
      .refusing("upgrade-required", "invalid-query", "origin-not-allowed")
  ]

  private static let health = [
    Route("GET", "/livez", .open, "Whether the process is there", FlowService.showHealth)
      .giving(200, "It is", Schemas.string, as: "text/plain"),
    Route("GET", "/readyz", .open, "Whether the server takes requests", FlowService.showHealth)
      .giving(200, "It does", Schemas.string, as: "text/plain").giving(200, "", Schemas.anyObject)
      .refusing("draining", "store-unavailable"),
    Route("GET", "/version", .open, "Which version serves", FlowService.leaveToGate)
      .giving(200, "The version", Schemas.object(["version": Schemas.string, "api": Schemas.string])),
    Route("GET", "/metrics", .read, "Numbers for Prometheus", FlowService.leaveToGate)
      .giving(200, "The numbers", Schemas.string, as: "text/plain")
      .giving(200, "", Schemas.string, as: "application/openmetrics-text"),
  ]

  /// What all routes have in common that take an event.
  private func eventual(_ event: String) -> Route {
    asking(
      .dryRun,
      .header(
        "Idempotency-Key", "the same key gives the first answer again",
        ["type": "string", "minLength": 1, "maxLength": 255]),
      .header("If-Match", "the revision that the instance has to have, as `\"3\"`", .revision),
      .header(
        "Prefer", "`wait=10`: answer when the instance is quiet, or after so many seconds",
        ["type": "string", "examples": ["wait=1"]])
    )
    .sending(Schemas.reference(event))
    .sending(Schemas.reference("CloudEvent"), as: IncomingEvent.structured)
    .giving(200, "What came of it", Schemas.reference("EventAnswer"))
    .giving(201, "It has begun the instance", Schemas.reference("EventAnswer"))
    .giving(202, "It is taken, and the instance is not quiet yet", Schemas.reference("EventAnswer"))
    .refusing(
      "unknown-event", "validation-failed", "idempotency-reused", "event-not-accepted", "already-finished", "suspended",
      "instance-exists", "gone", "revision-mismatch"
    )
    .naming()
  }
}
