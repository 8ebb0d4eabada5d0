import FlowIR
public import FlowJSON

extension Refusal {
  /// The reason, in one sentence, with the names of the flow.
  public var message: String {
    let here = location(states)
    let input = inputText
    return switch reason {
    case .notHandled: "\(input) is not handled\(here)"
    case .guardsFalse: "\(input) is handled\(here), but no guard holds"
    case .internalEvent: "\(input) is an internal event: only flows emit it"
    case .roleMissing: "\(input) is for other callers"
    case .raised(let event, let states): "\(input) raises `\(event)`, which is not handled\(location(states))"
    case .notStarted: "\(input) does not start this flow"
    case .ended: "the instance has ended\(here)"
    case .failed(let message, let location): "\(input) failed at \(location): \(message)"
    case .invariant(let text, _): "\(input) would break the invariant `\(text)`"
    case .tooManyMicrosteps:
      "\(input) sets off more than \(Stepper.maximumMicrosteps) reactions in a row"
    case .tooManyDeferred: "more than \(Stepper.maximumDeferred) events are deferred"
    }
  }

  /// The reason like ``message``, without values of the instance.
  public var summary: String {
    if case .failed(_, let location) = reason { return "\(inputText) failed at \(location)" }
    return message
  }

  /// An event has a name; the other inputs are described in words.
  private var inputText: String { input.contains(" ") ? input : "`\(input)`" }

  private func location(_ states: [String]) -> String {
    states.isEmpty ? "" : " in " + states.map { "`\($0)`" }.joined(separator: ", ")
  }

  /// The stable code of the reason.
  public var code: String {
    switch reason {
    case .notHandled: "not-handled"
    case .guardsFalse: "guard-false"
    case .internalEvent: "internal-event"
    case .roleMissing: "role-missing"
    case .raised: "raised-not-handled"
    case .notStarted: "not-started"
    case .ended: "ended"
    case .failed: "evaluation-failed"
    case .invariant: "invariant-broken"
    case .tooManyMicrosteps: "too-many-microsteps"
    case .tooManyDeferred: "too-many-deferred"
    }
  }

  /// The verdicts and the failed expression, each with the values of its parts.
  public func explanationJSON(in machine: Machine) -> JSON {
    var items = candidates.map { verdict in
      JSON.object([
        .init("state", .string(verdict.state)), .init("target", verdict.target.map { .string($0) } ?? .null),
        .init("at", .string("\(verdict.location)")), .init("verdict", .string("\(verdict.answer)")),
        .init("guard", verdict.guardExplanation?.json(in: machine) ?? .null),
      ])
    }
    if let explanation { items.append(.object([.init("expression", explanation.json(in: machine))])) }
    return .array(items)
  }
}

extension CandidateResult.Answer: CustomStringConvertible {
  public var description: String {
    switch self {
    case .holds: "holds"
    case .guardFalse: "guard is false"
    case .guardFailed(let message): "guard failed: \(message)"
    case .roleMissing(let callers): "only for " + callers.joined(separator: " or ")
    }
  }
}
