import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Flows that are called by flows. The call is a job like others; its instance has the number of the job as its key, and
// ends the job when it ends.
extension Engine {
  /// The flow that a job calls; nil for one that runs an action.
  func calledFlow(_ row: JobRow, in machine: Machine) -> FlowIndex? {
    machine.flow(named: row.action).flatMap { machine.program.flows[$0].isCallable ? $0 : nil }
  }

  /// Starts the instance of a call; the job then waits for its end.
  func startChild(_ row: JobRow) {
    let now = world.now()
    guard let parent = loadOwner(of: row, at: now) else { return }
    let version = parent.version
    guard let flow = calledFlow(row, in: version.machine) else { return remove(row) }
    let type = ValueType.record(version.machine.program.flows[flow].parameters.name)
    guard let json = try? JSON(parsing: row.arguments),
      case .success(let arguments) = Value.from(json, as: type, in: version.machine.types)
    else { return endCall(row, .failed(code: "INVALID_ARGUMENTS", message: "they can't be read", attempts: 1)) }
    defer { deliverPending() }
    switch version.stepper.start(flow: flow, key: "\(row.id)", arguments: arguments, now: now) {
    case .refused(let refusal):
      endCall(row, .failed(code: "NOT_STARTED", message: refusal.message, attempts: 1))
    case .accepted(let step):
      var waiting = row
      waiting.due = .onEnd
      write(waiting)
      let id = InstanceID(flow: row.action, key: "\(row.id)")
      let child = newInstance(id, step, in: version, replacing: nil)
      let cause: JSON = ["call": .string("\(parent.row.flow)/\(parent.row.key)"), "arguments": json]
      record(step, of: child, cause: .other(cause), at: now, isNew: true)
    }
  }

  /// Completes the job of a call whose instance has ended.
  func recordEnd(of child: Cached, _ outcome: CallOutcome) {
    guard let id = Int64(child.row.key), let row = findJob(id), row.action == child.row.flow, row.due == .onEnd,
      row.call != nil
    else { return }
    deliveries.add(Deliveries.EndedCall(job: row.id, outcome: outcome))
  }

  /// The outcome of a call whose flow an operator has cancelled.
  static let cancellation = CallOutcome.failed(
    code: "CANCELLED", message: "an operator has cancelled the called flow", attempts: 1)

  /// Reports the outcome of a call to its caller.
  func endCall(_ id: Int64, _ outcome: CallOutcome) {
    if let row = findJob(id) { endCall(row, outcome) }
  }

  private func endCall(_ row: JobRow, _ outcome: CallOutcome) {
    guard let parent = loadOwner(of: row, at: world.now()) else { return }
    var result: JSON?
    if case .done(let value) = outcome { result = value.json(in: parent.version.machine.types) }
    end(row, outcome, result: result, of: parent)
  }

  /// Ends the instance of a call whose caller has withdrawn it.
  func cancelChild(_ row: JobRow) {
    let id = InstanceID(flow: row.action, key: "\(row.id)")
    guard let found = try? load(id), found.instance.status == .running else { return }
    let now = world.now()
    switch found.version.stepper.cancel(found.instance, now: now) {
    case .accepted(let step): record(step, of: found, cause: .other(["cancelled": true]), at: now)
    case .refused(let refusal): recordIncident(refusal, of: found)
    }
  }
}
