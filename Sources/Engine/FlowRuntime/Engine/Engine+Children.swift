import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Flows that are called by flows. The call is a job like others; its instance has the number of the job as its key, and
// its end is the job's.
extension Engine {
  /// The flow that a job calls; nil for one that does an action.
  func calledFlow(_ row: JobRow, _ machine: Machine) -> FlowIndex? {
    machine.flow(named: row.action).flatMap { machine.program.flows[$0].isCallable ? $0 : nil }
  }

  /// Begins the instance of a call; the job then waits for its end.
  func startChild(_ row: JobRow) {
    let now = world.now()
    guard let parent = owner(of: row, now) else { return }
    let version = parent.version
    guard let flow = calledFlow(row, version.machine) else { return remove(row) }
    let type = ValueType.record(version.machine.program.flows[flow].parameters.name)
    guard let json = try? JSON(parsing: row.arguments),
      case .success(let arguments) = Value.from(json, as: type, in: version.machine.types)
    else { return endChild(row, .failed(code: "INVALID_ARGUMENTS", message: "they can't be read", attempts: 1)) }
    defer { settle() }
    switch version.stepper.start(flow: flow, key: "\(row.id)", arguments: arguments, now: now) {
    case .refused(let refusal):
      endChild(row, .failed(code: "NOT_STARTED", message: refusal.message, attempts: 1))
    case .accepted(let step):
      var waiting = row
      waiting.due = .max
      write(waiting)
      let child = newInstance(step, row.action, "\(row.id)", version, over: nil)
      let cause: JSON = ["call": .string("\(parent.row.flow)/\(parent.row.key)"), "arguments": json]
      record(step, of: child, cause: .other(cause), at: now, isNew: true)
    }
  }

  /// The instance of a call has ended: so has its job.
  func noteEnd(of child: Cached, _ result: CallOutcome) {
    guard let id = Int64(child.row.key), let row = find(id), row.action == child.row.flow, row.due == .max,
      row.call != nil
    else { return }
    childResults.append((row.id, result))
  }

  /// Tells the caller how a call ended.
  func endChild(_ id: Int64, _ outcome: CallOutcome) {
    if let row = find(id) { endChild(row, outcome) }
  }

  private func endChild(_ row: JobRow, _ outcome: CallOutcome) {
    guard let parent = owner(of: row, world.now()) else { return }
    var result: JSON?
    if case .done(let value) = outcome { result = value.json(in: parent.version.machine.types) }
    end(row, outcome, result, parent)
  }

  /// Keeps how a call ended in the row of its job, for the next batch to take.
  func putOff(_ outcome: CallOutcome, child id: Int64) {
    guard var row = find(id), let parent = owner(of: row, world.now()) else { return }
    row.due = world.now()
    row.outcome = JSON.object([outcome.member(in: parent.version.machine)]).bytes()
    write(row)
  }

  /// Nobody waits for a call any more: its instance leaves all its states, and is over.
  func cancelChild(_ row: JobRow) {
    let id = InstanceID(flow: row.action, key: "\(row.id)")
    guard let found = try? load(id), found.instance.status == .running else { return }
    let now = world.now()
    switch found.version.stepper.cancel(found.instance, now: now) {
    case .accepted(let step): record(step, of: found, cause: .other(["cancelled": true]), at: now)
    case .refused(let refusal): note(refusal, found)
    }
  }
}
