import CEL
import FlowIR
import FlowMachine

/// A flow prepared for verification: its structure as rows, its expressions as nodes, and the slots of its data.
final class VerifiedFlow {
  let program: Program
  let index: FlowIndex
  let flow: Flow
  let types: TypeRegistry
  let reader: ExpressionReader
  let transitions: [TransitionModel]
  let states: [StateModel]
  let starts: [StartModel]
  let calls: [CallModel]
  let invariants: [InvariantModel]
  let defaults: [NodeIndex?]
  let layout: StateLayout
  /// The reactions to each trigger, innermost state first.
  let reactions: [SignalKey: [ReactionModel]]
  /// The transitions that are set off by an instant, in order.
  let timers: [Int]
  /// The calls that distinguish expressions, as ``CallModel/isResultOptional``.
  let remembered: [StateIndex]
  /// The events that some state defers.
  let deferrable: [EventIndex]
  let hasAlways: Bool
  let hasErrors: Bool
  /// The events that instances of a flow of the program may send.
  let emitted: [EventIndex: [FlowIndex]]

  var graph: ExpressionGraph { reader.graph }

  /// The values that transitions and starts give to the fields of states.
  var arguments: [ArgumentModel] { transitions.flatMap(\.arguments) + starts.flatMap(\.arguments) }

  /// The fields of states that have defaults, with them.
  var stateDefaults: [(field: Int, value: NodeIndex)] {
    flow.fields.indices.compactMap { field in
      flow.fields[field].state == nil ? nil : defaults[field].map { (field, $0) }
    }
  }

  init(_ program: Program, flow index: FlowIndex) {
    let flow = program.flows[index]
    let types = program.registry
    var reader = ExpressionReader(types: types, fields: flow.fields)
    self.program = program
    self.index = index
    self.flow = flow
    self.types = types
    transitions = flow.transitions.map { TransitionModel($0, of: flow, in: program, &reader) }
    states = flow.states.indices.map { StateModel($0, of: flow, in: program, &reader) }
    starts = flow.starts.map { StartModel($0, of: flow, in: program, &reader) }
    calls = flow.calls.map { CallModel($0, of: program, types: types, &reader) }
    let firstResult = FrameLayout.firstField + flow.fields.count
    invariants = flow.invariants.map { source in
      let slots = source.tree.usedSlots
      return InvariantModel(
        node: reader.read(source), isOfData: slots.allSatisfy { $0 >= FrameLayout.firstField },
        isAssumed: slots.allSatisfy { $0 >= FrameLayout.firstField && $0 < firstResult })
    }
    defaults = flow.fields.map { field in field.defaultValue.map { reader.read($0, within: field.maximum) } }
    timers = flow.transitions.indices.filter { flow.transitions[$0].trigger.isTimer }
    let targets = flow.transitions.filter(\.isHistory).compactMap(\.target)
    remembered = Array(Set(targets)).sorted()
    deferrable = program.events.indices.filter { event in flow.states.contains { $0.deferred.contains(event) } }
    hasAlways = flow.transitions.contains { $0.trigger == .always }
    hasErrors = flow.transitions.contains { $0.trigger == .error }
    var emitted: [EventIndex: [FlowIndex]] = [:]
    for (sender, other) in program.flows.indexed {
      for event in other.emittedEvents { emitted[event, default: []].append(sender) }
    }
    self.emitted = emitted
    reactions = VerifiedFlow.reactions(flow, program)
    layout = StateLayout(
      flow, types: types, timers: timers.count, remembered: remembered.count, deferrable: deferrable.count)
    self.reader = reader
  }

  /// True if an event may come from outside of the instance.
  func isSent(_ event: EventIndex) -> Bool { !program.events[event].isInternal || emitted[event] != nil }
}

/// An invariant.
struct InvariantModel {
  var node: NodeIndex
  /// True if it reads fields and results only, so that it is checked after changes of them.
  var isOfData: Bool
  /// True if it reads fields only, so that it holds at the beginning of every step. Results may change without a check.
  var isAssumed: Bool
}

/// The subject of a selection of reactions.
enum SignalKey: Hashable {
  case event(EventIndex)
  case callDone(CallIndex)
  case callFailed(CallIndex)
  case itemDone(CallIndex)
  case itemFailed(CallIndex)
  case done(StateIndex)
  case failed(StateIndex)
  case rollbackDone(StateIndex)
  case rollbackFailed(StateIndex)
  case always
  case error
}

/// The reactions of one state to a signal.
struct ReactionModel {
  enum Reply { case no, ignore, `defer` }

  var state: StateIndex
  var exact: [Int]
  var reply: Reply
  var any: [Int]
}

extension VerifiedFlow {
  fileprivate static func reactions(_ flow: Flow, _ program: Program) -> [SignalKey: [ReactionModel]] {
    var found: [SignalKey: [ReactionModel]] = [:]
    for event in program.events.indices {
      for (index, state) in flow.states.indexed.reversed() {
        let exact = state.transitions.filter { flow.transitions[$0].trigger == .event(event) }
        let any = state.transitions.filter { flow.transitions[$0].trigger == .any }
        let reply: ReactionModel.Reply =
          state.ignored.contains(event) ? .ignore : state.deferred.contains(event) ? .defer : .no
        guard !exact.isEmpty || !any.isEmpty || reply != .no else { continue }
        found[.event(event), default: []].append(ReactionModel(state: index, exact: exact, reply: reply, any: any))
      }
    }
    for (index, state) in flow.states.indexed.reversed() {
      for transition in state.transitions {
        guard let signal = signal(of: flow.transitions[transition].trigger, state: index) else { continue }
        var rows = found[signal, default: []]
        if rows.last?.state == index {
          rows[rows.count - 1].exact.append(transition)
        } else {
          rows.append(ReactionModel(state: index, exact: [transition], reply: .no, any: []))
        }
        found[signal] = rows
      }
    }
    return found
  }

  /// The signal of a trigger other than an event or a timer. Those of a state concern the state that has the reaction.
  private static func signal(of trigger: Trigger, state: StateIndex) -> SignalKey? {
    switch trigger {
    case .always: .always
    case .error: .error
    case .callDone(let call): .callDone(call)
    case .callFailed(let call): .callFailed(call)
    case .itemDone(let call): .itemDone(call)
    case .itemFailed(let call): .itemFailed(call)
    case .done: .done(state)
    case .failed: .failed(state)
    case .rollbackDone: .rollbackDone(state)
    case .rollbackFailed: .rollbackFailed(state)
    case .event, .any, .after, .every, .at, .cron: nil
    }
  }
}
