public import CEL
public import FlowSource

/// `test "…" { … }`
public struct TestNode: Sendable {
  public var name: String
  /// The flow after `with`; nil when the first event or call decides.
  public var flow: NameNode?
  public var statements: [TestStatement]
  public var range: SourceRange
}

/// One line of a test.
public struct TestStatement: Sendable {
  public enum Kind: Sendable {
    /// `start F(args)`: calls a flow, as a `call` in another would.
    case start(NameNode, [ArgumentNode])
    /// `sender`: the flow that emits the event, after `from`.
    case send(Expression, roles: [NameNode], sender: NameNode?, caller: Expression?)
    case mock(PathNode, Outcome)
    case expectState([PathNode], isNegated: Bool)
    case expectData(Expression)
    /// `count`: the exact number of calls, before `times`.
    case expectCalled(PathNode, [ArgumentNode], count: Int?, isNegated: Bool)
    case expectEmitted(Expression, isNegated: Bool)
    case expectLog(Expression, isNegated: Bool)
    case expectEnded(isNegated: Bool)
    case expectIgnored
    case expectDeferred
    case expectRefused
    case expectIncident
    case complete(PathNode, Expression?)
    case fail(PathNode, code: NameNode)
    case advance(DelayNode)
    /// Moves the clock to an instant.
    case at(Expression)
  }

  /// The outcome that a mocked action returns.
  public enum Outcome: Sendable {
    case returns(Expression)
    case fails(NameNode)
  }

  public var kind: Kind
  public var range: SourceRange
}
