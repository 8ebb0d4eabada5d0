/// A reaction of a state.
public struct Transition: Hashable, Sendable {
  public var source: StateIndex
  public var trigger: Trigger
  /// The roles whose callers may trigger it; empty for every caller.
  public var roles: [Int]
  /// The flows whose instances may emit the event; with roles, either is enough.
  public var senders: [FlowIndex]
  public var guardExpression: SourcedExpression?
  /// Nil for a reaction without a target.
  public var target: StateIndex?
  /// The values of the target's fields, evaluated before any state is left.
  public var arguments: [StateArgument]
  /// Returns to the state in which the target was left.
  public var isHistory: Bool
  public var isReenter: Bool
  public var statements: [ActionStatement]
  public var location: SourceLocation

  public init(
    source: StateIndex, trigger: Trigger, roles: [Int] = [], senders: [FlowIndex] = [],
    guardExpression: SourcedExpression? = nil, target: StateIndex? = nil, arguments: [StateArgument] = [],
    isHistory: Bool = false, isReenter: Bool = false, statements: [ActionStatement] = [], location: SourceLocation
  ) {
    self.source = source
    self.trigger = trigger
    self.roles = roles
    self.senders = senders
    self.guardExpression = guardExpression
    self.target = target
    self.arguments = arguments
    self.isHistory = isHistory
    self.isReenter = isReenter
    self.statements = statements
    self.location = location
  }
}

/// The trigger of a transition.
public indirect enum Trigger: Hashable, Sendable {
  case event(EventIndex)
  /// Any event without another handler.
  case any
  case always
  case after(SourcedExpression)
  case every(SourcedExpression)
  case at(SourcedExpression)
  case cron(Cron)
  case callDone(CallIndex)
  case callFailed(CallIndex)
  /// An item of a call over a list has a result, or has failed.
  case itemDone(CallIndex)
  case itemFailed(CallIndex)
  /// The state of the transition is complete: its child is final, all its regions are, all its steps are done.
  case done
  /// A step of the state of the transition has failed, and the failure was not handled.
  case failed
  /// The undos that the state rolls back have all been carried out, or one has failed.
  case rollbackDone
  case rollbackFailed
  /// A timer or a result could not be taken while the state was active.
  case error

  /// True if the trigger waits for an instant.
  public var isTimer: Bool {
    switch self {
    case .after, .every, .at, .cron: true
    case .event, .any, .always, .callDone, .callFailed, .itemDone, .itemFailed, .done, .failed, .rollbackDone,
      .rollbackFailed, .error:
      false
    }
  }
}

/// `cron "0 9 * * MON" tz zone`
public struct Cron: Hashable, Sendable {
  /// Five fields, as ``CronSchedule`` reads them; empty if they are computed from data.
  public var schedule: String
  /// The schedule as an expression, if it is not constant.
  public var spec: SourcedExpression?
  /// The name of a time zone; nil is UTC.
  public var zone: SourcedExpression?

  public init(schedule: String, spec: SourcedExpression? = nil, zone: SourcedExpression?) {
    self.schedule = schedule
    self.spec = spec
    self.zone = zone
  }

  /// The schedule, or its expression, as text.
  public var text: String { spec?.text ?? schedule }

  /// The expressions that are evaluated when it is armed.
  public var expressions: [SourcedExpression] { [spec, zone].compactMap { $0 } }
}

/// One thing that a reaction does.
public struct ActionStatement: Hashable, Sendable {
  public indirect enum Kind: Hashable, Sendable {
    /// `slot` is the frame slot of a data field; `part` leads from there to what is assigned.
    case assign(slot: Int, part: [PartStep], SourcedExpression)
    case perform(action: Int, arguments: [SourcedExpression])
    /// `to`: the flow whose running instances receive the event; nil for those whose key it has.
    case emit(event: EventIndex, SourcedExpression, to: FlowIndex?)
    case raise(event: EventIndex, SourcedExpression)
    case log(SourcedExpression)
  }

  /// One selection on the way to the part of a value.
  public enum PartStep: Hashable, Sendable {
    case field(String)
    case index(SourcedExpression)
    /// The key of the entry of a map, the last step: an empty optional removes the entry.
    case entry(SourcedExpression)

    var isEntry: Bool { if case .entry = self { true } else { false } }

    /// The index or key.
    public var expression: SourcedExpression? {
      switch self {
      case .field: nil
      case .index(let index), .entry(let index): index
      }
    }
  }

  /// `for x in list`: `slot` holds each item in turn.
  public struct Loop: Hashable, Sendable {
    public var slot: Int
    public var list: SourcedExpression

    public init(slot: Int, list: SourcedExpression) {
      self.slot = slot
      self.list = list
    }
  }

  public var kind: Kind
  public var loop: Loop?
  public var condition: SourcedExpression?
  public var location: SourceLocation

  public init(kind: Kind, loop: Loop? = nil, condition: SourcedExpression? = nil, location: SourceLocation) {
    self.kind = kind
    self.loop = loop
    self.condition = condition
    self.location = location
  }
}
