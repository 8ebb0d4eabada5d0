import CEL
import FlowIR

/// An expression as code, with its source for explanations.
struct LoadedExpression: Sendable {
  let code: CEL.Program
  let source: SourcedExpression

  init(_ source: SourcedExpression, _ types: TypeRegistry) throws(ProgramError) {
    self.source = source
    do throws(LoadError) {
      self.code = try CEL.Program(source.tree, types: types)
    } catch {
      throw ProgramError("the expression `\(source.text)`: \(error.message)")
    }
  }
}

/// A flow made ready to run.
struct LoadedFlow: Sendable {
  let flow: Flow
  let invariants: [LoadedExpression]
  let defaults: [LoadedExpression?]
  let starts: [LoadedReaction]
  let transitions: [LoadedReaction]
  let entries: [[LoadedAct]]
  let exits: [[LoadedAct]]
  let calls: [LoadedCall]
  /// For each state the transitions of each trigger: first the events, then `done` and `failed` of each call.
  private let dispatch: [[[Int]]]
  let always: [[Int]]
  let timers: [[Int]]
  let done: [[Int]]
  let failed: [[Int]]
  let rollbackDone: [[Int]]
  let rollbackFailed: [[Int]]
  let errors: [[Int]]
  /// The result of each state that has one.
  let results: [LoadedExpression?]
  /// States that some transition goes back to.
  let remembered: StateSet
  /// All events that some part of the flow reacts to.
  let handled: Set<Int>
  let usesSelf: Bool
  let usesCaller: Bool
  private let eventCount: Int
  private let keyFields: [Int: Int]

  init(_ program: FlowIR.Program, _ index: Int, _ types: TypeRegistry) throws(ProgramError) {
    let flow = program.flows[index]
    self.flow = flow
    self.eventCount = program.events.count
    self.invariants = try LoadedFlow.load(flow.invariants, types)
    var defaults: [LoadedExpression?] = []
    for field in flow.fields { defaults.append(try LoadedFlow.load(field.defaultValue, types)) }
    self.defaults = defaults
    var starts: [LoadedReaction] = []
    for start in flow.starts { starts.append(try LoadedReaction(start, types)) }
    self.starts = starts
    var transitions: [LoadedReaction] = []
    for transition in flow.transitions { transitions.append(try LoadedReaction(transition, types)) }
    self.transitions = transitions
    var calls: [LoadedCall] = []
    for call in flow.calls { calls.append(try LoadedCall(call, types)) }
    self.calls = calls
    self.entries = try LoadedFlow.load(flow.states.map(\.entry), types)
    self.exits = try LoadedFlow.load(flow.states.map(\.exit), types)

    let tables = DispatchTables(flow, eventCount: program.events.count)
    self.dispatch = tables.byTrigger
    self.always = tables.always
    self.timers = tables.timers
    self.done = tables.done
    self.failed = tables.failed
    self.rollbackDone = tables.rollbackDone
    self.rollbackFailed = tables.rollbackFailed
    self.errors = tables.errors
    var results: [LoadedExpression?] = []
    for state in flow.states { results.append(try LoadedFlow.load(state.result, types)) }
    self.results = results
    self.handled = tables.handled
    self.remembered = StateSet(flow.transitions.filter(\.isHistory).compactMap(\.target))
    let slots = flow.expressions.reduce(into: Set<Int>()) { $0.formUnion($1.tree.usedSlots) }
    self.usesSelf = slots.contains(FrameLayout.selfRecord)
    self.usesCaller = slots.contains(FrameLayout.caller)
    self.keyFields = LoadedFlow.keyFields(flow, program.events)
  }

  /// The payload field of an event that has the name and the type of the flow's key.
  func keyField(of event: Int) -> Int? { keyFields[event] }

  func transitions(in state: Int, on event: Int) -> [Int] { dispatch[state][event] }
  func transitions(in state: Int, onDoneOf call: Int) -> [Int] { dispatch[state][eventCount + 2 * call] }
  func transitions(in state: Int, onFailureOf call: Int) -> [Int] { dispatch[state][eventCount + 2 * call + 1] }

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

  static func load(_ source: SourcedExpression?, _ types: TypeRegistry) throws(ProgramError) -> LoadedExpression? {
    guard let source else { return nil }
    return try LoadedExpression(source, types)
  }

  static func load(_ sources: [SourcedExpression], _ types: TypeRegistry) throws(ProgramError) -> [LoadedExpression] {
    var loaded: [LoadedExpression] = []
    for source in sources { loaded.append(try LoadedExpression(source, types)) }
    return loaded
  }

  static func load(_ blocks: [[Act]], _ types: TypeRegistry) throws(ProgramError) -> [[LoadedAct]] {
    var loaded: [[LoadedAct]] = []
    for block in blocks { loaded.append(try LoadedAct.load(block, types)) }
    return loaded
  }
}

/// Which transitions are asked for which trigger, for every state.
private struct DispatchTables {
  var byTrigger: [[[Int]]]
  var always: [[Int]]
  var timers: [[Int]]
  var done: [[Int]]
  var failed: [[Int]]
  var rollbackDone: [[Int]]
  var rollbackFailed: [[Int]]
  var errors: [[Int]]
  var handled: Set<Int> = []

  init(_ flow: Flow, eventCount: Int) {
    let count = flow.states.count
    byTrigger = Array(repeating: Array(repeating: [], count: eventCount + 2 * flow.calls.count), count: count)
    always = Array(repeating: [], count: count)
    timers = always
    done = always
    failed = always
    rollbackDone = always
    rollbackFailed = always
    errors = always
    handled.formUnion(flow.starts.compactMap(\.event))
    for (state, node) in flow.states.enumerated() {
      handled.formUnion(node.ignored + node.deferred)
      for transition in node.transitions { add(transition, flow, state, eventCount) }
    }
  }

  private mutating func add(_ transition: Int, _ flow: Flow, _ state: Int, _ eventCount: Int) {
    switch flow.transitions[transition].trigger {
    case .event(let event):
      byTrigger[state][event].append(transition)
      handled.insert(event)
    case .any: for event in 0..<eventCount { byTrigger[state][event].append(transition) }
    case .callDone(let call): byTrigger[state][eventCount + 2 * call].append(transition)
    case .callFailed(let call): byTrigger[state][eventCount + 2 * call + 1].append(transition)
    case .always: always[state].append(transition)
    case .after, .every, .at, .cron: timers[state].append(transition)
    case .done: done[state].append(transition)
    case .failed: failed[state].append(transition)
    case .rollbackDone: rollbackDone[state].append(transition)
    case .rollbackFailed: rollbackFailed[state].append(transition)
    case .error: errors[state].append(transition)
    }
  }
}
