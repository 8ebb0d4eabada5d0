import CEL
import FlowIR
import FlowTime

/// The schedule of a `cron` with the expression of its time zone.
struct Schedule: Sendable {
  /// Nil for one that is computed from data.
  let schedule: CronSchedule?
  /// The expression of a schedule that is computed from data.
  let spec: ExpressionIndex?
  /// Nil is UTC.
  let zone: ExpressionIndex?
}

/// Compiles a flow to rows.
struct FlowBuilder {
  let program: Program
  let flow: Flow
  let types: TypeRegistry

  var programs: [ExpressionProgram] = []
  var sources: [SourcedExpression] = []
  var locations: [SourceLocation] = []
  var names: [String] = []
  var states: [StateRow] = []
  var transitions: [TransitionRow] = []
  var starts: [StartRow] = []
  var statements: [ActionStatementRow] = []
  var parts: [PartRow] = []
  var calls: [CallRow] = []
  var indices: [Int32] = []
  var reactions: [ReactionRow] = []
  var triggers: [RowRange] = []
  var defaults: [OptionalIndex<ExpressionIndex>] = []
  var invariants = RowRange()
  var readRules: [LoadedReadRule] = []
  var schedules: [Int: Schedule] = [:]
  var startSchedules: [Int: Schedule] = [:]
  var handled: Set<EventIndex> = []

  init(_ program: Program, _ index: FlowIndex, types: TypeRegistry) {
    self.program = program
    self.flow = program.flows[index]
    self.types = types
  }

  mutating func build() throws(ProgramError) {
    let remembered = Set(flow.transitions.filter(\.isHistory).compactMap(\.target))
    for index in flow.states.indices { states.append(try state(index, isRemembered: remembered.contains(index))) }
    for index in flow.transitions.indices { transitions.append(try transition(index)) }
    for index in flow.starts.indices { starts.append(try start(index)) }
    for call in flow.calls { calls.append(try self.call(call)) }
    for field in flow.fields { defaults.append(try add(field.defaultValue, within: field.bound)) }
    invariants = try add(flow.invariants)
    for rule in flow.readRules {
      readRules.append(LoadedReadRule(roles: rule.roles.map { program.roles[$0] }, condition: try add(rule.condition)))
    }
    addTriggers()
  }

  // MARK: - Parts

  /// - Parameter bound: The bound of the field that is assigned the value.
  private mutating func add(
    _ source: SourcedExpression, within bound: SizeBound? = nil
  ) throws(ProgramError) -> ExpressionIndex {
    do throws(LoadError) {
      programs.append(try ExpressionProgram(source.tree, types: types, bound: bound))
    } catch {
      throw ProgramError("the expression `\(source.text)`: \(error.message)")
    }
    sources.append(source)
    return ExpressionIndex(programs.count - 1)
  }

  private mutating func add(
    _ source: SourcedExpression?, within bound: SizeBound? = nil
  ) throws(ProgramError) -> OptionalIndex<ExpressionIndex> {
    guard let source else { return nil }
    return OptionalIndex(try add(source, within: bound))
  }

  /// The arguments of an action or a flow.
  private mutating func add(_ list: [SourcedExpression], for target: Call.Target) throws(ProgramError) -> RowRange {
    try add(list, within: program.parameters(of: target).fields.map(\.bound))
  }

  /// - Parameter bounds: The bounds of the fields that are assigned the values, in the same order.
  private mutating func add(
    _ list: [SourcedExpression], within bounds: [SizeBound?] = []
  ) throws(ProgramError) -> RowRange {
    let start = Int32(programs.count)
    for (position, source) in list.enumerated() {
      let bound = bounds.indices.contains(position) ? bounds[position] : nil
      _ = try add(source, within: bound) as ExpressionIndex
    }
    return RowRange(start: start, count: Int32(list.count))
  }

  private mutating func add(_ list: [Int]) -> RowRange {
    let start = Int32(indices.count)
    indices += list.map { Int32($0) }
    return RowRange(start: start, count: Int32(list.count))
  }

  private mutating func add(_ list: [some ProgramIndex]) -> RowRange { add(list.map(\.position)) }

  private mutating func add(_ location: SourceLocation) -> LocationIndex {
    if locations.last != location { locations.append(location) }
    return LocationIndex(locations.count - 1)
  }

  private mutating func add(_ list: [ActionStatement]) throws(ProgramError) -> RowRange {
    let start = Int32(statements.count)
    for statement in list { statements.append(try row(of: statement)) }
    return RowRange(start: start, count: Int32(list.count))
  }

  // MARK: - Rows

