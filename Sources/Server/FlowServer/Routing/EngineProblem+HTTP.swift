import FlowJSON
import FlowMachine
import FlowRuntime

extension EngineProblem {
  /// The problem in the format of the API.
  var problem: Problem {
    switch self {
    case .unknownFlow(let name, let known): .unknownFlow(name, known: known)
    case .unknownEvent(let name, let nearest, let known): unknownEvent(name, nearest: nearest, known: known)
    case .invalidPayload(let mismatches): invalid(mismatches)
    case .notFound(let detail): .notFound(detail)
    case .keyMismatch(let addressed, let payload):
      Problem(.keyMismatch, "the event is addressed to `\(addressed)`, and its payload has the key `\(payload)`")
    case .refused(let refusal, let explanation): refused(refusal, explanation)
    case .alreadyExists(let key): Problem(.instanceExists, "there is an instance `\(key)`")
    case .retired(let flow):
      Problem(.flowRetired, "the flow `\(flow)` is retired: it starts no new instances, and running ones continue")
    case .gone(let key, let endedAt, let until): gone(key, endedAt: endedAt, keyTakenUntil: until)
    case .suspended(let key):
      Problem(.suspended, "an operator has suspended `\(key)`; it accepts events again when it is resumed")
    case .notPossible(let detail, _): Problem(.notPossible, detail)
    case .revisionMismatch(let current):
      Problem(
        .revisionMismatch, "the instance is at revision \(current)",
        members: [.init("revision", .int(Int64(current)))])
    case .idempotencyReused: Problem(.idempotencyReused, "the idempotency key was sent with another request before")
    case .overloaded:
      Problem(.overloaded, "the engine's request queue is full", headers: [("Retry-After", "1")])
    case .storeUnavailable(let detail): Problem(.storeUnavailable, detail, headers: [("Retry-After", "1")])
    case .leaseLost:
      Problem(.leaseLost, "the job has ended, or its lease has expired and another worker may hold it")
    case .shuttingDown: .draining
    }
  }

  private func gone(_ key: String, endedAt: Int64, keyTakenUntil: Int64?) -> Problem {
    let until = keyTakenUntil.map { $0 == .max ? "forever" : timeText($0) }
    let lifetime = until.map { "; its key is " + ($0 == "forever" ? "never free again" : "taken until \($0)") }
    var members = [JSON.Member("endedAt", .string(timeText(endedAt)))]
    if let until { members.append(.init("keyTakenUntil", .string(until))) }
    return Problem(
      .gone, "`\(key)` ended at \(timeText(endedAt)) and was archived\(lifetime ?? "")", members: members)
  }

  private func unknownEvent(_ name: String, nearest: [String], known: [String]) -> Problem {
    let guess = nearest.first.map { ", did you mean `\($0)`?" }
    return Problem(
      .unknownEvent, "there is no event `\(name)`" + (guess ?? ""),
      members: [.init("events", .array(known.map { .string($0) }))])
  }

  private func invalid(_ mismatches: [(pointer: String, message: String)]) -> Problem {
    Problem(
      .validationFailed,
      mismatches.first.map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" } ?? "",
      members: [
        .init(
          "violations",
          .array(mismatches.map { ["pointer": .string("/data" + $0.pointer), "message": .string($0.message)] }))
      ])
  }

  private func refused(_ refusal: Refusal, _ explanation: JSON) -> Problem {
    let kind: ProblemKind =
      switch refusal.reason {
      case .roleMissing: .forbidden
      case .internalEvent: .internalEvent
      case .ended: .alreadyFinished
      default: .eventNotAccepted
      }
    return Problem(
      kind, refusal.message,
      members: [
        .init("reason", .string(refusal.code)), .init("state", .array(refusal.states.map { .string($0) })),
        .init("allowedEvents", .array(refusal.accepted.map { .string($0) })), .init("explanation", explanation),
      ])
  }
}
