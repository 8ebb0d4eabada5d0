public import FlowSource

/// A test with valid names and types.
public struct CheckedTest: Sendable {
  public var name: String
  public var flow: Int
  public var statements: [(kind: Kind, range: SourceRange)] = []
  public var range: SourceRange

  public indirect enum Kind: Sendable {
    case start([CheckedExpression])
    case send(event: Int, CheckedExpression, roles: [Int], sender: Int?, caller: CheckedExpression?)
    case mock(CheckedCall.Target, Outcome)
    case expectState([Int])
    case expectData(CheckedExpression)
    case expectCalled(CheckedCall.Target, [Member], isNegated: Bool)
    case expectEmitted(event: Int, [Member], isNegated: Bool)
    case expectRefused
    case expectIncident
    case complete(Work, CheckedExpression?)
    case fail(Work, code: String)
    case advance(CheckedExpression)
    case at(CheckedExpression)
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
