import CEL
import FlowIR

/// A flow prepared for execution: flat tables for the interpreter, and the IR for explanations.
final class LoadedFlow: Sendable {
  let index: FlowIndex
  let flow: Flow
  let programs: ProgramTable
  /// The sources of ``programs``.
  let sources: [SourcedExpression]
  let locations: [SourceLocation]
  /// Keys named by part assignments.
  let names: [String]

  let states: Table<StateRow>
  let transitions: Table<TransitionRow>
  let starts: Table<StartRow>
  let statements: Table<ActionStatementRow>
  let parts: Table<PartRow>
  let calls: Table<CallRow>
  /// Lists of states, transitions and calls.
  let indices: Table<Int32>
  let reactions: Table<ReactionRow>
  /// The reactions to each trigger, innermost state first.
  let triggers: Table<RowRange>
  /// The default of each field.
  let defaults: Table<OptionalIndex<ExpressionIndex>>
  let invariants: RowRange
  let readRules: [LoadedReadRule]
  /// The parsed schedules of `cron`, by transition.
  let schedules: [Int: Schedule]
  /// The transitions whose schedule or time zone depends on data.
  let dataSchedules: [DataSchedule]
  /// The parsed schedules of starts.
  let startSchedules: [Int: Schedule]

  let eventCount: Int
  let keptCount: Int
  let frameSize: Int
  let usesSelf: Bool
  let usesCaller: Bool
  let usesNow: Bool
  let hasAlways: Bool
  let hasTimers: Bool
  let hasCalls: Bool
  let hasRoles: Bool
  /// True when the flow reacts to events that only flows emit.
  let hasInternalEvents: Bool
  let hasHistory: Bool
  let hasErrors: Bool
  /// True if an instance may need an ``ExtendedState``.
  let hasExtendedState: Bool
  /// True if invariants read more than data, so that a step without assignments may break one.
  let checksAlways: Bool
  /// True if the flow has a `never`.
  let hasNever: Bool
  /// True if a state has fields.
  let hasStateFields: Bool
  /// The number of fields that are not fields of states; they are the first.
  let ownFieldCount: Int
  /// The events that a state or a start of the flow names.
  let handled: Set<EventIndex>
  private let keyFields: [EventIndex: Int]
  /// The events that start an instance; true for those that also start another run under the key of an ended one.
  private let startEvents: [EventIndex: Bool]
  /// The name of the key field; nil for a flow without a key.
  let keyName: String?

  init(_ program: Program, _ index: FlowIndex, types: TypeRegistry) throws(ProgramError) {
    var builder = FlowBuilder(program, index, types: types)
    try builder.build()
    let flow = program.flows[index]
    self.index = index
    self.flow = flow
    programs = ProgramTable(builder.programs)
    sources = builder.sources
    locations = builder.locations
    names = builder.names
    states = Table(builder.states)
    transitions = Table(builder.transitions)
    starts = Table(builder.starts)
    statements = Table(builder.statements)
    parts = Table(builder.parts)
    calls = Table(builder.calls)
    indices = Table(builder.indices)
    reactions = Table(builder.reactions)
    triggers = Table(builder.triggers)
    defaults = Table(builder.defaults)
    invariants = builder.invariants
    readRules = builder.readRules
    schedules = builder.schedules
    dataSchedules = LoadedFlow.dataSchedules(of: flow)
    startSchedules = builder.startSchedules
    eventCount = program.events.count
    keptCount = flow.keptCount
    frameSize = flow.frameSize
    handled = builder.handled
    keyFields = LoadedFlow.keyFields(flow, program.events)
    startEvents = LoadedFlow.startEvents(flow)
    keyName = flow.key.map { flow.fields[$0].name }

    let slots = flow.expressions.reduce(into: Set<Int>()) { $0.formUnion($1.tree.usedSlots) }
    usesSelf = slots.contains(FrameLayout.selfRecord)
    usesCaller = slots.contains(FrameLayout.caller)
    usesNow = slots.contains(FrameLayout.now)
    let guarded = flow.invariants.reduce(into: Set<Int>()) { $0.formUnion($1.tree.usedSlots) }
    checksAlways = guarded.contains { $0 < FrameLayout.firstField }
    hasAlways = flow.transitions.contains { $0.trigger == .always }
    hasTimers = flow.transitions.contains { $0.trigger.isTimer }
    hasCalls = !flow.calls.isEmpty
    hasRoles =
      flow.transitions.contains { !$0.roles.isEmpty || !$0.senders.isEmpty }
      || flow.starts.contains { !$0.roles.isEmpty || !$0.senders.isEmpty }
    hasInternalEvents = builder.handled.contains { program.events[$0].isInternal }
    hasHistory = flow.transitions.contains(where: \.isHistory)
    hasNever = flow.properties.contains { if case .never = $0 { true } else { false } }
    hasStateFields = flow.hasStateFields
    ownFieldCount = flow.ownFields.count
    hasErrors = flow.transitions.contains { $0.trigger == .error }
    hasExtendedState =
      hasHistory || flow.states.contains { !$0.deferred.isEmpty || $0.isRollback }
      || flow.calls.contains { $0.loop != nil || $0.undo != nil || $0.isStep }
  }

