import FlowJSON

// What changes what runs: operators' deeds, deployments, and runs of which nothing is kept.
extension Route {
  static let operations =
    OperatorRequest.all.map { deed in
      Route("POST", "/v1/flows/{flow}/instances/{key}/\(deed.name)", .operate, deed.summary, deed.handler)
        .asking(.dryRun, .header("If-Match", "the revision that the instance has to have", .revision))
        .sending(Schemas.object(["reason?": .reason]))
        .giving(200, "The instance as it is now", Schemas.reference("OperatorAnswer"))
        .refusing("not-possible", "event-not-accepted", "gone", "revision-mismatch")
    } + [
      Route(
        "POST", "/v1/flows/{flow}/instances/{key}/fork", .operate,
        "Copies an instance under another key; both go on from there", FlowService.forkInstance
      )
      .asking(.dryRun, .header("If-Match", "the revision that the instance has to have", .revision))
      .sending(
        Schemas.object([
          "key?": ["type": "string", "minLength": 1, "maxLength": 512, "examples": ["o1-again"]], "reason?": .reason,
        ])
      )
      .giving(201, "The copy", Schemas.reference("OperatorAnswer"))
      .giving(200, "What the copy would be", Schemas.reference("OperatorAnswer"))
      .leading("show", "GET", "/v1/flows/{flow}/instances/{key}", ("flow", "/flow"), ("key", "/key"))
      .refusing("not-possible", "instance-exists", "gone", "revision-mismatch", "validation-failed"),
      Route("GET", "/v1/dead-letters", .read, "Work whose tries are spent", FlowService.listDeadLetters)
        .asking(
          .query("flow", "only of this flow", oneOf: .flows), .limit,
          .query("cursor", "`page.next` of the page before", .cursor)
        )
        .giving(200, "A page", Schemas.page("DeadLetter")).refusing("not-found", "cursor-mismatch")
        .leading("redrive", "POST", "/v1/dead-letters/{id}/redrive", ("id", "/items/0/id")),
      Route(
        "POST", "/v1/dead-letters/{id}/redrive", .operate, "Tries a dead letter again, under the same key",
        FlowService.redriveDeadLetter
      )
      .sending(Schemas.object(["reason?": .reason]))
      .giving(200, "It is tried", Schemas.object(["accepted": Schemas.boolean])).refusing("not-found", "gone"),
      Route("POST", "/v1/batches", .operate, "Does one thing to all instances of a filter", FlowService.postBatch)
        .sending(
          Schemas.object([
            "op": ["type": "string", "enum": .array(BulkWork.operations.map { .string($0) })],
            "filter": Schemas.object([
              "flow?": Schemas.string, "key?": Schemas.string, "q?": .condition, "state?": Schemas.string,
              "status?": Schemas.status, "startedAfter?": Schemas.time, "startedBefore?": Schemas.time,
              "updatedAfter?": Schemas.time, "updatedBefore?": Schemas.time,
              "version?": ["type": "integer", "minimum": 0],
            ]), "reason?": .reason, "dryRun?": Schemas.boolean,
          ])
        )
        .giving(202, "It has begun", Schemas.reference("Batch")).refusing("not-found", "invalid-query")
        .leading("progress", "GET", "/v1/batches/{batch}", ("batch", "/id")),
      Route("GET", "/v1/batches/{batch}", .read, "How far a batch has come", FlowService.showBatch)
        .giving(200, "The batch", Schemas.reference("Batch")).refusing("not-found"),
      Route("GET", "/v1/stats", .read, "How many instances are where", FlowService.showStatistics)
        .asking(.query("flow", "only of this flow", oneOf: .flows))
        .giving(200, "The numbers", Schemas.reference("Statistics")).refusing("not-found"),
    ]

  static let deployment = [
    Route(
      "POST", "/v1/flows/{flow}/simulate", .read, "Runs a flow on a virtual clock; nothing of it is kept",
      FlowService.simulateFlow
    )
    .sending(Schemas.object(["steps": Schemas.list(Schemas.anyObject), "start?": Schemas.time]))
    .giving(200, "What happened", Schemas.reference("Simulation")).refusing("unknown-event", "validation-failed"),
    Route("PUT", "/v1/flows/{flow}", .deploy, "Serves a flow from its source, from now on", FlowService.deployFlow)
      .asking(
        .dryRun, .header("If-None-Match", "`*`: only when it is new"),
        .header("If-Match", "the definition that it has to have")
      )
      .sending(.source, as: "text/x-flow").sending(Schemas.anyObject)
      .giving(200, "It is served, or would be", Schemas.reference("Deployment"))
      .giving(201, "It is served, and is new", Schemas.reference("Deployment"))
      .refusing("compile-failed", "revision-mismatch"),
    Route(
      "DELETE", "/v1/flows/{flow}", .deploy, "Begins no new instances of a flow; those that run go on",
      FlowService.retireFlow
    )
    .giving(
      200, "It is retired",
      Schemas.object(["name": Schemas.string, "retired": Schemas.boolean, "changed": Schemas.boolean])),
  ]
}

/// One of the things that operators do to an instance.
private struct OperatorRequest {
  var name: String
  var summary: String
  var handler: Route.Handler

  static let all = [
    OperatorRequest(
      name: "cancel", summary: "Ends an instance: it leaves its states, its calls are withdrawn",
      handler: FlowService.cancelInstance),
    OperatorRequest(
      name: "suspend", summary: "Holds an instance: it takes no events, timers or results",
      handler: FlowService.suspendInstance),
    OperatorRequest(name: "resume", summary: "Lets a suspended instance go on", handler: FlowService.resumeInstance),
    OperatorRequest(
      name: "retry", summary: "Tries at once what waits to be tried again", handler: FlowService.retryInstance),
    OperatorRequest(
      name: "migrate", summary: "Moves an instance to the version that is served",
      handler: FlowService.migrateInstance),
  ]
}

extension RouteDocument.Parameter {
  static let dryRun = query(
    "dryRun", "only say what would come of it", ["type": "string", "enum": ["true", "false"]])
}

extension JSON {
  /// A revision in quotes, as `ETag` gives it.
  static let revision: JSON = ["type": "string", "pattern": #"^("[0-9]{1,15}(-[0-9a-f]{1,16})?"|\*)$"#]
  /// The proof that a worker holds a job.
  static let fence: JSON = ["type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991]
  /// The text of a flow.
  fileprivate static let source: JSON = ["type": "string", "minLength": 1]
  static let duration: JSON = [
    "type": "string", "pattern": "^[1-9][0-9]{0,5}(ms|s|m|h|d)$", "examples": ["1m"],
  ]
  static let condition: JSON = [
    "type": "string", "minLength": 1, "maxLength": 4096, "examples": ["key.startsWith('a') && revision > 1"],
  ]
  static let cursor: JSON = ["type": "string", "pattern": "^[0-9a-f]{32}$"]
  fileprivate static let reason: JSON = ["type": "string", "maxLength": 256]
}
