public import CEL
public import FlowSource

/// `test "…" { … }`
public struct TestNode: Sendable {
  public var name: String
  public var nameRange: SourceRange
  /// The flows after `with`: the tested one, then those that run with it. Empty when the first event or call decides.
  public var flows: [NameNode]
  public var statements: [TestStatement]
  public var range: SourceRange

  /// True if instances of flows run together: the test names several flows, or an instance.
  public var isShared: Bool { flows.count > 1 || statements.contains { $0.kind.instance != nil } }
}

/// `Item["m/a"]`, or `Item` for the only instance of the flow.
public struct InstanceNode: Sendable {
  public var flow: NameNode
  public var key: Expression?
  public var range: SourceRange
}

/// One line of a test.
public struct TestStatement: Sendable {
  public indirect enum Kind: Sendable {
    /// `start F(args)`: calls a flow, as a `call` in another would.
    case start(NameNode, [ArgumentNode])
    /// `receiver`: the instance after `to`; `sender`: the flow that emits the event, after `from`.
    case send(Expression, receiver: InstanceNode?, roles: [NameNode], sender: NameNode?, caller: Expression?)
    case mock(PathNode, Outcome)
    case expectState([PathNode], isNegated: Bool)
    case expectData(Expression)
    /// `count`: the exact number of calls, before `times`.
    case expectCalled(PathNode, [ArgumentNode], count: Int?, isNegated: Bool)
    /// Several events are in this order.
    case expectEmitted([Expression], isNegated: Bool)
    case expectLog(Expression, isNegated: Bool)
    case expectEnded(isNegated: Bool)
    case expectIgnored
    case expectDeferred
    case expectRefused
    case expectIncident
    /// An expectation of an instance: `expect Item["m/a"] state fine`.
    case expectOf(InstanceNode, Kind)
    /// `owner`: the instance after `of`.
    case complete(PathNode, owner: InstanceNode?, Expression?)
    case fail(PathNode, owner: InstanceNode?, code: NameNode)
    case advance(DelayNode)
    /// Moves the clock to an instant.
    case at(Expression)
    /// Migrates an instance of an earlier version: `migrate from 1 in asked with {"id": "a"}`.
    case migrate(MigratedInstanceNode)
  }

  /// The outcome that a mocked action returns.
  public enum Outcome: Sendable {
    case returns(Expression)
    case fails(NameNode)
  }

  public var kind: Kind
  public var range: SourceRange
}

/// An instance of an earlier version, whose program the test does not have.
public struct MigratedInstanceNode: Sendable {
  /// Nil for the tested flow.
  public var flow: NameNode?
  public var version: Int
  public var versionRange: SourceRange
  /// The paths of its innermost active states in the earlier version.
  public var states: [PathNode]
  /// Its data, as a map.
  public var data: Expression?
}

extension TestStatement.Kind {
  /// The instance that the statement names.
  public var instance: InstanceNode? {
    switch self {
    case .send(_, let receiver, _, _, _): receiver
    case .expectOf(let instance, _): instance
    case .complete(_, let owner, _), .fail(_, let owner, _): owner
    default: nil
    }
  }
}
