public import CEL

/// A machine with typed data.
///
/// Its expressions share one frame: the slots of ``FrameLayout``, then the data fields, then one slot for each call
/// with its last result, then the variables of `for` suffixes.
public struct Flow: Hashable, Sendable {
  public var name: String
  public var version: Int
  /// True if the flow can be called like an action; its parameters are then the first of the fields.
  public var isCallable: Bool
  public var parameterCount: Int
  /// The type of the result of a call; nil for a flow without a result.
  public var result: ValueType?
  /// The largest size of the result; nil for no bound.
  public var resultMaximum: Int?
  /// The index of the data field that names an instance.
  public var key: Int?
  /// The time for which the key of an ended instance stays taken; nil to leave it to the server.
  public var keyLifetime: KeyLifetime?
  public var fields: [DataField]
  /// The `let`s. They are folded into the expressions that use them; the list serves display only.
  public var definitions: [LetDefinition]
  public var calls: IndexedList<CallIndex, Call>
  /// The number of slots from ``FrameLayout/firstField`` on that persist between steps: fields and results of calls.
  public var keptCount: Int
  /// The total number of slots of a frame.
  public var frameSize: Int
  public var invariants: [SourcedExpression]
  /// The states in document order; the first is the flow itself.
  public var states: IndexedList<StateIndex, State>
  public var transitions: [Transition]
  public var starts: [Start]
  public var properties: [Property]
  /// The roles that may read an instance, each of them sufficient; empty for no restriction.
  public var readRules: [ReadRule]
  public var migrations: [Migration]
  public var location: SourceLocation

  public init(
    name: String, version: Int, isCallable: Bool = false, parameterCount: Int = 0, result: ValueType? = nil, key: Int?,
    keyLifetime: KeyLifetime? = nil,
    fields: [DataField], definitions: [LetDefinition], calls: IndexedList<CallIndex, Call>, keptCount: Int,
    frameSize: Int,
    invariants: [SourcedExpression], states: IndexedList<StateIndex, State>, transitions: [Transition], starts: [Start],
    properties: [Property] = [], readRules: [ReadRule] = [], migrations: [Migration] = [], location: SourceLocation,
    resultMaximum: Int? = nil
  ) {
    self.name = name
    self.version = version
    self.isCallable = isCallable
    self.parameterCount = parameterCount
    self.result = result
    self.key = key
    self.keyLifetime = keyLifetime
    self.fields = fields
    self.definitions = definitions
    self.calls = calls
    self.keptCount = keptCount
    self.frameSize = frameSize
    self.invariants = invariants
    self.states = states
    self.transitions = transitions
    self.starts = starts
    self.properties = properties
    self.readRules = readRules
    self.migrations = migrations
    self.location = location
    self.resultMaximum = resultMaximum
  }

  /// The parameters of a call, as a record.
  public var parameters: RecordDeclaration {
    RecordDeclaration(
      BuiltInTypes.arguments(of: name),
      fields.prefix(parameterCount).map { FieldDeclaration($0.name, $0.type, maximum: $0.maximum) })
  }

  /// The bound of the result; nil for none.
  public var resultBound: SizeBound? { resultMaximum.map { SizeBound(name: "result", maximum: $0) } }

  /// The indices of the fields of a state.
  public func fields(of state: StateIndex) -> [Int] { fields.indices.filter { fields[$0].state == state } }

  /// The fields of the flow itself, which are the first.
  public var ownFields: ArraySlice<DataField> { fields.prefix { $0.state == nil } }

  /// True if a state has fields.
  public var hasStateFields: Bool { fields.last?.state != nil }

  /// The slots that are kept between steps: the data fields and the results of calls.
  public var keptSlots: Range<Int> { FrameLayout.firstField..<(FrameLayout.firstField + keptCount) }
}

/// The slot indices in the frame of a flow's expressions.
public enum FrameLayout {
  public static let event = 0
  public static let now = 1
  public static let selfRecord = 2
  public static let caller = 3
  public static let firstField = 4
}

/// A field of a flow's data, or of one of its states.
public struct DataField: Hashable, Sendable {
  /// The name of a field of a state begins with the path of the state: `asked.token`.
  public var name: String
  public var type: ValueType
  /// Evaluated at the start, or when the state is entered without a value for the field.
  public var defaultValue: SourcedExpression?
  /// The state that has the field; nil for a field of the flow. Fields of states have no value while it is inactive,
  /// unless a history keeps them.
  public var state: StateIndex?
  /// The largest size of a list, a map, a string or bytes; nil for no bound.
  public var maximum: Int?

  public init(
    name: String, type: ValueType, defaultValue: SourcedExpression?, state: StateIndex? = nil, maximum: Int? = nil
  ) {
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
    self.state = state
    self.maximum = maximum
  }

  /// The bound of its values; nil for none.
  public var bound: SizeBound? { maximum.map { SizeBound(name: plainName, maximum: $0) } }

  /// The name without the path of the state.
  public var plainName: String {
    state == nil ? name : name.split(separator: ".").last.map(String.init) ?? name
  }
}

/// The value that a transition gives to a field of its target.
public struct StateArgument: Hashable, Sendable {
  /// The index of the field.
  public var field: Int
  public var value: SourcedExpression

  public init(field: Int, value: SourcedExpression) {
    self.field = field
    self.value = value
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

/// The time for which the key of an instance stays taken after the instance has ended.
public enum KeyLifetime: Hashable, Sendable {
  case forever
  case milliseconds(Int64)

  /// The instant from which on the key may be used again, in milliseconds since 1970; the largest number for never.
  public func end(ofKeyEndedAt instant: Int64) -> Int64 {
    switch self {
    case .forever: return .max
    case .milliseconds(let lifetime):
      let (end, overflows) = instant.addingReportingOverflow(lifetime)
      return overflows ? .max : end
    }
  }
}

/// A property of every run.
public enum Property: Hashable, Sendable {
  /// These states are never active together.
  case never([StateIndex])
  /// A run that enters the first state enters the second one later.
  case leadsTo(StateIndex, StateIndex)
}
