public import CEL
public import FlowIR
import FlowJSON
public import FlowMachine
import FlowSource

// The routing of events, shared by the engine and by dry runs of the API.

extension Catalogue {
  /// The receivers of an event: the flow that the command names, or those that its key field reaches.
  /// - Throws: `.unknownFlow`, `.unknownEvent`, `.retired` for an event that only a retired flow started on, or
  ///   `.notFound` for one that names no instance.
  public func receivers(of command: EventCommand) throws(EngineProblem) -> [Entry] {
    if let flow = command.flow {
      guard let entry = self[flow] else { throw .unknownFlow(flow, known: names) }
      return [entry]
    }
    let reached = reached(by: command.event)
    guard reached.isEmpty else { return reached }
    let known = events
    guard known.contains(command.event) else { throw .unknownEvent(command.event, among: known) }
    if let retired = entries.first(where: { $0.hasRetiredStart(on: command.event) }) {
      throw .retired(flow: retired.name)
    }
    throw .notFound("`\(command.event)` names no instance: send it to /v1/flows/{flow}/instances/{key}/events")
  }
}

extension Catalogue.Entry {
  /// The effect of an event at a flow.
  public enum Destination: Sendable {
    /// A step of the existing instance.
    case step
    /// The start of an instance.
    case start
    /// Neither: no such instance exists, and the event starts none.
    case none
  }

  /// The effect of an event.
  /// - Parameters:
  ///   - event: Its index in the flow's program; nil for an event that the program does not declare.
  ///   - isRunning: True if the instance with its key is running; nil when no such instance exists.
  ///   - isKeyFree: True if the instance has ended, and the declared lifetime of its key is over.
  public func destination(of event: EventIndex?, isRunning: Bool?, isKeyFree: Bool = false) -> Destination {
    if let isRunning {
      let starts = event.map {
        isKeyFree ? machine.starts(flow: flow, on: $0) : machine.startsAgain(flow: flow, on: $0)
      }
      if isRunning || starts != true || isRetired { return .step }
    }
    guard let event, !isRetired, machine.starts(flow: flow, on: event) else { return .none }
    return .start
  }

  /// Returns true if an event started instances of the flow before it was retired.
  public func hasRetiredStart(on event: String) -> Bool {
    guard isRetired, let event = machine.event(named: event) else { return false }
    return machine.starts(flow: flow, on: event)
  }

  /// The value of the flow's key field in a payload; nil for a flow without a key.
  public func key(in payload: TypedPayload) -> String? {
    machine.key(of: flow, in: payload.value, computed: payload.computed)
  }

  /// The key of the instance of a command: from its address or from the payload, which must agree.
  /// - Throws: `.keyMismatch`.
  public func key(of command: EventCommand, in payload: TypedPayload?) throws(EngineProblem) -> String? {
    let own = payload.flatMap { key(in: $0) }
    guard let addressed = command.key else { return own }
    if let own, own != addressed { throw .keyMismatch(addressed: addressed, payload: own) }
    return addressed
  }

  /// - Throws: `.invalidPayload` for an invalid key.
  public func checkKey(_ key: String) throws(EngineProblem) {
    guard key.isEmpty || key.utf8.count > Engine.maximumKey else { return }
    let node = machine.program.flows[flow]
    let pointer = node.key.map { "/\(node.fields[$0].name)" } ?? ""
    throw .invalidPayload([(pointer, "the key of an instance has 1 to \(Engine.maximumKey) bytes")])
  }
}

/// The payload of an event, typed for a program.
public struct TypedPayload: Sendable {
  /// A record of the event's type.
  public let value: Value
  /// The members that the program computes from it.
  public let computed: [RecordValue.Field]
}

extension Flow {
  /// The instant until which the key of an instance that has ended is taken, in milliseconds since 1970; nil without a
  /// declaration.
  public func keyTakenUntil(endedAt: Int64) -> Int64? { keyLifetime?.end(ofKeyEndedAt: endedAt) }
}

extension InstanceRow {
  /// Returns true if the instance has ended and the lifetime that its flow declares for its key is over.
  /// - Parameter flow: The flow in the program of the instance.
  public func isKeyFree(of flow: Flow, at now: Int64) -> Bool {
    status.hasEnded && flow.keyTakenUntil(endedAt: updatedAt).map { $0 <= now } ?? false
  }
}

extension Refusal {
  /// The refusal of an event for an instance that has ended and was archived.
  public static func endedAndArchived(_ event: String) -> Refusal {
    Refusal(reason: .ended, input: event, states: [], accepted: [])
  }
}

extension EventCommand {
  /// The payload, typed for a program.
  /// - Throws: `.unknownEvent`, or `.invalidPayload` with every mismatch, or with a member that can't be computed.
  public func payload(in machine: Machine) throws(EngineProblem) -> TypedPayload {
    guard let index = machine.event(named: event) else {
      throw .unknownEvent(event, among: machine.publicEvents)
    }
    let computed = machine.program.events[index].computed
    switch Value.from(payload, as: .record(event), in: machine.types) {
    case .success(let value):
      return TypedPayload(
        value: value, computed: computed.isEmpty ? [] : try computedMembers(of: index, value, in: machine))
    case .failure(let problems):
      throw .invalidPayload(
        problems.mismatches.map { mismatch in
          let isComputed =
            payload[mismatch.pointer.dropFirst().description] != nil
            && computed.contains { "/" + $0.name == mismatch.pointer }
          return (mismatch.pointer, isComputed ? "it is computed, and can't be given" : mismatch.message)
        })
    }
  }

  /// The payload with its computed members, for the journal.
  func completePayload(_ typed: TypedPayload, in machine: Machine) -> JSON {
    guard !typed.computed.isEmpty else { return payload }
    return .object(
      (payload.members ?? []) + typed.computed.map { .init($0.name, $0.value.json(in: machine.types)) })
  }

  /// - Throws: `.invalidPayload` for a member that can't be computed.
  private func computedMembers(
    of event: EventIndex, _ value: Value, in machine: Machine
  ) throws(EngineProblem) -> [RecordValue.Field] {
    do throws(ComputedMemberError) {
      return try Stepper(machine).computedMembers(of: event, value)
    } catch {
      throw .invalidPayload([("/" + error.member.name, "it can't be computed: \(error.message)")])
    }
  }
}

extension Machine {
  /// The names of the events that clients may send.
  public var publicEvents: [String] { program.events.filter { !$0.isInternal }.map(\.name) }
}

extension EngineProblem {
  /// The problem of an unknown event, with the nearest known one.
  public static func unknownEvent(_ name: String, among known: [String]) -> EngineProblem {
    .unknownEvent(name, nearest: Suggestion.closest(to: name, among: known, limit: 3), known: known)
  }
}
