import FlowJSON
import FlowRuntime

// Operations on instances, deployments, and simulated runs.
extension Route {
  static let operations =
    OperatorRequest.all.map { operation in
      Route(
        "POST", "/v1/flows/{flow}/instances/{key}/\(operation.name)", .operate, summary: operation.summary,
        handler: operation.handler
      )
      .limiting(instances: .acknowledged, fields: .masked)
      .asking(.dryRun, .header("If-Match", "the revision that the instance must have", .revision))
      .sending(Schemas.object(["reason?": .reason]))
      .giving(200, "The resulting state of the instance", Schemas.reference("OperatorAnswer"))
      .refusing("not-possible", "event-not-accepted", "gone", "revision-mismatch")
    } + [
      Route(
        "POST", "/v1/flows/{flow}/instances/{key}/drop", .operate,
        summary: "Drops the deferred events of an instance, or those of one name", handler: FlowService.dropDeferred
      )
      .limiting(instances: .acknowledged, fields: .masked)
      .asking(.dryRun, .header("If-Match", "the revision that the instance must have", .revision))
      .sending(Schemas.object(["event?": Schemas.string, "reason?": .reason]))
      .giving(200, "The instance without these events", Schemas.reference("OperatorAnswer"))
      .refusing("not-possible", "unknown-event", "gone", "revision-mismatch"),
      Route(
        "POST", "/v1/flows/{flow}/instances/{key}/fork", .operate,
        summary: "Copies an instance under another key; both continue independently", handler: FlowService.forkInstance
      )
      .limiting(instances: .acknowledged, fields: .masked)
      .asking(.dryRun, .header("If-Match", "the revision that the instance must have", .revision))
      .sending(
        Schemas.object([
          "key?": ["type": "string", "minLength": 1, "maxLength": 512, "examples": ["o1-again"]], "reason?": .reason,
        ])
      )
      .giving(201, "The copy", Schemas.reference("OperatorAnswer"))
      .giving(200, "The copy that would be made", Schemas.reference("OperatorAnswer"))
      .leading("show", to: ("GET", "/v1/flows/{flow}/instances/{key}"), ("flow", "/flow"), ("key", "/key"))
      .refusing("not-possible", "instance-exists", "gone", "revision-mismatch", "validation-failed"),
      Route(
        "GET", "/v1/dead-letters", .read, summary: "Jobs whose attempts are exhausted",
        handler: FlowService.listDeadLetters
      )
      .limiting(instances: .filtered, fields: .masked)
      .asking(
        .query("flow", "only of this flow", oneOf: .flows), .limit,
        .query("cursor", "the `page.next` of the previous page", .cursor)
      )
      .giving(200, "A page", Schemas.page("DeadLetter")).refusing("not-found", "cursor-mismatch")
      .leading("redrive", to: ("POST", "/v1/dead-letters/{id}/redrive"), ("id", "/items/0/id")),
      Route(
        "POST", "/v1/dead-letters/{id}/redrive", .operate, summary: "Retries a dead letter under the same key",
        handler: FlowService.redriveDeadLetter
      )
      .sending(Schemas.object(["reason?": .reason]))
      .giving(200, "The job is retried", Schemas.object(["accepted": Schemas.boolean])).refusing("not-found", "gone"),
      closing(.dismiss, "Closes a dead letter whose work is not needed any more"),
      closing(.resolve, "Closes a dead letter whose work was done in another way"),
      Route(
        "POST", "/v1/batches", .operate, summary: "Applies an operation to all instances of a filter",
        handler: FlowService.postBatch
      )
      .limiting(instances: .acknowledged, fields: .masked)
      .sending(
        Schemas.object([
          "op": ["type": "string", "enum": .array(BulkWork.operations.map { .string($0) }), "examples": ["retry"]],
          "filter": Schemas.object([
            "flow?": Schemas.string, "key?": Schemas.string, "q?": .condition, "state?": Schemas.string,
            "status?": Schemas.status, "startedAfter?": Schemas.time, "startedBefore?": Schemas.time,
            "updatedAfter?": Schemas.time, "updatedBefore?": Schemas.time,
            "version?": ["type": "integer", "minimum": 0], "incident?": Schemas.boolean,
          ]), "reason?": .reason, "dryRun?": Schemas.boolean,
        ])
      )
      .giving(202, "The batch has started", Schemas.reference("Batch")).refusing("not-found", "invalid-query")
      .leading("progress", to: ("GET", "/v1/batches/{batch}"), ("batch", "/id")),
      Route("GET", "/v1/batches/{batch}", .read, summary: "The progress of a batch", handler: FlowService.showBatch)
        .limiting(instances: .acknowledged, fields: .masked)
        .giving(200, "The batch", Schemas.reference("Batch")).refusing("not-found"),
      Route(
        "GET", "/v1/stats", .read, summary: "Counts of instances by flow, version, status and states",
        handler: FlowService.showStatistics
      )
      .limiting(.filtered, instances: .filtered)
      .asking(
        .query("flow", "only of this flow", oneOf: .flows),
        .query(
          "include", "`rates`: starts and ends per minute since the start of the server",
          ["type": "string", "enum": ["rates"]]),
        .query(
          "minutes", "how many minutes of rates",
          ["type": "integer", "minimum": 1, "maximum": .int(Int64(RateHistory.minutes)), "default": 60])
      )
      .giving(200, "The counts", Schemas.reference("Statistics")).refusing("not-found"),
      Route("GET", "/v1/jobs", .read, summary: "Jobs that have not ended", handler: FlowService.listJobs)
        .limiting(instances: .filtered, fields: .masked)
        .asking(
          .query("flow", "only of this flow", oneOf: .flows), .limit,
          .query("cursor", "the `page.next` of the previous page", .cursor)
        )
        .giving(200, "A page", Schemas.page("PendingJob")).refusing("not-found", "cursor-mismatch"),
      Route(
        "GET", "/v1/schedules", .read, summary: "Scheduled starts with their next run",
        handler: FlowService.listSchedules
      )
      .limiting(.filtered)
      .giving(
        200, "All of them, the next first", Schemas.object(["items": Schemas.list(Schemas.reference("Schedule"))])
      )
      .leading("run", to: ("POST", schedule), ("flow", "/items/0/flow"), ("start", "/items/0/start")),
      Route(
        "POST", schedule, .operate, summary: "Starts an instance now, as a scheduled start does",
        handler: FlowService.runSchedule
      )
      .limiting(instances: .acknowledged, fields: .masked)
      .sending(Schemas.object(["reason?": .reason]))
      .giving(201, "The instance", Schemas.reference("OperatorAnswer"))
      .giving(202, "The run waits for an instance, as `overlap queue` declares", Schemas.reference("QueuedRun"))
      .leading("show", to: ("GET", "/v1/flows/{flow}/instances/{key}"), ("flow", "/flow"), ("key", "/key"))
      .refusing("event-not-accepted", "instance-exists", "not-possible"),
      Route(
        "GET", "/v1/nodes", .operate, summary: "The nodes of the store; empty for a server without others",
        handler: FlowService.listNodes
      )
      .giving(
        200, "Those of the last hour, the one that was seen last first",
        Schemas.object(["items": Schemas.list(Schemas.reference("Node"))])),
      Route("GET", "/v1/keys", .operate, summary: "The keys, without their secrets", handler: FlowService.listKeys)
        .giving(200, "The keys", Schemas.reference("Keys")),
      Route(
        "GET", "/v1/audit", .operate, summary: "The newest records of the audit log since the start of the server",
        handler: FlowService.listAudit
      )
      .limiting(fields: .masked).asking(.limit)
      .giving(200, "The newest first", Schemas.object(["items": Schemas.list(Schemas.reference("AuditRecord"))])),
    ]

