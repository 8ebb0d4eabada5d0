/// A `test` of a program in executable form. Not a part of the program: its hash does not depend on tests.
public struct TestCase: Hashable, Sendable {
  public var name: String
  /// The flow of the tested instance.
  public var flow: FlowIndex
  public var statements: [Statement]
  public var location: SourceLocation

  public init(name: String, flow: FlowIndex, statements: [Statement], location: SourceLocation) {
    self.name = name
    self.flow = flow
    self.statements = statements
    self.location = location
  }

  /// One line of a test.
  public struct Statement: Hashable, Sendable {
    public var kind: Kind
    /// As it is written.
    public var text: String
    public var location: SourceLocation

    public init(kind: Kind, text: String, location: SourceLocation) {
      self.kind = kind
      self.text = text
      self.location = location
    }
  }

  public indirect enum Kind: Hashable, Sendable {
    /// Calls the flow.
    case start(arguments: [SourcedExpression])
    /// `sender`: the flow that emits the event.
    case send(event: EventIndex, SourcedExpression, roles: [Int], sender: FlowIndex?, caller: SourcedExpression?)
    case mock(Call.Target, Outcome)
    /// All of them are active; negated, none is.
    case expectState([StateIndex], isNegated: Bool)
    case expectData(SourcedExpression)
    /// `count`: the exact number of calls; nil for one or more.
    case expectCalled(Call.Target, [Member], count: Int?, isNegated: Bool)
    case expectEmitted(event: EventIndex, [Member], isNegated: Bool)
    case expectLog(SourcedExpression, isNegated: Bool)
    case expectEnded(isNegated: Bool)
    /// The last event was ignored.
    case expectIgnored
    /// The last event was deferred.
    case expectDeferred
    /// The last event was refused.
    case expectRefused
    case expectIncident
    /// The work of that name is done: a call by its name, or any by that of its action.
    case complete(Work, SourcedExpression?)
    case fail(Work, code: String)
    case advance(SourcedExpression)
    case at(SourcedExpression)
  }

  public enum Outcome: Hashable, Sendable {
    case returns(SourcedExpression)
    case fails(code: String)
  }

  /// The selected part of the requested work.
  public enum Work: Hashable, Sendable {
    /// Calls of the flow.
    case calls([CallIndex])
    case target(Call.Target)
  }

  /// The expected value of an argument or a field.
  public struct Member: Hashable, Sendable {
    public var name: String
    public var value: SourcedExpression

    public init(name: String, value: SourcedExpression) {
      self.name = name
      self.value = value
    }
  }
}