  private mutating func state(_ index: StateIndex, isRemembered: Bool) throws(ProgramError) -> StateRow {
    let state = flow.states[index]
    let timers = state.transitions.filter { flow.transitions[$0].trigger.isTimer }
    let steps = state.calls.filter { flow.calls[$0].isStep }
    return StateRow(
      parent: state.parent, end: state.end, children: add(state.children), entry: try add(state.entry),
      exit: try add(state.exit), timers: add(timers), calls: add(state.calls.filter { !flow.calls[$0].isStep }),
      steps: add(steps), fields: add(flow.fields(of: index)),
      result: try add(state.result, within: flow.resultBound), isFinal: state.isFinal,
      isFailed: state.kind == .failed,
      isRegion: state.kind == .region, isParallel: state.kind == .parallel, isRollback: state.isRollback,
      isRemembered: isRemembered, reactsToEvents: state.transitions.contains(where: reactsToEvent),
      hasWork: !timers.isEmpty || !state.calls.isEmpty || state.isRollback)
  }

  private func reactsToEvent(_ transition: Int) -> Bool {
    switch flow.transitions[transition].trigger {
    case .event, .any: true
    default: false
    }
  }

  private mutating func transition(_ index: Int) throws(ProgramError) -> TransitionRow {
    let node = flow.transitions[index]
    let domain = flow.domain(of: node)
    var row = TransitionRow(
      source: node.source, target: OptionalIndex(node.target), condition: try add(node.guardExpression),
      statements: try add(node.statements), arguments: try add(node.arguments), domain: OptionalIndex(domain),
      exitLow: .root, exitHigh: .root,
      entering: RowRange(), due: nil, location: add(node.location), timer: .no, isHistory: node.isHistory,
      hasRoles: !node.roles.isEmpty || !node.senders.isEmpty)
    if let domain, let target = node.target {
      let exits = flow.exits(from: domain, to: target)
      (row.exitLow, row.exitHigh) = (exits.lowerBound, exits.upperBound)
      row.entering = add(flow.entering(target, from: domain))
    }
    switch node.trigger {
    case .after(let due): (row.timer, row.due) = (.after, try add(due))
    case .every(let due): (row.timer, row.due) = (.every, try add(due))
    case .at(let due): (row.timer, row.due) = (.at, try add(due))
    case .cron(let cron):
      row.timer = .cron
      schedules[index] = try schedule(cron)
    default: break
    }
    return row
  }

  private mutating func start(_ index: Int) throws(ProgramError) -> StartRow {
    let start = flow.starts[index]
    var row = StartRow(
      condition: try add(start.guardExpression), statements: try add(start.statements),
      arguments: try add(start.arguments),
      entering: add(flow.entering(start.target, from: .root)), due: nil, location: add(start.location),
      hasRoles: !start.roles.isEmpty || !start.senders.isEmpty)
    if case .every(let due) = start.trigger { row.due = try add(due) }
    if case .cron(let cron) = start.trigger { startSchedules[index] = try schedule(cron) }
    return row
  }

  private mutating func add(_ arguments: [StateArgument]) throws(ProgramError) -> ArgumentRows {
    let bounds = arguments.map { flow.fields[$0.field].bound }
    return ArgumentRows(
      values: try add(arguments.map(\.value), within: bounds), fields: add(arguments.map(\.field)))
  }

  private mutating func schedule(_ cron: Cron) throws(ProgramError) -> Schedule {
    let schedule = CronSchedule(cron.schedule)
    if cron.spec == nil, schedule == nil { throw ProgramError("a schedule can't be read") }
    return Schedule(schedule: schedule, spec: try add(cron.spec).wrapped, zone: try add(cron.zone).wrapped)
  }

  private mutating func row(of statement: ActionStatement) throws(ProgramError) -> ActionStatementRow {
    var row = ActionStatementRow(
      kind: .log, index: -1, value: RowRange(), parts: RowRange(), loop: try add(statement.loop?.list),
      loopSlot: Int32(statement.loop?.slot ?? 0), condition: try add(statement.condition),
      location: add(statement.location))
    switch statement.kind {
    case .assign(let slot, let part, let value):
      row.kind = part.isEmpty ? .assign : .assignPart
      row.index = Int32(slot)
      row.parts = try add(part, of: flow.fields[slot - FrameLayout.firstField].type)
      // What a part is assigned is checked as a whole.
      let bound = part.isEmpty ? flow.fields[slot - FrameLayout.firstField].bound : nil
      row.value = try add([value], within: [bound])
    case .perform(let action, let arguments):
      (row.kind, row.index, row.value) = (.perform, Int32(action), try add(arguments, for: .action(action)))
    case .emit(let event, let value, let flow):
      (row.kind, row.index, row.value) = (.emit, event.rawValue, try add([value]))
      row.receivers = OptionalIndex(flow)
    case .raise(let event, let value): (row.kind, row.index, row.value) = (.raise, event.rawValue, try add([value]))
    case .log(let value): row.value = try add([value])
    }
    return row
  }

