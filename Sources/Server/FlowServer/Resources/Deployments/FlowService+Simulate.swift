import CEL
import FlowHTTP
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowTesting
import FlowTime

// `POST /v1/flows/{flow}/simulate`: a run on a virtual clock, without storage.
extension FlowService {
  func simulateFlow(_ request: RouteRequest) throws(Problem) {
    let entry = try flow(request)
    let body = try request.http.object(["steps", "start"])
    let now = clock()
    let known = request.context.knownEvents(of: entry.machine, flow: entry.flow)
    let isAccepted = simulations.run {
      do throws(Problem) {
        var simulation = try SimulationRequest(body, entry, known: known, now: now)
        request.respond.send(.json(try simulation.result()))
      } catch {
        request.respond.send(error)
      }
    }
    if !isAccepted { throw .overloaded }
  }
}

/// The steps of a simulated run in a request.
private struct SimulationRequest {
  /// The maximum number of steps in a request, and of events in its response.
  static let maximumSteps = 1000
  static let maximumEvents = 10_000

  private let entry: Catalogue.Entry
  /// The events that the caller may know.
  private let known: [String]
  private let steps: [JSON]
  private var run: VirtualRun
  private var events: [JSON] = []

  init(_ body: JSON, _ entry: Catalogue.Entry, known: [String], now: Int64) throws(Problem) {
    guard let steps = body["steps"]?.array else {
      throw .badRequest(#"the body has no `steps`; send {"steps": [{"event": "Paid", "data": {}}, {"advance": "3d"}]}"#)
    }
    guard steps.count <= SimulationRequest.maximumSteps else {
      throw .badRequest("a simulation has at most \(SimulationRequest.maximumSteps) steps")
    }
    var start = now
    if let given = body["start"] {
      guard let time = given.string.flatMap({ Timestamp($0) }) else {
        throw .badRequest("`start` must be an instant such as 2026-01-31T12:00:00Z")
      }
      start = time.seconds * 1000
    }
    self.entry = entry
    self.known = known
    self.steps = steps
    run = VirtualRun(stepper: Stepper(entry.machine), flow: entry.flow, now: start)
  }

  mutating func result() throws(Problem) -> JSON {
    for (index, step) in steps.enumerated() {
      do throws(Problem) {
        record(try perform(step))
      } catch {
        var problem = error
        problem.detail = "step \(index + 1): " + problem.detail
        throw problem
      }
      if events.count >= SimulationRequest.maximumEvents {
        throw .badRequest("the run makes more than \(SimulationRequest.maximumEvents) steps")
      }
    }
    let outstanding = run.outstanding.map { work -> JSON in
      [
        "action": .string(entry.machine.name(of: work.job.target)),
        "arguments": work.job.arguments.json(in: entry.machine.types), "isAwaited": .bool(work.isAwaited),
      ]
    }
    let document = run.instance.map { $0.dataJSON(in: entry.machine) } ?? .null
    let (data, stateData) = document.dividedByState(activeIn: run.leafPaths)
    return [
      "flow": .string(entry.name), "status": run.instance.map { .string($0.status.rawValue) } ?? .null,
      "state": .array(run.leafPaths.map { .string($0) }),
      "data": data, "stateData": stateData, "now": .string(timeText(run.now)),
      "outstanding": .array(outstanding), "steps": .array(events),
    ]
  }

  private mutating func perform(_ step: JSON) throws(Problem) -> [VirtualRun.RunEvent] {
    if let name = (step["event"] ?? step["type"])?.string { return [try send(name, step)] }
    if let text = step["advance"]?.string {
      guard let duration = DurationText.milliseconds(text), duration >= 0 else {
        throw .badRequest("`\(text)` is not a duration such as 3d or 90m")
      }
      let (end, overflow) = run.now.addingReportingOverflow(duration)
      return run.advance(to: overflow ? .max : end)
    }
    if let name = step["done"]?.string { return [try end(name, with: try result(name, step))] }
    if let name = step["fail"]?.string {
      let code = step["code"]?.string ?? "FAILED"
      return [try end(name, with: .failed(code: code, message: step["message"]?.string ?? "", attempts: 1))]
    }
    throw .badRequest("a step has one of `event`, `advance`, `done` and `fail`")
  }

  private mutating func send(_ name: String, _ step: JSON) throws(Problem) -> VirtualRun.RunEvent {
    let machine = entry.machine
    guard known.contains(name), let event = machine.event(named: name) else {
      throw EngineProblem.unknownEvent(name, among: known).problem
    }
    switch Value.from(step["data"] ?? .object([]), as: .record(name), in: machine.types) {
    case .failure(let problems):
      throw EngineProblem.invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) }).problem
    case .success(let payload):
      let caller = Caller(
        id: step["caller"]?.string ?? "", roles: step["roles"]?.array?.compactMap(\.string) ?? [])
      return run.send(event: event, payload: payload, caller: caller)
    }
  }

  private mutating func end(_ name: String, with outcome: CallOutcome) throws(Problem) -> VirtualRun.RunEvent {
    let machine = entry.machine
    guard let event = run.end(where: { machine.name(of: $0.target) == name }, outcome) else {
      throw .badRequest("no call of `\(name)` is outstanding")
    }
    return event
  }

  /// The result, in the type of the action.
  private func result(_ name: String, _ step: JSON) throws(Problem) -> CallOutcome {
    let machine = entry.machine
    let job = run.outstanding.first { $0.isAwaited && machine.name(of: $0.job.target) == name }?.job
    guard let target = job?.target, let type = machine.result(of: target) else { return .done(.null) }
    let maximum = machine.resultMaximum(of: target)
    switch Value.from(step["result"] ?? .null, as: type, in: machine.types, maximum: maximum) {
    case .success(let value): return .done(value)
    case .failure(let problems):
      throw EngineProblem.invalidPayload(problems.mismatches.map { ("/result" + $0.pointer, $0.message) }).problem
    }
  }

  private mutating func record(_ found: [VirtualRun.RunEvent]) {
    for event in found {
      var members: [JSON.Member] = [
        .init("cause", .string(event.cause)), .init("at", .string(timeText(event.at))),
      ]
      switch event.outcome {
      case .accepted(let step): members += step.members(in: entry.machine)
      case .refused(let refusal):
        members += [
          .init("disposition", "refused"), .init("reason", .string(refusal.code)),
          .init("detail", .string(refusal.message)), .init("explanation", refusal.explanationJSON(in: entry.machine)),
        ]
      }
      events.append(.object(members))
    }
  }
}
