public import FlowIR
public import FlowTesting

/// The answer to one property of a flow.
public enum Verdict: Sendable {
  /// The property holds in every run.
  case proved(Proof)
  /// A run shows that the property does not hold.
  case refuted(CounterExample)
  /// Neither was found.
  case unknown(reason: String)
}

/// The method of a proof.
public enum Proof: String, Hashable, Sendable {
  /// All situations that the flow may reach were examined.
  case exploration = "all situations"
  /// All situations were examined, without the steps that a solver has shown to be impossible.
  case solver = "all situations, with a solver"
  /// All situations of the flows that were verified together were examined.
  case together = "all situations of one instance of each flow"
  /// A solver has shown that no two or three steps in a row lead to what the property rules out.
  case induction = "induction, with a solver"
  /// A solver has found an invariant of the data that excludes what the property rules out.
  case invariant = "an invariant that a solver has found"
}

/// A run that shows what a property rules out.
public struct CounterExample: Sendable {
  /// The weight of a counter-example.
  public enum Severity: String, Hashable, Sendable {
    /// The instance is stuck, becomes an incident, or does what a property rules out.
    case error
    /// Something of the flow has no effect.
    case warning
    /// A caller is refused, and the instance is unchanged.
    case info
  }

  public var severity: Severity
  public var message: String
  /// The inputs of the run.
  public var moves: [RunInput]
  /// The active states before the first move and after each.
  public var path: [[String]]
  /// A `test` that makes the run; nil when there is no run to make.
  public var test: String?
}

/// A property of a flow, and its verdict.
public struct PropertyResult: Sendable {
  public enum Kind: String, Hashable, Sendable {
    case invariant, never, leadsTo = "leads to", stuck, expression, raised, endless, deferred, incident, transition
    case state
  }

  public var kind: Kind
  /// The property as the flow or the tool writes it.
  public var text: String
  public var location: SourceLocation
  public var verdict: Verdict
  /// The invariant that a solver has found, as lines of Flow: a state, and a condition that holds in it.
  public var facts: [String] = []
}

/// The verdicts of one flow.
public struct VerificationReport: Sendable {
  public var flow: String
  /// The flows that were verified together with it.
  public var partners: [String] = []
  /// The number of abstract situations that were examined.
  public var situations: Int
  /// The number of abstract steps between them.
  public var steps: Int
  public var properties: [PropertyResult]

  /// - Parameter flow: The name of the flow.
  public init(flow: String, situations: Int = 0, steps: Int = 0, properties: [PropertyResult] = []) {
    self.flow = flow
    self.situations = situations
    self.steps = steps
    self.properties = properties
  }

  /// True if a counter-example of a weight was found.
  public func hasCounterExample(of severity: CounterExample.Severity) -> Bool {
    properties.contains { result in
      if case .refuted(let example) = result.verdict { example.severity == severity } else { false }
    }
  }

  /// True if a property is undecided.
  public var hasUnknown: Bool { undecidedCount > 0 }

  /// The number of undecided properties.
  var undecidedCount: Int {
    properties.count { if case .unknown = $0.verdict { true } else { false } }
  }
}

/// A verdict, with the facts that a proof rests on.
struct Decision {
  var verdict: Verdict
  var facts: [String]

  init(_ verdict: Verdict, facts: [String] = []) {
    self.verdict = verdict
    self.facts = facts
  }
}

extension PropertyResult {
  init(kind: Kind, text: String, location: SourceLocation, decision: Decision) {
    self.init(kind: kind, text: text, location: location, verdict: decision.verdict, facts: decision.facts)
  }
}