  /// The template of a scheduled start on request.
  private static let schedule = "/v1/flows/{flow}/schedules/{start}/run"

  static let deployment = [
    Route(
      "POST", "/v1/flows/{flow}/simulate", .read, summary: "Runs a flow on a virtual clock, without storing anything",
      handler: FlowService.simulateFlow
    )
    .limiting(fields: .masked)
    .sending(Schemas.object(["steps": Schemas.list(Schemas.anyObject), "start?": Schemas.time]))
    .giving(200, "The events of the run", Schemas.reference("Simulation")).refusing(
      "unknown-event", "validation-failed"),
    Route(
      "PUT", "/v1/flows/{flow}", .deploy, summary: "Deploys a flow from its source", handler: FlowService.deployFlow
    )
    .limiting(instances: .acknowledged, fields: .masked)
    .asking(
      .dryRun, .header("If-None-Match", "`*`: only a flow that is not served yet"),
      .header("If-Match", "the definition that the flow must have")
    )
    .sending(.source, as: "text/x-flow").sending(Schemas.anyObject)
    .giving(200, "The flow is deployed, or would be", Schemas.reference("Deployment"))
    .giving(201, "The flow is deployed, and is new", Schemas.reference("Deployment"))
    .refusing("compile-failed", "revision-mismatch"),
    Route(
      "DELETE", "/v1/flows/{flow}", .deploy, summary: "Retires a flow: no new instances start, running ones continue",
      handler: FlowService.retireFlow
    )
    .giving(
      200, "The flow is retired",
      Schemas.object(["name": Schemas.string, "retired": Schemas.boolean, "changed": Schemas.boolean])),
  ]
}

