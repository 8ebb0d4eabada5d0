/// A state's own work: a `call`, or a step of `steps`.
public struct Call: Hashable, Sendable {
  public enum Target: Hashable, Sendable {
    case action(Int)
    case flow(FlowIndex)
  }

  /// `undo action(arguments)`
  public struct Undo: Hashable, Sendable {
    public var action: Int
    public var arguments: [SourcedExpression]

    public init(action: Int, arguments: [SourcedExpression]) {
      self.action = action
      self.arguments = arguments
    }
  }

  /// The name of its results.
  public var name: String
  public var state: StateIndex
  public var target: Target
  /// One for each parameter of the target.
  public var arguments: [SourcedExpression]
  /// One job for each item; the result is then the list of theirs, in the same order.
  public var loop: ActionStatement.Loop?
  /// The maximum number of concurrent jobs of the loop; nil for no limit.
  public var limit: SourcedExpression?
  public var once: SourcedExpression?
  /// An int; 0 for nil.
  public var priority: SourcedExpression?
  public var undo: Undo?
  /// True for a step: it starts when the calls of `after` are done, and counts for `done` and `failed` of its state.
  public var isStep: Bool
  /// Calls of the same state, all before this one.
  public var after: [CallIndex]
  /// The condition of a step; a step whose condition is false counts as done.
  public var condition: SourcedExpression?
  /// The record of its result: the type of `event` when it is done, and of its name.
  public var resultRecord: String
  /// The slot of its last result; calls of one name share it.
  public var resultSlot: Int
  public var policy: Policy
  public var location: SourceLocation

  public init(
    name: String, state: StateIndex, target: Target, arguments: [SourcedExpression], loop: ActionStatement.Loop? = nil,
    limit: SourcedExpression? = nil, once: SourcedExpression? = nil, priority: SourcedExpression? = nil,
    undo: Undo? = nil, isStep: Bool = false, after: [CallIndex] = [], condition: SourcedExpression? = nil,
    resultRecord: String, resultSlot: Int, policy: Policy,
    location: SourceLocation
  ) {
    self.name = name
    self.state = state
    self.target = target
    self.arguments = arguments
    self.loop = loop
    self.limit = limit
    self.once = once
    self.priority = priority
    self.undo = undo
    self.isStep = isStep
    self.after = after
    self.condition = condition
    self.resultRecord = resultRecord
    self.resultSlot = resultSlot
    self.policy = policy
    self.location = location
  }
}

extension Call {
  /// The action that it is made of; nil when it is a flow.
  public var action: Int? {
    if case .action(let action) = target { action } else { nil }
  }

  /// The record of `event` in reactions to the result of an item.
  public var itemRecord: String { BuiltInTypes.item(ofResults: resultRecord) }
}
