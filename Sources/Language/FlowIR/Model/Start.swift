/// `start on E -> state`
public struct Start: Hashable, Sendable {
  public enum Trigger: Hashable, Sendable {
    /// `isAgain`: true if a key whose instance has ended may start again.
    case event(EventIndex, isAgain: Bool)
    case every(SourcedExpression)
    case cron(Cron)
    /// The flow is called.
    case called
  }

  public var trigger: Trigger
  /// For a schedule only.
  public var overlap: OverlapPolicy
  /// For a schedule only.
  public var catchUp: CatchUpPolicy
  public var roles: [Int]
  /// The flows whose instances may emit the event; with roles, either is enough.
  public var senders: [FlowIndex]
  public var guardExpression: SourcedExpression?
  public var target: StateIndex
  /// The values of the target's fields, evaluated before any state is left.
  public var arguments: [StateArgument]
  public var statements: [ActionStatement]
  public var location: SourceLocation

  public init(
    trigger: Trigger, overlap: OverlapPolicy = .allow, catchUp: CatchUpPolicy = .one, roles: [Int],
    senders: [FlowIndex] = [], guardExpression: SourcedExpression?, target: StateIndex,
    arguments: [StateArgument] = [], statements: [ActionStatement], location: SourceLocation
  ) {
    self.trigger = trigger
    self.overlap = overlap
    self.catchUp = catchUp
    self.roles = roles
    self.senders = senders
    self.guardExpression = guardExpression
    self.target = target
    self.arguments = arguments
    self.statements = statements
    self.location = location
  }

  /// The event that it waits for.
  public var event: EventIndex? {
    if case .event(let event, _) = trigger { event } else { nil }
  }

  /// True for a start by the clock.
  public var isScheduled: Bool {
    switch trigger {
    case .every, .cron: true
    case .event, .called: false
    }
  }
}

/// `read by ROLES when CONDITION`: callers that may read an instance.
public struct ReadRule: Hashable, Sendable {
  /// The caller has one of them; empty for any caller.
  public var roles: [Int]
  public var condition: SourcedExpression?

  public init(roles: [Int], condition: SourcedExpression?) {
    self.roles = roles
    self.condition = condition
  }
}

/// `migrate from 1 { state a -> b  data field = expression }`
public struct Migration: Hashable, Sendable {
  /// The state in which an instance of the old version continues after a migration.
  public struct Move: Hashable, Sendable {
    /// The path of a state of the old version.
    public var from: String
    public var to: StateIndex

    public init(from: String, to: StateIndex) {
      self.from = from
      self.to = to
    }
  }

  /// A field that is assigned from the data of the old version.
  public struct Assignment: Hashable, Sendable {
    public var field: Int
    public var value: SourcedExpression

    public init(field: Int, value: SourcedExpression) {
      self.field = field
      self.value = value
    }
  }

  public var from: Int
  public var moves: [Move]
  public var assignments: [Assignment]
  public var location: SourceLocation

  public init(from: Int, moves: [Move], assignments: [Assignment], location: SourceLocation) {
    self.from = from
    self.moves = moves
    self.assignments = assignments
    self.location = location
  }
}
