import CEL
import FlowIR
import FlowMachine

/// A statement of a reaction, with its expressions as nodes.
struct StatementModel {
  enum Kind {
    case assign(slot: Int, part: [PartModel], NodeIndex)
    case raise(EventIndex, NodeIndex)
    /// An event for instances of other flows.
    case emit(EventIndex, NodeIndex, to: FlowIndex?)
    /// `log` and work whose result is not awaited: only their failures matter.
    case effect([NodeIndex])
  }

  enum PartModel {
    case field(String)
    case index(NodeIndex)
  }

  var kind: Kind
  var loop: (slot: Int, list: NodeIndex, element: ValueType)?
  var condition: NodeIndex?
  var location: SourceLocation

  init(_ statement: ActionStatement, of program: Program, _ reader: inout ExpressionReader) {
    location = statement.location
    condition = statement.condition.map { reader.read($0) }
    if let given = statement.loop {
      let element: ValueType = if case .list(let element) = given.list.tree.type { element } else { .dyn }
      loop = (given.slot, reader.read(given.list), element)
    }
    switch statement.kind {
    case .assign(let slot, let part, let value):
      let steps = part.map { step in
        switch step {
        case .field(let name): PartModel.field(name)
        case .index(let index), .entry(let index): PartModel.index(reader.read(index))
        }
      }
      kind = .assign(slot: slot, part: steps, reader.read(value, within: reader.maximum(of: slot, part: part)))
    case .raise(let event, let value): kind = .raise(event, reader.read(value))
    case .emit(let event, let value, to: let flow): kind = .emit(event, reader.read(value), to: flow)
    case .log(let value): kind = .effect([reader.read(value)])
    case .perform(let action, let arguments):
      kind = .effect(reader.read(arguments, for: .action(action), of: program))
    }
  }
}

/// The value of a field of a state that is entered.
struct ArgumentModel {
  var field: Int
  var value: NodeIndex

  init(_ argument: StateArgument, _ reader: inout ExpressionReader) {
    field = argument.field
    value = reader.read(argument.value, within: reader.fields[argument.field].maximum)
  }
}

/// A reaction, with the states that it leaves and enters.
struct TransitionModel {
  var source: StateIndex
  var target: StateIndex?
  var isHistory: Bool
  var hasCallers: Bool
  var condition: NodeIndex?
  var arguments: [ArgumentModel]
  var statements: [StatementModel]
  var domain: StateIndex?
  var exits: Range<StateIndex>
  var entering: [StateIndex]
  /// The instant or the length of a timer.
  var due: NodeIndex?
  /// The length of `after` or `every`, when it is known, in nanoseconds.
  var length: Int128?
  var timer: Timer?
  var location: SourceLocation

  enum Timer { case after, every, at, cron }

  init(_ transition: Transition, of flow: Flow, in program: Program, _ reader: inout ExpressionReader) {
    source = transition.source
    target = transition.target
    isHistory = transition.isHistory
    hasCallers = !transition.roles.isEmpty || !transition.senders.isEmpty
    condition = transition.guardExpression.map { reader.read($0) }
    arguments = transition.arguments.map { ArgumentModel($0, &reader) }
    statements = transition.statements.map { StatementModel($0, of: program, &reader) }
    domain = flow.domain(of: transition)
    exits = .root..<StateIndex.root
    entering = []
    if let domain, let target {
      exits = flow.exits(from: domain, to: target)
      entering = flow.entering(target, from: domain)
    }
    location = transition.location
    let source: SourcedExpression?
    (timer, source) =
      switch transition.trigger {
      case .after(let due): (.after, due)
      case .every(let due): (.every, due)
      case .at(let due): (.at, due)
      case .cron(let cron): (.cron, cron.spec ?? cron.zone)
      default: (nil, nil)
      }
    due = source.map { reader.read($0) }
    if timer == .after || timer == .every, let constant = source.flatMap({ TransitionModel.constant($0.tree) }) {
      length = ValueSet.number(of: constant)
    }
  }

  private static func constant(_ tree: TypedExpression) -> Value? {
    if case .named(let definition) = tree.kind { return constant(definition.body) }
    return tree.constant
  }
}

/// A state, with its statements and its work.
struct StateModel {
  var state: State
  /// The indices of its fields among those of the flow.
  var fields: [Int]
  var entry: [StatementModel]
  var exit: [StatementModel]
  var result: NodeIndex?
  /// Positions among the timers of the flow.
  var timers: [Int]
  var calls: [CallIndex]
  var steps: [CallIndex]
  var reactsToEvents: Bool
  var hasWork: Bool

  init(_ index: StateIndex, of flow: Flow, in program: Program, _ reader: inout ExpressionReader) {
    state = flow.states[index]
    fields = flow.fields(of: index)
    entry = state.entry.map { StatementModel($0, of: program, &reader) }
    exit = state.exit.map { StatementModel($0, of: program, &reader) }
    result = state.result.map { reader.read($0, within: flow.resultMaximum) }
    let all = flow.transitions.indices.filter { flow.transitions[$0].trigger.isTimer }
    timers = state.transitions.compactMap { all.firstIndex(of: $0) }
    calls = state.calls.filter { !flow.calls[$0].isStep }
    steps = state.calls.filter { flow.calls[$0].isStep }
    reactsToEvents = state.transitions.contains { transition in
      switch flow.transitions[transition].trigger {
      case .event, .any: true
      default: false
      }
    }
    hasWork = !timers.isEmpty || !state.calls.isEmpty || state.isRollback
  }
}

/// A start of a flow.
struct StartModel {
  var start: Start
  var condition: NodeIndex?
  var arguments: [ArgumentModel]
  var statements: [StatementModel]
  var entering: [StateIndex]

  init(_ start: Start, of flow: Flow, in program: Program, _ reader: inout ExpressionReader) {
    self.start = start
    condition = start.guardExpression.map { reader.read($0) }
    arguments = start.arguments.map { ArgumentModel($0, &reader) }
    statements = start.statements.map { StatementModel($0, of: program, &reader) }
    entering = flow.entering(start.target, from: .root)
  }
}

/// A call or a step.
struct CallModel {
  var call: Call
  var arguments: [NodeIndex]
  var list: NodeIndex?
  var limit: NodeIndex?
  var once: NodeIndex?
  var priority: NodeIndex?
  var condition: NodeIndex?
  var undo: [NodeIndex]?
  /// The type of its result, as expressions read it.
  var resultType: ValueType
  var itemType: ValueType
  var isResultOptional: Bool
  /// The largest size of its result; nil for no bound, and for the list of the results of items.
  var resultMaximum: Int?

  init(_ call: Call, of program: Program, types: TypeRegistry, _ reader: inout ExpressionReader) {
    self.call = call
    arguments = reader.read(call.arguments, for: call.target, of: program)
    list = call.loop.map { reader.read($0.list) }
    limit = call.limit.map { reader.read($0) }
    once = call.once.map { reader.read($0) }
    priority = call.priority.map { reader.read($0) }
    condition = call.condition.map { reader.read($0) }
    undo = call.undo.map { reader.read($0.arguments, for: .action($0.action), of: program) }
    resultType = types.record(named: call.resultRecord)?.fields.first?.type ?? .dyn
    itemType = if case .list(let element)? = call.loop?.list.tree.type { element } else { .dyn }
    resultMaximum = types.record(named: call.resultRecord)?.fields.first?.maximum
    isResultOptional = if case .optional = resultType { true } else { false }
  }
}
