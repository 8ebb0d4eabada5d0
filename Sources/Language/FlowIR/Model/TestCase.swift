/// A `test` of a program in executable form. Not a part of the program: its hash does not depend on tests.
public struct TestCase: Hashable, Sendable {
  public var name: String
  /// The flow of the tested instance.
  public var flow: FlowIndex
  public var statements: [Statement]
  public var place: SourceLocation

  public init(name: String, flow: FlowIndex, statements: [Statement], place: SourceLocation) {
    self.name = name
    self.flow = flow
    self.statements = statements
    self.place = place
  }

  /// One line of a test.
  public struct Statement: Hashable, Sendable {
    public var kind: Kind
    /// As it is written.
    public var text: String
    public var place: SourceLocation

    public init(kind: Kind, text: String, place: SourceLocation) {
      self.kind = kind
      self.text = text
      self.place = place
    }
  }

  public indirect enum Kind: Hashable, Sendable {
    /// Calls the flow.
    case start(arguments: [SourcedExpression])
    /// `sender`: the flow that emits the event.
    case send(event: EventIndex, SourcedExpression, roles: [Int], sender: FlowIndex?, caller: SourcedExpression?)
    case mock(Call.Target, Outcome)
    /// All of them are active.
    case expectState([StateIndex])
    case expectData(SourcedExpression)
    case expectCalled(Call.Target, [Member], isNegated: Bool)
    case expectEmitted(event: EventIndex, [Member], isNegated: Bool)
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
