import FlowIR
import FlowMachine

/// The reason that a path through a step ends before the step is complete.
enum PathStop: Error {
  /// No values take this path.
  case infeasible
  case refused(AbstractRefusal)
  /// The rest of the step is followed from the situation that the path has reached.
  case paused(StepSituation.Phase)
  /// The time of the exploration is up.
  case givenUp
}

/// The reason that an expression has no value.
enum ValueStop: Error { case infeasible, failed }

/// A refusal of an abstract step: the kinds of `Refusal` that matter to verdicts.
enum AbstractRefusal: Hashable {
  /// No reaction takes the input, or the guards are false.
  case notHandled
  case raised(EventIndex)
  /// An expression fails; the location is that of the reaction or the statement.
  case failed(SourceLocation, NodeIndex)
  case invariant(Int)
  case never(Int)
  case endless
  /// Timers that are due as soon as another has fired set each other off without end.
  case endlessTimers
  case tooManyDeferred
  case internalEvent

  /// True for a mistake of the flow, false for an input that it does not accept.
  var isMistake: Bool {
    switch self {
    case .notHandled, .internalEvent: false
    default: true
    }
  }
}

extension AbstractRefusal {
  /// True if a refusal of a run is the one that an abstract step expects.
  func describes(_ reason: Refusal.Reason, _ model: VerifiedFlow) -> Bool {
    switch (reason, self) {
    case (.failed(_, let location), .failed(let expected, _)): location == expected
    case (.invariant(let text, _), .invariant(let position)): text == model.flow.invariants[position].text
    case (.invariant(let text, _), .never(let position)): text == model.flow.text(ofProperty: position)
    case (.raised(let name, _), .raised(let event)): name == model.program.events[event].name
    case (.tooManyMicrosteps, .endless), (.tooManyMicrosteps, .endlessTimers): true
    case (.tooManyDeferred, .tooManyDeferred): true
    default: false
    }
  }
}

/// A choice of a path: one of several alternatives that the abstraction can't decide between.
struct PathChoice {
  var count: Int
  var taken: Int
  /// True if the sender of the input can bring about each of the alternatives.
  var isFree: Bool
}
