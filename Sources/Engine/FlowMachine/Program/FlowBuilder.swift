import CEL
import FlowIR
import FlowTime

/// When a `cron` falls due, with the program that gives its time zone.
struct Schedule: Sendable {
  let schedule: CronSchedule
  let zone: Int32
}

/// Lays a flow out in rows.
struct FlowBuilder {
  let program: Program
  let flow: Flow
  let types: TypeRegistry

  var programs: [ExpressionProgram] = []
  var sources: [SourcedExpression] = []
  var places: [SourceLocation] = []
  var names: [String] = []
  var states: [StateRow] = []
  var transitions: [TransitionRow] = []
  var starts: [StartRow] = []
  var acts: [ActionStatementRow] = []
  var parts: [PartRow] = []
  var calls: [CallRow] = []
  var indices: [Int32] = []
  var answers: [ReactionRow] = []
  var triggers: [RowRange] = []
  var defaults: [Int32] = []
  var invariants = RowRange()
  var schedules: [Int: Schedule] = [:]
  var startSchedules: [Int: Schedule] = [:]
  var handled: Set<Int> = []

  init(_ program: Program, _ index: Int, _ types: TypeRegistry) {
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
    for field in flow.fields { defaults.append(try add(field.defaultValue)) }
    invariants = try add(flow.invariants)
    addTriggers()
  }

  // MARK: - Parts

  private mutating func add(_ source: SourcedExpression?) throws(ProgramError) -> Int32 {
    guard let source else { return none }
    do throws(LoadError) {
      programs.append(try ExpressionProgram(source.tree, types: types))
    } catch {
      throw ProgramError("the expression `\(source.text)`: \(error.message)")
    }
    sources.append(source)
    return Int32(programs.count - 1)
  }

  private mutating func add(_ list: [SourcedExpression]) throws(ProgramError) -> RowRange {
    let start = Int32(programs.count)
    for source in list { _ = try add(source) }
    return RowRange(start: start, count: Int32(list.count))
  }

  private mutating func add(_ list: [Int]) -> RowRange {
    let start = Int32(indices.count)
    indices += list.map { Int32($0) }
    return RowRange(start: start, count: Int32(list.count))
  }

  private mutating func add(_ place: SourceLocation) -> Int32 {
    if places.last != place { places.append(place) }
    return Int32(places.count - 1)
  }

  private mutating func add(_ list: [ActionStatement]) throws(ProgramError) -> RowRange {
    let start = Int32(acts.count)
    for act in list { acts.append(try self.act(act)) }
    return RowRange(start: start, count: Int32(list.count))
  }

  // MARK: - Rows

  private mutating func state(_ index: Int, isRemembered: Bool) throws(ProgramError) -> StateRow {
    let state = flow.states[index]
    let timers = state.transitions.filter { flow.transitions[$0].trigger.isTimer }
    let steps = state.calls.filter { flow.calls[$0].isStep }
    return StateRow(
      parent: Int32(state.parent), end: Int32(state.end), depth: Int32(state.depth),
      initial: state.initial.map { Int32($0) } ?? none, children: add(state.children), entry: try add(state.entry),
      exit: try add(state.exit), timers: add(timers), calls: add(state.calls.filter { !flow.calls[$0].isStep }),
      steps: add(steps), result: try add(state.result), isFinal: state.isFinal, isFailed: state.kind == .failed,
      isRegion: state.kind == .region, isParallel: state.kind == .parallel, isRollback: state.isRollback,
      isRemembered: isRemembered, hasWork: !timers.isEmpty || !state.calls.isEmpty || state.isRollback)
  }

