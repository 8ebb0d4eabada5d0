import CEL
import FlowIR
import FlowJSON
import FlowMachine
import FlowRuntime
import FlowSource

/// An event that is tried on what was committed, and not kept: the answer is that of the real one, now.
struct DryRun {
  let programs: ProgramCache
  let catalogue: Catalogue
  let queries: any Queries
  let now: Int64

  /// What would come of an event.
  func run(_ command: EventCommand) throws(DryRunError) -> JSON {
    var first: DryRunError?
    for entry in try targets(of: command) {
      do throws(DryRunError) {
        return try run(command, on: entry)
      } catch {
        if case .store = error { throw error }
        first = first ?? error
      }
    }
    throw first
      ?? .problem(.notFound("`\(command.event)` names no instance: send it to /v1/flows/{flow}/instances/{key}/events"))
  }

  private func targets(of command: EventCommand) throws(DryRunError) -> [Catalogue.Entry] {
    if let flow = command.flow {
      guard let entry = catalogue[flow] else { throw .problem(.unknownFlow(flow, known: catalogue.names)) }
      return [entry]
    }
    guard catalogue.events.contains(command.event) else { throw .problem(unknown(command.event, catalogue.events)) }
    return catalogue.entries.filter { entry in
      guard let event = entry.machine.event(named: command.event),
        entry.machine.handles(event: event, flow: entry.flow)
      else { return false }
      return entry.machine.keyField(of: event, flow: entry.flow) != nil
        || !entry.isRetired && entry.machine.starts(flow: entry.flow, on: event)
    }
  }

  private func run(_ command: EventCommand, on entry: Catalogue.Entry) throws(DryRunError) -> JSON {
    let payload = try payload(command, entry.machine)
    let key = command.key ?? keyOf(payload, entry)
    let event = entry.machine.event(named: command.event) ?? 0
    if let key, key.isEmpty || key.utf8.count > Engine.maximumKey {
      let message = "the key of an instance has 1 to \(Engine.maximumKey) bytes"
      throw .problem(.invalidPayload([("", message)]))
    }
    let row = try key.map { key throws(DryRunError) in try find(entry.name, key) } ?? nil
    if let row, !row.status.hasEnded || !entry.machine.startsAgain(flow: entry.flow, on: event) {
      return try step(row, command)
    }
    guard !entry.isRetired, entry.machine.starts(flow: entry.flow, on: event) else {
      throw .problem(.notFound("there is no instance `\(key ?? "")` of `\(entry.name)`"))
    }
    let stepper = Stepper(entry.machine)
    let outcome = stepper.start(
      flow: entry.flow, key: key ?? "new", event: event, payload: payload, caller: command.caller, now: now)
    return try describe(outcome, stepper.machine, entry.name, key, created: true)
  }

  private func find(_ flow: String, _ key: String) throws(DryRunError) -> InstanceRow? {
    do throws(StoreError) {
      return try queries.instance(flow: flow, key: key)
    } catch {
      throw .store(error)
    }
  }

  private func step(_ row: InstanceRow, _ command: EventCommand) throws(DryRunError) -> JSON {
    if let wanted = command.ifMatch, wanted != row.revision {
      throw .problem(.revisionMismatch(current: row.revision))
    }
    if row.status == .suspended { throw .problem(.suspended(key: row.key)) }
    let (instance, stepper) = try restore(row)
    let payload = try payload(command, stepper.machine)
    let event = stepper.machine.event(named: command.event) ?? 0
    let outcome = stepper.step(instance, .event(event, payload: payload, caller: command.caller), now: now)
    return try describe(outcome, stepper.machine, row.flow, row.key, created: false)
  }

  func restore(_ row: InstanceRow) throws(DryRunError) -> (Instance, Stepper) {
    do throws(StoreError) {
      guard let found = try programs.instance(row) else {
        throw .unavailable("the instance `\(row.key)` can't be read by its program")
      }
      return found
    } catch {
      throw .store(error)
    }
  }

  private func payload(_ command: EventCommand, _ machine: Machine) throws(DryRunError) -> Value {
    guard machine.event(named: command.event) != nil else {
      throw .problem(unknown(command.event, machine.program.events.map(\.name)))
    }
    switch Value.from(command.payload, as: .record(command.event), in: machine.types) {
    case .success(let value): return value
    case .failure(let problems):
      throw .problem(.invalidPayload(problems.mismatches.map { ($0.pointer, $0.message) }))
    }
  }

  private func unknown(_ name: String, _ known: [String]) -> EngineProblem {
    .unknownEvent(name, nearest: Suggestion.closest(to: name, among: known, limit: 3), known: known)
  }

  private func keyOf(_ payload: Value, _ entry: Catalogue.Entry) -> String? {
    let node = entry.machine.program.flows[entry.flow]
    guard let key = node.key, case .record(let record) = payload,
      case .string(let text)? = record[node.fields[key].name]
    else { return nil }
    return text
  }

  private func describe(
    _ outcome: Outcome, _ machine: Machine, _ flow: String, _ key: String?, created: Bool
  ) throws(DryRunError) -> JSON {
    switch outcome {
    case .refused(let refusal):
      throw .problem(.refused(refusal, explanation: refusal.explanationJSON(in: machine)))
    case .accepted(let step):
      let members: [JSON.Member] = [
        .init("dryRun", true), .init("flow", .string(flow)), .init("key", key.map { .string($0) } ?? .null),
        .init("created", .bool(created)),
      ]
      return .object(members + step.members(in: machine))
    }
  }
}

/// Why a trial has no answer.
enum DryRunError: Error {
  case problem(EngineProblem)
  case store(StoreError)

  var problem: Problem {
    switch self {
    case .problem(let problem): problem.problem
    case .store(let error): EngineProblem.storeUnavailable(error.message).problem
    }
  }
}

extension Step {
  /// What the step has done and asks for, for people.
  func members(in machine: Machine) -> [JSON.Member] {
    let node = machine.program.flows[next.flow]
    return [
      .init("disposition", .string(disposition.rawValue)), .init("revision", .int(Int64(next.revision))),
      .init("from", .array(from.map { .string($0) })), .init("to", .array(to.map { .string($0) })),
      .init("status", .string(next.status.rawValue)),
      .init("transitions", .array(transitions.map { .string("\(node.transitions[$0].place)") })),
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
      ["timer": .string("\(flow.transitions[timer.transition].place)"), "due": .string(timeText(timer.due))]
    case .emit(let event, let payload):
      ["emits": .string(machine.program.events[event].name), "data": payload.json(in: machine.types)]
    case .log(let text): ["log": .string(text)]
    case .withdraw, .disarm, .forget: nil
    }
  }
}
