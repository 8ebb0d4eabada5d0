import CEL
import FlowIR
import FlowJSON
import FlowMachine

// Flows that are called by flows. The call is a job like others, and its instance ends the job when it ends. The key of
// the instance is an argument of the call; for a flow without a key it is the number of the job.
extension Engine {
  /// The member of an instance's position with the job of its call.
  static let callingJob = "job"

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
    let id = childID(of: row, calling: flow, in: version.machine, json)
    let earlier: Cached?
    let problem: CallOutcome?
    do throws(EngineProblem) {
      earlier = try load(id)
      problem = try self.problem(ofKey: id, earlier)
    } catch {
      // The read has failed the batch, and the job is dispatched again.
      return
    }
    if let problem { return endCall(row, problem) }
    switch version.stepper.start(
      flow: flow, key: id.key, arguments: arguments, now: now, after: earlier?.instance.revision ?? 0)
    {
    case .refused(let refusal):
      // The caller is another instance: its readers may not read the values of the callee.
      endCall(row, .failed(code: "NOT_STARTED", message: refusal.summary, attempts: 1))
    case .accepted(let step):
      var waiting = row
      waiting.due = .onEnd
      write(waiting)
      let job = version.machine.program.flows[flow].key.map { _ in row.id }
      let child = newInstance(id, step, in: version, replacing: earlier, job: job)
      let cause: JSON = ["call": .string("\(parent.row.flow)/\(parent.row.key)"), "arguments": json]
      record(step, of: child, cause: .other(cause), at: now, isNew: true)
    }
  }

  /// The instance of a call.
  private func childID(of row: JobRow, calling flow: FlowIndex, in machine: Machine, _ arguments: JSON) -> InstanceID {
    let node = machine.program.flows[flow]
    let key = node.key.flatMap { arguments[node.fields[$0].name]?.string }
    return InstanceID(flow: row.action, key: key ?? "\(row.id)")
  }

  /// The failure of a call whose key can't be used; nil for a new key, or one whose instance has ended, unless its flow
  /// declares a lifetime of the key that is not over.
  private func problem(ofKey id: InstanceID, _ earlier: Cached?) throws(EngineProblem) -> CallOutcome? {
    guard (1...Engine.maximumKey).contains(id.key.utf8.count) else {
      let message = "the key of an instance has 1 to \(Engine.maximumKey) bytes"
      return .failed(code: "INVALID_ARGUMENTS", message: message, attempts: 1)
    }
    let taken: String?
    if let earlier {
      let flow = earlier.version.machine.program.flows[earlier.instance.flow]
      let hasLifetime = flow.keyLifetime != nil && !isKeyFree(of: earlier)
      taken = !earlier.row.status.hasEnded ? "there is a running instance" : hasLifetime ? Engine.endedKey : nil
    } else {
      taken = try tombstone(id)?.keyTakenUntil == nil ? nil : Engine.endedKey
    }
    return taken.map { .failed(code: "KEY_TAKEN", message: "\($0) `\(id.key)`", attempts: 1) }
  }

  private static let endedKey = "the flow keeps the key of the ended instance"

  /// Completes the job of a call whose instance has ended.
  func recordEnd(of child: Cached, _ outcome: CallOutcome) {
    let isKeyed = child.version.machine.program.flows[child.instance.flow].key != nil
    guard let id = isKeyed ? child.job : Int64(child.row.key), let row = findJob(id), row.action == child.row.flow,
      row.due == .onEnd,
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
  func cancelChild(_ row: JobRow, in machine: Machine) {
    guard let flow = calledFlow(row, in: machine), let arguments = try? JSON(parsing: row.arguments) else { return }
    let id = childID(of: row, calling: flow, in: machine, arguments)
    guard let found = try? load(id), found.instance.status == .running else { return }
    // A key may be that of an instance that this call did not start.
    guard machine.program.flows[flow].key == nil || found.job == row.id else { return }
    let now = world.now()
    switch found.version.stepper.cancel(found.instance, now: now) {
    case .accepted(let step): record(step, of: found, cause: .other(["cancelled": true]), at: now)
    case .refused(let refusal): recordIncident(refusal, of: found)
    }
  }
}
