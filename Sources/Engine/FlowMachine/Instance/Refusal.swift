public import CEL
public import FlowIR
public import FlowJSON

/// Why an input was not accepted, with all that is needed to explain it. Nothing has changed.
public struct Refusal: Error, Sendable {
  public enum Reason: Hashable, Sendable {
    /// No active state reacts to the event.
    case notHandled
    /// Active states react to it, but none of their guards holds.
    case guardsFalse
    /// An internal event that no flow has emitted.
    case internalEvent
    /// The reactions are for roles that the caller does not hold, or for other flows.
    case roleMissing
    /// It raises an event that no state takes, ignores or puts off then, in the states with these paths.
    case raised(String, [String])
    /// No flow starts that way, or its guard said no.
    case notStarted
    /// The instance has ended.
    case ended
    /// An expression failed at run time.
    case failed(String, SourceLocation)
    /// The step would break an invariant.
    case invariant(String, SourceLocation)
    /// Reactions without an end.
    case tooManyMicrosteps
    /// More events are put off than an instance may keep.
    case tooManyDeferred
  }

  public var reason: Reason
  /// The event, timer or result, for people.
  public var input: String
  /// The innermost active states, as paths.
  public var states: [String]
  /// The events that would find a reaction now, in document order.
  public var accepted: [String]
  /// Every reaction that was asked, with what it said.
  public var candidates: [CandidateResult]
  /// The expression that failed, with its parts.
  public var explanation: ExplainedExpression?

  /// Whether an expression failed, rather than said no.
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

/// What one reaction said to an input.
public struct CandidateResult: Sendable {
  public enum Answer: Hashable, Sendable {
    case holds
    case guardFalse
    case guardFailed(String)
    case roleMissing([String])
  }

  /// The state that the reaction stands in; empty for the flow's own.
  public var state: String
  public var target: String?
  public var place: SourceLocation
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
