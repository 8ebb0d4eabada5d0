// Every resource of the API, in the order of its documentation. Nothing is served that is not in this table.
extension Route {
  static let all = events + instances + flows + jobs + live + health

  private static let events = [
    Route(
      "POST", "/v1/events", .send, "Sends an event to the instance that its key field names, or starts one",
      FlowService.postEvent),
    Route(
      "POST", "/v1/flows/{flow}/instances", .send,
      "Starts an instance with an event; one that runs already takes it as an ordinary event", FlowService.postStart),
    Route(
      "POST", "/v1/flows/{flow}/instances/{key}/events", .send, "Sends an event to an instance",
      FlowService.postEventToInstance),
  ]

  private static let instances = [
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}", .read,
      "An instance: state, data, timers, pending calls, allowed events", FlowService.showInstance),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/history", .read, "What happened to an instance",
      FlowService.showHistory),
    Route(
      "GET", "/v1/flows/{flow}/instances/{key}/transitions", .read,
      "What an instance would do with events, and why", FlowService.showTransitions),
    Route("GET", "/v1/flows/{flow}/instances", .read, "The instances of a flow", FlowService.listInstances),
    Route("GET", "/v1/instances", .read, "The instances of all flows", FlowService.listInstances),
  ]

  private static let flows = [
    Route("GET", "/v1/flows", .read, "The flows that are served", FlowService.listFlows)
  ]

  private static let jobs = [
    Route("POST", "/v1/jobs/claim", .work, "Leases jobs of a queue to an outside worker", FlowService.claimJobs),
    Route("POST", "/v1/jobs/{id}/complete", .work, "Ends a claimed job well", FlowService.completeJob),
    Route("POST", "/v1/jobs/{id}/fail", .work, "Ends a claimed job badly", FlowService.failJob),
    Route("POST", "/v1/jobs/{id}/heartbeat", .work, "Keeps a claimed job for longer", FlowService.keepJob),
  ]

  private static let live = [
    Route("GET", "/v1/live", .read, "The live stream, a WebSocket", FlowService.openLive)
  ]

  private static let health = [
    Route("GET", "/livez", .open, "Whether the process is there", FlowService.showHealth),
    Route("GET", "/readyz", .open, "Whether the server takes requests", FlowService.showHealth),
  ]
}