  private mutating func transition(_ index: Int) throws(ProgramError) -> TransitionRow {
    let node = flow.transitions[index]
    let domain = self.domain(of: node)
    var row = TransitionRow(
      source: Int32(node.source), target: node.target.map { Int32($0) } ?? none,
      condition: try add(node.guardExpression), acts: try add(node.acts), domain: domain.map { Int32($0) } ?? none,
      exitLow: 0, exitHigh: 0, entering: RowRange(), due: none, place: add(node.place), timer: .no,
      isHistory: node.isHistory, hasRoles: !node.roles.isEmpty)
    if let domain, let target = node.target {
      // Of a parallel that stays, only the region that is named is left.
      let isRegion = flow.states[domain].kind == .parallel
      row.exitLow = Int32(isRegion ? target : domain + 1)
      row.exitHigh = Int32(isRegion ? flow.states[target].end : max(domain + 1, flow.states[domain].end))
      row.entering = add(entering(target, from: domain))
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
      condition: try add(start.guardExpression), acts: try add(start.acts),
      entering: add(entering(start.target, from: 0)), due: none, place: add(start.place),
      hasRoles: !start.roles.isEmpty)
    if case .every(let due) = start.trigger { row.due = try add(due) }
    if case .cron(let cron) = start.trigger { startSchedules[index] = try schedule(cron) }
    return row
  }

  private mutating func schedule(_ cron: Cron) throws(ProgramError) -> Schedule {
    guard let schedule = CronSchedule(cron.schedule) else { throw ProgramError("a schedule can't be read") }
    return Schedule(schedule: schedule, zone: try add(cron.zone))
  }

  private mutating func act(_ act: ActionStatement) throws(ProgramError) -> ActionStatementRow {
    var row = ActionStatementRow(
      kind: .log, index: none, value: RowRange(), parts: RowRange(), loop: try add(act.loop?.list),
      loopSlot: Int32(act.loop?.slot ?? 0), condition: try add(act.condition), place: add(act.place))
    switch act.kind {
    case .assign(let slot, let part, let value):
      row.kind = part.isEmpty ? .assign : .assignPart
      row.index = Int32(slot)
      row.parts = try add(part, of: flow.fields[slot - FrameLayout.firstField].type)
      row.value = try add([value])
    case .perform(let action, let arguments):
      (row.kind, row.index, row.value) = (.perform, Int32(action), try add(arguments))
    case .emit(let event, let value): (row.kind, row.index, row.value) = (.emit, Int32(event), try add([value]))
    case .raise(let event, let value): (row.kind, row.index, row.value) = (.raise, Int32(event), try add([value]))
    case .log(let value): row.value = try add([value])
    }
    return row
  }

  private mutating func add(_ path: [ActionStatement.PartStep], of root: ValueType) throws(ProgramError) -> RowRange {
    var rows: [PartRow] = []
    var type = root
    for step in path {
      var row = PartRow(field: none, name: none, index: none)
      switch step {
      case .index(let index):
        row.index = try add(index)
        switch type {
        case .list(let element): type = element
        case .map(_, let value): type = value
        default: type = .dyn
        }
      case .field(let name):
        if case .record(let record) = type, let declaration = types.record(named: record),
          let place = declaration.fields.firstIndex(where: { $0.name == name })
        {
          row.field = Int32(place)
          type = declaration.fields[place].type
        } else {
          row.name = Int32(names.count)
          names.append(name)
          type = .dyn
        }
      }
      rows.append(row)
    }
    let start = Int32(parts.count)
    parts += rows
    return RowRange(start: start, count: Int32(rows.count))
  }

  private mutating func call(_ call: Call) throws(ProgramError) -> CallRow {
    CallRow(
      state: Int32(call.state), arguments: try add(call.arguments), loop: try add(call.loop?.list),
      loopSlot: Int32(call.loop?.slot ?? 0), limit: try add(call.limit), once: try add(call.once),
      condition: try add(call.condition), after: add(call.after), undo: call.undo.map { Int32($0.action) } ?? none,
      undoArguments: try add(call.undo?.arguments ?? []), resultSlot: Int32(call.resultSlot), place: add(call.place),
      isStep: call.isStep)
  }
}

// MARK: - Where transitions lead

