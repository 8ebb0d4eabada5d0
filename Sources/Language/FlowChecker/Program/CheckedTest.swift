public import FlowSource

/// A test with valid names and types.
public struct CheckedTest: Sendable {
  public var name: String
  public var flow: Int
  /// The flows whose instances run together, in ascending order; empty for a test of a single instance.
  public var flows: [Int] = []
  /// The flows after the first one of `with`.
  var withFlows: [(flow: Int, range: SourceRange)] = []
  public var statements: [(kind: Kind, range: SourceRange)] = []
  public var range: SourceRange

  public indirect enum Kind: Sendable {
    case start(Int, [CheckedExpression])
    case send(SentEvent)
    case mock(CheckedCall.Target, Outcome)
    case expectState([Int], isNegated: Bool)
    case expectData(CheckedExpression)
    case expectCalled(CheckedCall.Target, [Member], count: Int?, isNegated: Bool)
    case expectEmitted([(event: Int, members: [Member])], isNegated: Bool)
    case expectLog(CheckedExpression, isNegated: Bool)
    case expectEnded(isNegated: Bool)
    case expectIgnored
    case expectDeferred
    case expectRefused
    case expectIncident
    case expectOf(InstanceReference, Kind)
    case complete(Work, owner: InstanceReference?, CheckedExpression?)
    case fail(Work, owner: InstanceReference?, code: String)
    case advance(CheckedExpression)
    case at(CheckedExpression)
    case migrate(Int, version: Int, states: [String], data: CheckedExpression?)
  }

  /// An instance that a statement names.
  public struct InstanceReference: Sendable {
    public var flow: Int
    /// Nil for the only instance of the flow.
    public var key: CheckedExpression?
  }

  /// An event that a test sends.
  public struct SentEvent: Sendable {
    public var event: Int
    public var payload: CheckedExpression
    public var receiver: InstanceReference?
    public var roles: [Int]
    public var sender: Int?
    public var caller: CheckedExpression?
  }

  public enum Outcome: Sendable {
    case returns(CheckedExpression)
    case fails(String)
  }

  public enum Work: Sendable {
    case calls([Int])
    case target(CheckedCall.Target)
  }

  public typealias Member = (name: String, value: CheckedExpression)
}
