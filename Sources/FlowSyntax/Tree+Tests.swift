public import CEL
public import FlowSource

/// `test "…" { … }`
public struct TestNode: Sendable {
  public var name: String
  public var statements: [TestStatement]
  public var range: SourceRange
}

/// One line of a test.
public struct TestStatement: Sendable {
  public enum Kind: Sendable {
    case send(Expression, roles: [NameNode])
    case expectState(PathNode)
    case expectData(Expression)
    case expectCalled(PathNode, [ArgumentNode])
    case expectEmitted(Expression)
    case expectRefused
    case complete(PathNode, Expression?)
    case fail(PathNode, code: String)
    case advance(DurationNode)
  }

  public var kind: Kind
  public var range: SourceRange
}
