public import CEL
public import FlowIR

// The start and the cancellation of instances.
extension Stepper {
  /// Starts an instance with an event.
  /// - Parameters:
  ///   - now: Milliseconds since 1970, the instant recorded with the event.
  ///   - revision: The last revision of an earlier run with the same key, so that no revision is repeated.
  public func start(
    flow: FlowIndex, key: String, event: EventIndex, payload: Value, caller: Caller, now: Int64,
    after revision: Int = 0
  ) -> Outcome {
    if let refusal = refusal(of: event, payload, by: nil) { return .refused(refusal) }
    return interpreter.start(flow, key: key, .event(event, payload, caller), now: now, after: revision)
  }

  /// Starts an instance of a flow that is called.
  /// - Parameters:
  ///   - arguments: A record with the parameters by their names.
  ///   - revision: The last revision of an earlier run with the same key.
  public func start(
    flow: FlowIndex, key: String, arguments: Value, now: Int64, after revision: Int = 0
  ) -> Outcome {
    var values: [Value] = []
    if case .record(let record) = arguments {
      values = machine.program.flows[flow].parameters.fields.map { record[$0.name] ?? .null }
    }
    return interpreter.start(flow, key: key, .called(values), now: now, after: revision)
  }

  /// Leaves all states of an instance because its caller has withdrawn the call (SCXML 6.4, tests 237 and 250).
  public func cancel(_ instance: Instance, now: Int64) -> Outcome {
    interpreter.cancel(instance, now: now, runsExits: true)
  }

  /// Ends an instance by a command of an operator. No `exit` statement runs: a cancelled flow has no further effects.
  public func abort(_ instance: Instance, now: Int64) -> Outcome {
    interpreter.cancel(instance, now: now, runsExits: false)
  }

  /// Drops deferred events on the order of an operator. The states, the data, timers and calls stay as they are.
  /// - Parameter event: The event; nil for all.
  public func dropDeferred(_ event: EventIndex?, of instance: Instance, now: Int64) -> Outcome {
    interpreter.dropDeferred(event, of: instance, now: now)
  }

  /// Starts an instance on a schedule.
  /// - Parameter schedule: The index of the start.
  public func start(
    flow: FlowIndex, schedule: Int, key: String, now: Int64, after revision: Int = 0
  ) -> Outcome {
    interpreter.start(flow, key: key, .schedule(schedule), now: now, after: revision)
  }

  /// Starts an instance on a schedule, under the key that the start assigns, or else the due time
  /// (`2026-01-31T12:00:00Z`, `2026-01-31T12:00:00.410Z`).
  /// - Parameters:
  ///   - schedule: The index of the start.
  ///   - due: Milliseconds since 1970.
  public func start(
    flow: FlowIndex, schedule: Int, due: Int64, now: Int64, after revision: Int
  ) -> (outcome: Outcome, key: String) {
    let key = scheduledKey(due)
    let outcome = start(flow: flow, schedule: schedule, key: key, now: now, after: revision)
    guard case .accepted(let step) = outcome, let assigned = assignedKey(step), assigned != key else {
      return (outcome, key)
    }
    return (start(flow: flow, schedule: schedule, key: assigned, now: now, after: revision), assigned)
  }

  /// The due time as a key: a fraction has three digits, so that the keys of a schedule sort as text.
  private func scheduledKey(_ due: Int64) -> String {
    let instant = Timestamp(milliseconds: due)
    return instant.nanoseconds == 0 ? instant.description : instant.jsonText
  }

  /// The key that a step has assigned; nil for a flow without a key, and for an empty one.
  public func assignedKey(_ step: Step) -> String? {
    guard let field = machine.program.flows[step.next.flow].key,
      case .string(let key)? = step.next.value(ofField: field, in: machine), !key.isEmpty
    else { return nil }
    return key
  }

  /// The instant after the current one at which a scheduled start falls due; nil when it never does again, or is no
  /// schedule. `every` counts from the last due time, however late that run was.
  /// - Parameters:
  ///   - last: Milliseconds since 1970: the last instant at which it was due, or that of the deployment.
  ///   - now: Milliseconds since 1970; nil for the first due time after the last one.
  public func nextStart(
    flow: FlowIndex, schedule: Int, after last: Int64, now: Int64? = nil
  ) -> Result<Int64?, EvaluationError> {
    interpreter.nextStart(flow, schedule: schedule, after: last, now: now ?? last)
  }
}
