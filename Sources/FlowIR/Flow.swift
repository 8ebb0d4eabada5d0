public import CEL

/// A machine with typed data.
///
/// Its expressions share one frame: the slots of ``FrameLayout``, then the data fields, then one slot for each call
/// with its last result, then the variables of `for` suffixes.
public struct Flow: Hashable, Sendable {
  public var name: String
  public var version: Int
  /// The index of the data field that names an instance.
  public var key: Int?
  public var fields: [DataField]
  /// The `let`s. They are folded into the expressions that use them and stand here for people.
  public var definitions: [LetDefinition]
  public var calls: [Call]
  /// How many slots from ``FrameLayout/firstField`` on are kept between steps: fields and results of calls.
  public var keptCount: Int
  /// How many slots a frame needs in all.
  public var frameSize: Int
  public var invariants: [SourcedExpression]
  /// The states in document order; the first is the flow itself.
  public var states: [State]
  public var transitions: [Transition]
  public var starts: [Start]
  public var place: Place

  public init(
    name: String, version: Int, key: Int?, fields: [DataField], definitions: [LetDefinition], calls: [Call],
    keptCount: Int, frameSize: Int,
    invariants: [SourcedExpression], states: [State], transitions: [Transition], starts: [Start], place: Place
  ) {
    self.name = name
    self.version = version
    self.key = key
    self.fields = fields
    self.definitions = definitions
    self.calls = calls
    self.keptCount = keptCount
    self.frameSize = frameSize
    self.invariants = invariants
    self.states = states
    self.transitions = transitions
    self.starts = starts
    self.place = place
  }

  /// The slots that are kept between steps: the data fields and the results of calls.
  public var keptSlots: Range<Int> { FrameLayout.firstField..<(FrameLayout.firstField + keptCount) }
}

/// Where things are in the frame of a flow's expressions.
public enum FrameLayout {
  public static let event = 0
  public static let now = 1
  public static let selfRecord = 2
  public static let caller = 3
  public static let firstField = 4
}

/// A field of a flow's data.
public struct DataField: Hashable, Sendable {
  public var name: String
  public var type: ValueType
  public var defaultValue: SourcedExpression?

  public init(name: String, type: ValueType, defaultValue: SourcedExpression?) {
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
  }
}

/// `let name = expression`
public struct LetDefinition: Hashable, Sendable {
  public var name: String
  public var value: SourcedExpression

  public init(name: String, value: SourcedExpression) {
    self.name = name
    self.value = value
  }
}

/// `start on E -> state`
public struct Start: Hashable, Sendable {
  public var event: Int
  /// Whether a key that has ended may begin again.
  public var isAgain: Bool
  public var roles: [Int]
  public var guardExpression: SourcedExpression?
  public var target: Int
  public var acts: [Act]
  public var place: Place

  public init(
    event: Int, isAgain: Bool, roles: [Int], guardExpression: SourcedExpression?, target: Int, acts: [Act], place: Place
  ) {
    self.event = event
    self.isAgain = isAgain
    self.roles = roles
    self.guardExpression = guardExpression
    self.target = target
    self.acts = acts
    self.place = place
  }
}

/// A state's own work.
public struct Call: Hashable, Sendable {
  /// The name that its results go by.
  public var name: String
  public var state: Int
  public var action: Int
  /// One for each parameter of the action.
  public var arguments: [SourcedExpression]
  public var once: SourcedExpression?
  /// Where its last result is kept; calls of one name share it.
  public var resultSlot: Int
  public var policy: Policy
  public var place: Place

  public init(
    name: String, state: Int, action: Int, arguments: [SourcedExpression], once: SourcedExpression?, resultSlot: Int,
    policy: Policy, place: Place
  ) {
    self.name = name
    self.state = state
    self.action = action
    self.arguments = arguments
    self.once = once
    self.resultSlot = resultSlot
    self.policy = policy
    self.place = place
  }
}
