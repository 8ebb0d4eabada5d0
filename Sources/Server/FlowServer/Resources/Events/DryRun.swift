import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

/// The evaluation of an event against committed state, without storage: its result is that of the real event at this
/// moment.
struct DryRun {
  /// The result of an accepted event.
  struct Result {
    let flow: String
    fileprivate let key: String?
    fileprivate let created: Bool
    fileprivate let step: Step
    fileprivate let machine: Machine
    /// The receivers of the event, if it reached several flows.
    fileprivate var receivers: [EventAnswer.Receiver] = []

    /// - Parameter withValues: True if the caller may see changes and effects.
    func json(withValues: Bool) -> JSON {
      var members: [JSON.Member] = [
        .init("dryRun", true), .init("flow", .string(flow)), .init("key", key.map { .string($0) } ?? .null),
        .init("created", .bool(created)),
      ]
      if receivers.count > 1 { members.append(.init("receivers", .array(receivers.map(\.json)))) }
      return .object(members + step.members(in: machine).filter { withValues || !Step.valueMembers.contains($0.name) })
    }
  }

  let programs: ProgramCache
  let catalogue: Catalogue
  let queries: any Queries
  /// Milliseconds since 1970.
  let now: Int64

  /// The result of an event, with the routing of the engine.
  func run(_ command: EventCommand) throws(DryRunError) -> Result {
    var first: Result?
    var problem: EngineProblem?
    var receivers: [EventAnswer.Receiver] = []
    for entry in try self.receivers(of: command) {
      do throws(DryRunError) {
        let result = try run(command, on: entry)
        receivers.append(.init(flow: entry.name, key: result.key, disposition: result.step.disposition))
        first = first ?? result
      } catch {
        guard case .problem(let found) = error else { throw error }
        problem = problem ?? found
        if let refused = try refused(command, by: entry, found) { receivers.append(refused) }
      }
    }
    guard var result = first else { throw .problem(problem ?? .notFound("`\(command.event)` reaches no flow")) }
    result.receivers = receivers
    return result
  }

  private func refused(
    _ command: EventCommand, by entry: Catalogue.Entry, _ problem: EngineProblem
  ) throws(DryRunError) -> EventAnswer.Receiver? {
    guard let code = problem.receiverCode else { return nil }
    let payload = try? self.payload(command, entry.machine)
    let key = payload.flatMap { try? self.key(of: command, in: $0, entry) }
    let row = try key.map { key throws(DryRunError) in try find(entry.name, key) } ?? nil
    return EventAnswer.Receiver(flow: entry.name, key: row?.key, refusal: code)
  }

  private func receivers(of command: EventCommand) throws(DryRunError) -> [Catalogue.Entry] {
    do throws(EngineProblem) {
      return try catalogue.receivers(of: command)
    } catch {
      throw .problem(error)
    }
  }

  private func run(_ command: EventCommand, on entry: Catalogue.Entry) throws(DryRunError) -> Result {
    let payload = try payload(command, entry.machine)
    let key = try key(of: command, in: payload, entry)
    let event = entry.machine.event(named: command.event)
    if let key { try checkKey(key, of: entry) }
    let row = try key.map { key throws(DryRunError) in try find(entry.name, key) } ?? nil
    let isKeyFree = try row.map { row throws(DryRunError) in try self.isKeyFree(row) } ?? false
    switch entry.destination(of: event, isRunning: row.map { !$0.status.hasEnded }, isKeyFree: isKeyFree) {
    case .step: if let row { return try step(row, command) }
    case .start: break
    case .none:
      if entry.hasRetiredStart(on: command.event) { throw .problem(.retired(flow: entry.name)) }
      throw .problem(.notFound("there is no instance `\(key ?? "")` of `\(entry.name)`"))
    }
    if let key, row == nil, !entry.machine.startsAgain(flow: entry.flow, on: event ?? 0) {
      try checkArchived(key, of: entry, by: command.event)
    }
    let stepper = Stepper(entry.machine)
    let outcome = stepper.start(
      flow: entry.flow, key: key ?? "new", event: event ?? 0, payload: payload.value, caller: command.caller, now: now)
    return Result(
      flow: entry.name, key: key, created: true, step: try accepted(outcome, stepper.machine), machine: stepper.machine)
  }

  private func key(
    of command: EventCommand, in payload: TypedPayload, _ entry: Catalogue.Entry
  ) throws(DryRunError) -> String? {
    do throws(EngineProblem) {
      return try entry.key(of: command, in: payload)
    } catch {
      throw .problem(error)
    }
  }