/// An operation on an instance.
private struct OperatorRequest {
  var name: String
  var summary: String
  var handler: Route.Handler

  static let all = [
    OperatorRequest(
      name: "cancel", summary: "Ends an instance: it leaves its states, and its calls are withdrawn",
      handler: FlowService.cancelInstance),
    OperatorRequest(
      name: "suspend", summary: "Suspends an instance: events are refused, timers and results wait",
      handler: FlowService.suspendInstance),
    OperatorRequest(name: "resume", summary: "Resumes a suspended instance", handler: FlowService.resumeInstance),
    OperatorRequest(
      name: "retry", summary: "Retries pending jobs, timers and results immediately", handler: FlowService.retryInstance
    ),
    OperatorRequest(
      name: "migrate", summary: "Migrates an instance to the version that is served",
      handler: FlowService.migrateInstance),
  ]
}

extension RouteDocument.Parameter {
  static let dryRun = query(
    "dryRun", "show the outcome without applying it", ["type": "string", "enum": ["true", "false"]])
}

extension JSON {
  /// A revision in quotes, as in `ETag`.
  static let revision: JSON = ["type": "string", "pattern": #"^("[0-9]{1,15}(-[0-9a-f]{1,16})?"|\*)$"#]
  /// The proof that a worker holds a job.
  static let fence: JSON = ["type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991]
  /// The text of a flow.
  fileprivate static let source: JSON = ["type": "string", "minLength": 1]
  static let duration: JSON = [
    "type": "string", "pattern": "^[1-9][0-9]{0,5}(ms|s|m|h|d)$", "examples": ["5s"],
  ]
  static let condition: JSON = [
    "type": "string", "minLength": 1, "maxLength": 4096, "examples": ["key.startsWith('a') && revision > 1"],
  ]
  static let cursor: JSON = ["type": "string", "pattern": "^[0-9a-f]{32}$"]
  fileprivate static let reason: JSON = ["type": "string", "maxLength": 256]
}

extension Route {
  /// A way to close a dead letter without doing its work.
  fileprivate static func closing(_ closing: DeadLetterClosing, _ summary: String) -> Route {
    Route(
      "POST", "/v1/dead-letters/{id}/\(closing.rawValue)", .operate, summary: summary,
      handler: { service in { request throws(Problem) in try service.closeDeadLetter(request, closing) } }
    )
    .sending(Schemas.object(["reason": .reason]))
    .giving(200, "The dead letter is closed", Schemas.object(["accepted": Schemas.boolean]))
    .refusing("not-found", "gone")
  }
}
