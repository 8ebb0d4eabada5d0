/// A `test` of a program in executable form. Not a part of the program: its hash does not depend on tests.
public struct TestCase: Hashable, Sendable {
  public var name: String
  /// The flow of the tested instance.
  public var flow: FlowIndex
  /// The flows whose instances run together, in the order of the program; empty for a test of a single instance, which
  /// nothing else reaches.
  public var flows: [FlowIndex]
  public var statements: [Statement]
  public var location: SourceLocation

  public init(
    name: String, flow: FlowIndex, flows: [FlowIndex] = [], statements: [Statement], location: SourceLocation
  ) {
    self.name = name
    self.flow = flow
    self.flows = flows
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

  /// An instance that a statement names.
  public struct InstanceReference: Hashable, Sendable {
    public var flow: FlowIndex
    /// Nil for the only instance of the flow.
    public var key: SourcedExpression?

    public init(flow: FlowIndex, key: SourcedExpression?) {
      self.flow = flow
      self.key = key
    }
  }

  /// An instance of an earlier version, whose program a test does not have.
  public struct MigratedInstance: Hashable, Sendable {
    public var flow: FlowIndex
    public var version: Int
    /// The paths of its innermost active states in that version.
    public var states: [String]
    /// A map with its data; nil without any.
    public var data: SourcedExpression?

    public init(flow: FlowIndex, version: Int, states: [String], data: SourcedExpression?) {
      self.flow = flow
      self.version = version
      self.states = states
      self.data = data
    }
  }

  /// An event that a test sends. A class, so that a statement is read without copies of its parts.
  public final class SentEvent: Hashable, Sendable {
    public let event: EventIndex
    public let payload: SourcedExpression
    /// Nil for an event that finds its receivers by its key.
    public let receiver: InstanceReference?
    public let roles: [Int]
    /// The flow that emits the event.
    public let sender: FlowIndex?
    public let caller: SourcedExpression?

    public init(
      event: EventIndex, payload: SourcedExpression, receiver: InstanceReference?, roles: [Int], sender: FlowIndex?,
      caller: SourcedExpression?
    ) {
      self.event = event
      self.payload = payload
      self.receiver = receiver
      self.roles = roles
      self.sender = sender
      self.caller = caller
    }

    public static func == (one: SentEvent, other: SentEvent) -> Bool {
      one === other
        || (one.event == other.event && one.payload == other.payload && one.receiver == other.receiver
          && one.roles == other.roles && one.sender == other.sender && one.caller == other.caller)
    }

    public func hash(into hasher: inout Hasher) {
      hasher.combine(event)
      hasher.combine(payload)
      hasher.combine(receiver)
    }
  }

  public indirect enum Kind: Hashable, Sendable {
    /// Calls a flow.
    case start(FlowIndex, arguments: [SourcedExpression])
    case send(SentEvent)
    case mock(Call.Target, Outcome)
    /// All of them are active; negated, none is.
    case expectState([StateIndex], isNegated: Bool)
    case expectData(SourcedExpression)
    /// `count`: the exact number of calls; nil for one or more.
    case expectCalled(Call.Target, [Member], count: Int?, isNegated: Bool)
    /// The events in this order.
    case expectEmitted([ExpectedEvent], isNegated: Bool)
    case expectLog(SourcedExpression, isNegated: Bool)
    case expectEnded(isNegated: Bool)
    /// The last event was ignored.
    case expectIgnored
    /// The last event was deferred.
    case expectDeferred
    /// The last event was refused.
    case expectRefused
    case expectIncident
    /// An expectation of one instance.
    case expectOf(InstanceReference, Kind)
    /// The work of that name is done: a call by its name, or any by that of its action.
    case complete(Work, owner: InstanceReference?, SourcedExpression?)
    case fail(Work, owner: InstanceReference?, code: String)
    case advance(SourcedExpression)
    case at(SourcedExpression)
    /// Migrates an instance of an earlier version.
    case migrate(MigratedInstance)
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

  /// An emission that a test expects.
  public struct ExpectedEvent: Hashable, Sendable {
    public var event: EventIndex
    /// The values of some fields.
    public var members: [Member]

    public init(event: EventIndex, members: [Member]) {
      self.event = event
      self.members = members
    }
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