  private func checkKey(_ key: String, of entry: Catalogue.Entry) throws(DryRunError) {
    do throws(EngineProblem) {
      try entry.checkKey(key)
    } catch {
      throw .problem(error)
    }
  }

  private func isKeyFree(_ row: InstanceRow) throws(DryRunError) -> Bool {
    guard row.status.hasEnded else { return false }
    let (instance, stepper) = try restore(row)
    return row.isKeyFree(of: stepper.machine.program.flows[instance.flow], at: now)
  }

  /// A key with a declared lifetime outlives the instance.
  private func checkArchived(_ key: String, of entry: Catalogue.Entry, by event: String) throws(DryRunError) {
    let found: Tombstone?
    do throws(StoreError) {
      found = try queries.tombstone(flow: entry.name, key: key)
    } catch {
      throw .store(error)
    }
    guard let found, found.keyTakenUntil != nil, !found.isOver(at: now) else { return }
    throw .problem(.refused(.endedAndArchived(event), explanation: []))
  }

  private func find(_ flow: String, _ key: String) throws(DryRunError) -> InstanceRow? {
    do throws(StoreError) {
      return try queries.instance(flow: flow, key: key)
    } catch {
      throw .store(error)
    }
  }

  private func step(_ row: InstanceRow, _ command: EventCommand) throws(DryRunError) -> Result {
    if let wanted = command.ifMatch, wanted != row.revision {
      throw .problem(.revisionMismatch(current: row.revision))
    }
    if row.status == .suspended { throw .problem(.suspended(key: row.key)) }
    let (instance, stepper) = try restore(row)
    let payload = try payload(command, stepper.machine)
    let event = stepper.machine.event(named: command.event) ?? 0
    let outcome = stepper.step(instance, .event(event, payload: payload.value, caller: command.caller), now: now)
    return Result(
      flow: row.flow, key: row.key, created: false, step: try accepted(outcome, stepper.machine),
      machine: stepper.machine)
  }

  private func restore(_ row: InstanceRow) throws(DryRunError) -> (Instance, Stepper) {
    do throws(StoreError) {
      guard let found = try programs.instance(row) else {
        throw .unavailable("the instance `\(row.key)` can't be read by its program")
      }
      return found
    } catch {
      throw .store(error)
    }
  }

  private func payload(_ command: EventCommand, _ machine: Machine) throws(DryRunError) -> TypedPayload {
    do throws(EngineProblem) {
      return try command.payload(in: machine)
    } catch {
      throw .problem(error)
    }
  }

  private func accepted(_ outcome: Outcome, _ machine: Machine) throws(DryRunError) -> Step {
    switch outcome {
    case .refused(let refusal):
      throw .problem(.refused(refusal, explanation: refusal.explanationJSON(in: machine)))
    case .accepted(let step): return step
    }
  }
}

/// The reason why a dry run has no result.
enum DryRunError: Error {
  case problem(EngineProblem)
  case store(StoreError)
}

extension Step {
  /// The members with values of the instance.
  static let valueMembers: Set<String> = ["changes", "effects", "transitions"]

  /// The changes and effects of the step.
  func members(in machine: Machine) -> [JSON.Member] {
    let node = machine.program.flows[next.flow]
    return [
      .init("disposition", .string(disposition.rawValue)), .init("revision", .int(Int64(next.revision))),
      .init("from", .array(from.map { .string($0) })), .init("to", .array(to.map { .string($0) })),
      .init("status", .string(next.status.rawValue)),
      .init("transitions", .array(transitions.map { .string("\(node.transitions[$0].location)") })),
      .init("changes", next.changesJSON(self, in: machine)),
      .init("effects", .array(effects.compactMap { $0.json(node, machine) })),
    ]
  }
}

extension Effect {
  fileprivate func json(_ flow: Flow, _ machine: Machine) -> JSON? {
    switch self {
    case .job(let job):
      [
        job.call == nil ? "does" : "calls": .string(machine.name(of: job.target)),
        "arguments": job.arguments.json(in: machine.types),
      ]
    case .arm(let timer):
      ["timer": .string("\(flow.transitions[timer.transition].location)"), "due": .string(timeText(timer.due))]
    case .emit(let event, let payload, let flow):
      .object(
        [
          .init("emits", .string(machine.program.events[event].name)), .init("data", payload.json(in: machine.types)),
        ] + (flow.map { [.init("to", .string(machine.program.flows[$0].name))] } ?? []))
    case .log(let text): ["log": .string(text)]
    case .discard(let event, _): ["drops": .string(machine.program.events[event.event].name)]
    case .withdraw, .disarm, .forget: nil
    }
  }
}
