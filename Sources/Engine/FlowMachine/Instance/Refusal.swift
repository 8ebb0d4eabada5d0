public import CEL
public import FlowIR
public import FlowJSON

/// The reason that an input was not accepted, with the data that explains it. The instance is unchanged.
public struct Refusal: Error, Sendable {
  public enum Reason: Hashable, Sendable {
    /// No active state reacts to the event.
    case notHandled
    /// Active states react to it, but no guard is true.
    case guardsFalse
    /// An internal event that no flow has emitted.
    case internalEvent
    /// The reactions are for roles that the caller does not hold, or for other flows.
    case roleMissing
    /// It raises an event that no state handles, ignores or defers, in the states with these paths.
    case raised(String, [String])
    /// No start has this trigger, or no guard is true.
    case notStarted
    /// The instance has ended.
    case ended
    /// An expression failed at run time.
    case failed(String, SourceLocation)
    /// The step would break an invariant.
    case invariant(String, SourceLocation)
    /// More than 1,000 microsteps, or firings of timers, in a row.
    case tooManyMicrosteps
    /// More than 64 deferred events.
    case tooManyDeferred
  }

  public var reason: Reason
  /// The name of the event, timer or result.
  public var input: String
  /// The innermost active states, as paths.
  public var states: [String]
  /// The events that an active state handles, ignores or defers, in document order.
  public var accepted: [String]
  /// Every reaction that was tried, with its result.
  public var candidates: [CandidateResult]
  /// The expression that failed, with its parts.
  public var explanation: ExplainedExpression?

  /// True if an expression failed, as opposed to a guard that is false.
  public var isFailure: Bool {
    if case .failed = reason { return true }
    return candidates.contains { if case .guardFailed = $0.answer { true } else { false } }
  }

  public init(
    reason: Reason, input: String, states: [String], accepted: [String], candidates: [CandidateResult] = [],
    explanation: ExplainedExpression? = nil
  ) {
    self.reason = reason
    self.input = input
    self.states = states
    self.accepted = accepted
    self.candidates = candidates
    self.explanation = explanation
  }
}

/// The result of one reaction for an input.
public struct CandidateResult: Sendable {
  public enum Answer: Hashable, Sendable {
    case holds
    case guardFalse
    case guardFailed(String)
    case roleMissing([String])
  }

  /// The path of the state of the reaction; empty for the flow itself.
  public var state: String
  public var target: String?
  public var location: SourceLocation
  public var answer: Answer
  public var guardExplanation: ExplainedExpression?
}

/// An expression, its text, and the value of each of its parts.
public struct ExplainedExpression: Sendable {
  public var source: SourcedExpression
  public var explanation: Explanation
}

extension ExplainedExpression {
  /// The tree of the parts, with the text at its top.
  public func json(in machine: Machine) -> JSON {
    var members: [JSON.Member] = [.init("expression", .string(source.text))]
    members += explanation.json(in: machine.types).members ?? []
    return .object(members)
  }

  /// The expression with the value of each part below it.
  public func text(in machine: Machine) -> String {
    explanation.text(source: source.text, base: source.base, types: machine.types)
  }
}