  private mutating func add(_ path: [ActionStatement.PartStep], of root: ValueType) throws(ProgramError) -> RowRange {
    var rows: [PartRow] = []
    var type = root
    for step in path {
      switch step {
      case .index(let index):
        rows.append(.index(try add(index)))
        switch type {
        case .list(let element): type = element
        case .map(_, let value): type = value
        default: type = .dyn
        }
      case .entry(let key): rows.append(.entry(try add(key)))
      case .field(let name):
        if case .record(let record) = type, let declaration = types.record(named: record),
          let position = declaration.fields.firstIndex(where: { $0.name == name })
        {
          rows.append(.field(position))
          type = declaration.fields[position].type
        } else {
          rows.append(.name(names.count))
          names.append(name)
          type = .dyn
        }
      }
    }
    let start = Int32(parts.count)
    parts += rows
    return RowRange(start: start, count: Int32(rows.count))
  }

  private mutating func call(_ call: Call) throws(ProgramError) -> CallRow {
    CallRow(
      state: call.state, arguments: try add(call.arguments, for: call.target), loop: try add(call.loop?.list),
      loopSlot: Int32(call.loop?.slot ?? 0), limit: try add(call.limit), once: try add(call.once),
      priority: try add(call.priority), condition: try add(call.condition), after: add(call.after),
      hasUndo: call.undo != nil,
      undoArguments: try call.undo.map { undo throws(ProgramError) in
        try add(undo.arguments, for: .action(undo.action))
      } ?? RowRange(), resultSlot: Int32(call.resultSlot),
      location: add(call.location), isStep: call.isStep, isResultOptional: isResultOptional(call),
      hasAbsentItems: hasAbsentItems(call))
  }
}

extension FlowBuilder {
  private func isResultOptional(_ call: Call) -> Bool {
    if case .optional? = types.record(named: call.resultRecord)?.fields.first?.type { true } else { false }
  }

  private func hasAbsentItems(_ call: Call) -> Bool {
    if case .list(.optional)? = types.record(named: call.resultRecord)?.fields.first?.type { true } else { false }
  }
}

// MARK: - Reactions to triggers

extension FlowBuilder {
  private mutating func addTriggers() {
    handled.formUnion(flow.starts.compactMap(\.event))
    for event in program.events.indices { triggers.append(reactions(to: event)) }
    for call in flow.calls.indices {
      triggers.append(reactions { $0 == .callDone(call) })
      triggers.append(reactions { $0 == .callFailed(call) })
      triggers.append(reactions { $0 == .itemDone(call) })
      triggers.append(reactions { $0 == .itemFailed(call) })
    }
    for state in flow.states.indices {
      for trigger in [Trigger.done, .failed, .rollbackDone, .rollbackFailed] {
        triggers.append(reactions(only: state) { $0 == trigger })
      }
    }
    triggers.append(reactions { $0 == .always })
    triggers.append(reactions { $0 == .error })
  }

  private mutating func reactions(only state: StateIndex? = nil, to matches: (Trigger) -> Bool) -> RowRange {
    let start = Int32(reactions.count)
    for index in flow.states.indices.reversed() where state == nil || state == index {
      let exact = flow.states[index].transitions.filter { matches(flow.transitions[$0].trigger) }
      guard !exact.isEmpty else { continue }
      reactions.append(
        ReactionRow(state: index, end: flow.states[index].end, exact: add(exact), reply: .no, any: RowRange()))
    }
    return RowRange(start: start, count: Int32(reactions.count) - start)
  }

  private mutating func reactions(to event: EventIndex) -> RowRange {
    let start = Int32(reactions.count)
    for (index, state) in flow.states.indexed.reversed() {
      let exact = state.transitions.filter { flow.transitions[$0].trigger == .event(event) }
      let any = state.transitions.filter { flow.transitions[$0].trigger == .any }
      let reply: ReactionRow.Reply =
        state.ignored.contains(event) ? .ignore : state.deferred.contains(event) ? .defer : .no
      if !exact.isEmpty || reply != .no { handled.insert(event) }
      guard !exact.isEmpty || !any.isEmpty || reply != .no else { continue }
      reactions.append(ReactionRow(state: index, end: state.end, exact: add(exact), reply: reply, any: add(any)))
    }
    return RowRange(start: start, count: Int32(reactions.count) - start)
  }
}
