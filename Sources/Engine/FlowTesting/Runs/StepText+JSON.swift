import CEL
import FlowIR
public import FlowJSON
public import FlowMachine

// Steps and refusals as JSON.
extension StepText {
  /// One object: the input, its time, and its effects.
  public func json(_ runEvent: VirtualRun.RunEvent) -> JSON {
    var members: [JSON.Member] = [
      .init("cause", .string(runEvent.cause)),
      .init("at", .string(Timestamp(milliseconds: runEvent.at).jsonText)),
    ]
    switch runEvent.outcome {
    case .accepted(let step): members += self.members(of: step)
    case .refused(let refusal): members.append(.init("refused", json(refusal)))
    }
    return .object(members)
  }

  private func members(of step: Step) -> [JSON.Member] {
    let flow = machine.program.flows[step.next.flow]
    return [
      .init("disposition", .string(step.disposition.rawValue)),
      .init("from", .array(step.from.map { .string($0) })), .init("to", .array(step.to.map { .string($0) })),
      .init("status", .string(step.next.status.rawValue)), .init("revision", .int(Int64(step.next.revision))),
      .init("changes", step.next.changesJSON(step, in: machine)),
      .init("transitions", .array(step.transitions.map { json(flow.transitions[$0], flow) })),
      .init("effects", .array(step.effects.map { json($0, flow) })),
    ] + refusedMembers(of: step)
  }

  private func refusedMembers(of step: Step) -> [JSON.Member] {
    guard !step.refused.isEmpty else { return [] }
    let items = step.refused.map { refused -> JSON in
      ["event": .string(machine.program.events[refused.event.event].name), "refused": json(refused.refusal)]
    }
    return [.init("refusedDeferred", .array(items))]
  }

  private func json(_ transition: Transition, _ flow: Flow) -> JSON {
    [
      "reaction": .string(transition.text(of: flow, in: machine.program)), "at": .string("\(transition.location)"),
    ]
  }

  private func json(_ effect: Effect, _ flow: Flow) -> JSON {
    switch effect {
    case .job(let job): self.json(job)
    case .withdraw(let job): ["withdraw": [.int(Int64(job.revision)), .int(Int64(job.number))]]
    case .arm(let timer):
      [
        "arm": .string("\(flow.transitions[timer.transition].location)"),
        "due": .string(Timestamp(milliseconds: timer.due).jsonText),
      ]
    case .disarm(let timer): ["disarm": .string("\(flow.transitions[timer.transition].location)")]
    case .emit(let event, let payload, let flow):
      .object(
        [
          .init("emit", .string(machine.program.events[event].name)), .init("payload", payload.json(in: machine.types)),
        ] + (flow.map { [.init("to", .string(machine.program.flows[$0].name))] } ?? []))
    case .log(let text): ["log": .string(text)]
    case .discard(let event, let reason):
      ["discard": .string(machine.program.events[event.event].name), "reason": .string(reason.rawValue)]
    case .forget(let once, let target): ["forget": .string(once), "of": .string(machine.name(of: target))]
    }
  }

  /// The state of a run at its end, and its pending work.
  public func json(endOf run: VirtualRun) -> JSON {
    let waiting = run.outstanding.filter(\.isAwaited).map { json($0.job) }
    let timers = (run.instance?.timers ?? []).map { timer in
      JSON.string(Timestamp(milliseconds: timer.due).jsonText)
    }
    let document = run.instance?.dataJSON(in: machine) ?? .null
    let (data, stateData) = document.dividedByState(activeIn: run.leafPaths)
    return [
      "states": .array(run.leafPaths.map { .string($0) }),
      "status": run.instance.map { .string($0.status.rawValue) } ?? .null,
      "data": data, "stateData": stateData, "waitsFor": .array(waiting), "timers": .array(timers),
    ]
  }

  /// A requested job.
  private func json(_ job: Job) -> JSON {
    let priority = job.priority == 0 ? [] : [JSON.Member("priority", .int(job.priority))]
    return .object(
      [
        .init("job", .string(machine.name(of: job.target))), .init("arguments", job.arguments.json(in: machine.types)),
        .init("awaited", .bool(job.call != nil)),
      ] + priority)
  }

  /// The reason of a refusal.
  public func json(_ refusal: Refusal) -> JSON {
    [
      "code": .string(refusal.code), "message": .string(refusal.message),
      "accepted": .array(refusal.accepted.map { .string($0) }), "explanation": refusal.explanationJSON(in: machine),
    ]
  }
}
