import CEL
import FlowIR

/// A flow made ready to run: flat tables for the interpreter, the IR beside them for whoever explains.
final class LoadedFlow: Sendable {
  let index: Int
  let flow: Flow
  let programs: ProgramTable
  /// What the programs were made of.
  let sources: [SourcedExpression]
  let places: [SourceLocation]
  /// Keys that part assignments name.
  let names: [String]

  let states: Table<StateRow>
  let transitions: Table<TransitionRow>
  let starts: Table<StartRow>
  let acts: Table<ActionStatementRow>
  let parts: Table<PartRow>
  let calls: Table<CallRow>
  /// Lists of states, transitions and calls.
  let indices: Table<Int32>
  let answers: Table<ReactionRow>
  /// The answers to each trigger, innermost state first.
  let triggers: Table<RowRange>
  /// The program of each field's default.
  let defaults: Table<Int32>
  let invariants: RowRange
  /// The parsed schedules of `cron`, by transition.
  let schedules: [Int: Schedule]
  /// And those of starts.
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
  let hasHistory: Bool
  let hasErrors: Bool
  /// Whether an instance has more to keep than states, data, timers and calls.
  let hasLedger: Bool
  /// Invariants that don't look at data alone.
  let checksAlways: Bool
  /// All events that some part of the flow reacts to.
  let handled: Set<Int>
  private let keyFields: [Int: Int]

  init(_ program: Program, _ index: Int, _ types: TypeRegistry) throws(ProgramError) {
    var builder = FlowBuilder(program, index, types)
    try builder.build()
    let flow = program.flows[index]
    self.index = index
    self.flow = flow
    programs = ProgramTable(builder.programs)
    sources = builder.sources
    places = builder.places
    names = builder.names
    states = Table(builder.states)
    transitions = Table(builder.transitions)
    starts = Table(builder.starts)
    acts = Table(builder.acts)
    parts = Table(builder.parts)
    calls = Table(builder.calls)
    indices = Table(builder.indices)
    answers = Table(builder.answers)
    triggers = Table(builder.triggers)
    defaults = Table(builder.defaults)
    invariants = builder.invariants
    schedules = builder.schedules
    startSchedules = builder.startSchedules
    eventCount = program.events.count
    keptCount = flow.keptCount
    frameSize = flow.frameSize
    handled = builder.handled
    keyFields = LoadedFlow.keyFields(flow, program.events)

    let slots = flow.expressions.reduce(into: Set<Int>()) { $0.formUnion($1.tree.usedSlots) }
    usesSelf = slots.contains(FrameLayout.selfRecord)
    usesCaller = slots.contains(FrameLayout.caller)
    usesNow = slots.contains(FrameLayout.now)
    let guarded = flow.invariants.reduce(into: Set<Int>()) { $0.formUnion($1.tree.usedSlots) }
    checksAlways = guarded.contains { $0 < FrameLayout.firstField }
    hasAlways = flow.transitions.contains { $0.trigger == .always }
    hasTimers = flow.transitions.contains { $0.trigger.isTimer }
    hasCalls = !flow.calls.isEmpty
    hasRoles = flow.transitions.contains { !$0.roles.isEmpty } || flow.starts.contains { !$0.roles.isEmpty }
    hasHistory = flow.transitions.contains(where: \.isHistory)
    hasErrors = flow.transitions.contains { $0.trigger == .error }
    hasLedger =
      hasHistory || flow.states.contains { !$0.deferred.isEmpty || $0.isRollback }
      || flow.calls.contains { $0.loop != nil || $0.undo != nil || $0.isStep }
  }

  /// The payload field of an event that has the name and the type of the flow's key.
  func keyField(of event: Int) -> Int? { keyFields[event] }

  func place(_ index: Int32) -> SourceLocation { index == none ? flow.place : places[Int(index)] }

  private static func keyFields(_ flow: Flow, _ events: [Event]) -> [Int: Int] {
    guard let key = flow.key else { return [:] }
    var found: [Int: Int] = [:]
    for (index, event) in events.enumerated() {
      found[index] = event.payload.fields.firstIndex {
        $0.name == flow.fields[key].name && $0.type == flow.fields[key].type
      }
    }
    return found
  }

  // MARK: - Triggers

  // Numbered without a gap: the events of the program, two for each call, four for each state, and the two of the flow.
  func trigger(doneOf call: Int) -> Int { eventCount + 2 * call }
  func trigger(failureOf call: Int) -> Int { eventCount + 2 * call + 1 }
  var alwaysTrigger: Int { triggers.count - 2 }
  var errorTrigger: Int { triggers.count - 1 }

  func trigger(_ kind: StateTrigger, _ state: Int) -> Int {
    eventCount + 2 * calls.count + 4 * state + kind.rawValue
  }
}

/// What happens to a state as a whole.
enum StateTrigger: Int { case done, failed, rollbackDone, rollbackFailed }

extension LoadedFlow {
  /// Whether a state of the set has none of its children in the set.
  func isLeaf(_ state: Int, in active: StateSet) -> Bool {
    guard state != 0 else { return false }
    guard let next = active.next(from: state + 1) else { return true }
    return next >= Int(states[state].end)
  }

  /// The innermost of the states, as paths in document order.
  func leafPaths(_ active: StateSet) -> [String] {
    active.ascending.filter { isLeaf($0, in: active) }.map { flow.states[$0].path }
  }
}