  /// The payload field of an event that has the name and the type of the flow's key.
  func keyField(of event: EventIndex) -> Int? { keyFields[event] }

  /// Returns true if an event can start an instance.
  func starts(on event: EventIndex) -> Bool { startEvents[event] != nil }

  /// Returns true if an event can start another run under a key whose instance has ended.
  func startsAgain(on event: EventIndex) -> Bool { startEvents[event] == true }

  /// The location of an index; that of the flow for nil.
  func location(_ index: LocationIndex?) -> SourceLocation { index.map { locations[$0.position] } ?? flow.location }

  private static func keyFields(_ flow: Flow, _ events: IndexedList<EventIndex, Event>) -> [EventIndex: Int] {
    guard let key = flow.key else { return [:] }
    var found: [EventIndex: Int] = [:]
    for (index, event) in events.indexed {
      found[index] = event.payload.fields.firstIndex {
        $0.name == flow.fields[key].name && $0.type == flow.fields[key].type
      }
    }
    return found
  }

  private static func startEvents(_ flow: Flow) -> [EventIndex: Bool] {
    var found: [EventIndex: Bool] = [:]
    for start in flow.starts {
      if case .event(let event, let isAgain) = start.trigger { found[event] = found[event] == true || isAgain }
    }
    return found
  }

  // MARK: - Triggers

  /// The reactions to an event in active states, innermost first: the state and the transition.
  func reactions(to event: EventIndex, in active: StateSet) -> [(state: StateIndex, transition: Int)] {
    var found: [(state: StateIndex, transition: Int)] = []
    for index in triggers[trigger(of: event)].range where active.contains(reactions[index].state) {
      let row = reactions[index]
      for position in row.exact.range { found.append((row.state, Int(indices[position]))) }
      for position in row.any.range { found.append((row.state, Int(indices[position]))) }
    }
    return found
  }

  // Numbered without a gap: the events of the program, four for each call and each state, and the two of the flow.
  func trigger(of event: EventIndex) -> Int { event.position }
  func trigger(doneOf call: CallIndex) -> Int { eventCount + 4 * call.position }
  func trigger(failureOf call: CallIndex) -> Int { eventCount + 4 * call.position + 1 }
  func trigger(itemDoneOf call: CallIndex) -> Int { eventCount + 4 * call.position + 2 }
  func trigger(itemFailureOf call: CallIndex) -> Int { eventCount + 4 * call.position + 3 }
  func triggers(of call: CallIndex) -> Range<Int> { trigger(doneOf: call)..<trigger(doneOf: call) + 4 }
  var alwaysTrigger: Int { triggers.count - 2 }
  var errorTrigger: Int { triggers.count - 1 }

  func trigger(_ kind: StateTrigger, of state: StateIndex) -> Int {
    eventCount + 4 * (calls.count + state.position) + kind.rawValue
  }
}

/// Internal events that concern a state as a whole.
enum StateTrigger: Int { case done, failed, rollbackDone, rollbackFailed }

extension LoadedFlow {
  /// Returns true if a state of the set has none of its children in the set.
  func isLeaf(_ state: StateIndex, in active: StateSet) -> Bool {
    guard state != .root else { return false }
    guard let next = active.next(from: state.next) else { return true }
    return next >= states[state].end
  }

  /// The paths of the innermost states of a set, in document order.
  func leafPaths(_ active: StateSet) -> [String] {
    active.ascending.filter { isLeaf($0, in: active) }.map { flow.states[$0].path }
  }
}
