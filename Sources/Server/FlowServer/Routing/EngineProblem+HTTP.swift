import FlowHTTP
import FlowJSON
import FlowMachine
import FlowRuntime

extension EngineProblem {
  /// The problem as an answer.
  var response: HTTPResponse { problem.response }

  var problem: Problem {
    switch self {
    case .unknownFlow(let name, let known):
      .notFound("there is no flow `\(name)`; there are \(known.joined(separator: ", "))")
    case .unknownEvent(let name, let nearest, let known): unknownEvent(name, nearest, known)
    case .invalidPayload(let mismatches): invalid(mismatches)
    case .notFound(let detail): .notFound(detail)
    case .refused(let refusal, let explanation): refused(refusal, explanation)
    case .alreadyExists(let key):
      Problem(status: 409, code: "instance-exists", title: "Already there", detail: "there is an instance `\(key)`")
    case .gone(let key, let endedAt):
      Problem(
        status: 410, code: "gone", title: "Gone",
        detail: "`\(key)` ended at \(timeText(endedAt)) and has been archived",
        members: [.init("endedAt", .string(timeText(endedAt)))])
    case .suspended(let key):
      Problem(
        status: 409, code: "suspended", title: "Suspended",
        detail: "an operator has suspended `\(key)`; it takes events again when it is resumed")
    case .notPossible(let detail):
      Problem(status: 409, code: "not-possible", title: "Not possible", detail: detail)
    case .revisionMismatch(let current):
      Problem(
        status: 412, code: "revision-mismatch", title: "Precondition failed",
        detail: "the instance is at revision \(current)", members: [.init("revision", .int(Int64(current)))])
    case .idempotencyReused:
      Problem(
        status: 422, code: "idempotency-reused", title: "Idempotency key used before",
        detail: "this idempotency key came with another request before")
    case .overloaded:
      Problem(
        status: 429, code: "overloaded", title: "Too many requests", detail: "more waits than the engine can take",
        headers: [("Retry-After", "1")])
    case .storeUnavailable(let detail):
      Problem(
        status: 503, code: "store-unavailable", title: "Not available", detail: detail,
        headers: [("Retry-After", "1")])
    case .leaseLost:
      Problem(
        status: 409, code: "lease-lost", title: "Lease lost",
        detail: "the job has ended, or its lease is over and somebody else may hold it")
    case .shuttingDown:
      Problem(
        status: 503, code: "draining", title: "Shutting down", detail: "the server is about to end",
        headers: [("Retry-After", "1")])
    }
  }

  private func unknownEvent(_ name: String, _ nearest: [String], _ known: [String]) -> Problem {
    let guess = nearest.first.map { ", did you mean `\($0)`?" }
    return Problem(
      status: 404, code: "unknown-event", title: "Unknown event",
      detail: "there is no event `\(name)`" + (guess ?? ""),
      members: [.init("events", .array(known.map { .string($0) }))])
  }

  private func invalid(_ mismatches: [(pointer: String, message: String)]) -> Problem {
    Problem(
      status: 422, code: "validation-failed", title: "The payload does not fit",
      detail: mismatches.first.map { "\($0.pointer.isEmpty ? "/" : $0.pointer): \($0.message)" } ?? "",
      members: [
        .init(
          "violations",
          .array(mismatches.map { ["pointer": .string("/data" + $0.pointer), "message": .string($0.message)] }))
      ])
  }

  private func refused(_ refusal: Refusal, _ explanation: JSON) -> Problem {
    let isRole = refusal.reason == .roleMissing
    let hasEnded = refusal.reason == .ended
    return Problem(
      status: isRole ? 403 : 409,
      code: isRole ? "forbidden" : hasEnded ? "already-finished" : "event-not-accepted",
      title: isRole ? "Not for this caller" : "Event not accepted", detail: refusal.message,
      members: [
        .init("reason", .string(refusal.code)), .init("state", .array(refusal.states.map { .string($0) })),
        .init("allowedEvents", .array(refusal.accepted.map { .string($0) })), .init("explanation", explanation),
      ])
  }
}