extension FlowBuilder {
  /// The innermost state that stays active while a transition runs; nil when nothing is left.
  ///
  /// A target inside of the source leaves the source active; anything else leaves it. That of a parallel is the region
  /// around the target, or the parallel itself when a region is named: that one begins anew.
  private func domain(of node: Transition) -> Int? {
    guard let target = node.target else { return nil }
    if !node.isReenter, target > node.source, target < flow.states[node.source].end {
      guard flow.states[node.source].kind == .parallel else { return node.source }
      let region = flow.states[node.source].children.last { $0 <= target }
      return region == target ? node.source : region ?? node.source
    }
    var ancestor = flow.states[node.source].parent
    while !(ancestor < target && target < flow.states[ancestor].end) || flow.states[ancestor].kind == .parallel {
      if ancestor == 0 { break }
      ancestor = flow.states[ancestor].parent
    }
    return ancestor
  }

  /// The states that are entered on the way from a domain to a target, with all that belongs to them, in order.
  private func entering(_ target: Int, from domain: Int) -> [Int] {
    var entered: Set<Int> = []
    var ancestor = target
    while ancestor != domain, ancestor != 0 {
      entered.insert(ancestor)
      ancestor = flow.states[ancestor].parent
    }
    for state in entered.sorted() { flow.addDefaults(of: state, &entered) }
    return entered.sorted()
  }
}

extension Flow {
  /// Adds the children that have to be entered with a state: its initial one, or every region.
  func addDefaults(of state: Int, _ entered: inout Set<Int>) {
    let node = states[state]
    if node.kind == .parallel {
      for region in node.children where !entered.contains(region) {
        entered.insert(region)
        addDefaults(of: region, &entered)
      }
    } else if let initial = node.initial, !node.children.contains(where: entered.contains) {
      entered.insert(initial)
      addDefaults(of: initial, &entered)
    }
  }
}

// MARK: - Who answers what

extension FlowBuilder {
  private mutating func addTriggers() {
    handled.formUnion(flow.starts.compactMap(\.event))
    for event in program.events.indices { triggers.append(answers(to: event)) }
    for call in flow.calls.indices {
      triggers.append(answers { $0 == .callDone(call) })
      triggers.append(answers { $0 == .callFailed(call) })
    }
    for state in flow.states.indices {
      for trigger in [Trigger.done, .failed, .rollbackDone, .rollbackFailed] {
        triggers.append(answers(only: state) { $0 == trigger })
      }
    }
    triggers.append(answers { $0 == .always })
    triggers.append(answers { $0 == .error })
  }

  private mutating func answers(only state: Int? = nil, to matches: (Trigger) -> Bool) -> RowRange {
    let start = Int32(answers.count)
    for index in (state.map { $0...$0 } ?? 0...flow.states.count - 1).reversed() {
      let exact = flow.states[index].transitions.filter { matches(flow.transitions[$0].trigger) }
      guard !exact.isEmpty else { continue }
      answers.append(
        ReactionRow(
          state: Int32(index), end: Int32(flow.states[index].end), exact: add(exact), reply: .no, any: RowRange()))
    }
    return RowRange(start: start, count: Int32(answers.count) - start)
  }

  private mutating func answers(to event: Int) -> RowRange {
    let start = Int32(answers.count)
    for (index, state) in flow.states.enumerated().reversed() {
      let exact = state.transitions.filter { flow.transitions[$0].trigger == .event(event) }
      let any = state.transitions.filter { flow.transitions[$0].trigger == .any }
      let reply: ReactionRow.Reply =
        state.ignored.contains(event) ? .ignore : state.deferred.contains(event) ? .defer : .no
      if !exact.isEmpty || reply != .no { handled.insert(event) }
      guard !exact.isEmpty || !any.isEmpty || reply != .no else { continue }
      answers.append(
        ReactionRow(state: Int32(index), end: Int32(state.end), exact: add(exact), reply: reply, any: add(any)))
    }
    return RowRange(start: start, count: Int32(answers.count) - start)
  }
}
