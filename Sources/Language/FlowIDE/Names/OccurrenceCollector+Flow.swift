import CEL
import FlowSource
import FlowSyntax

extension OccurrenceCollector {
  mutating func visit(_ node: FlowNode) {
    let flow = node.name.text
    add(.flow(flow), node.name, access: .declaration)
    scope = ExpressionScope(names, analysis, flow: flow)
    let chart = names.charts[flow].flatMap { $0.flow.range == node.range ? $0 : nil } ?? Chart(node)
    visit(fields: node.fields) { .data($0, flow: flow) }
    if let result = node.result { visit(result) }
    if let key = node.key { add(data(key.text), key) }
    for definition in node.lets {
      add(.definition(definition.name.text, flow: flow), definition.name, access: .declaration)
      visit(definition.value)
    }
    for event in node.events { visit(event, as: "\(flow).\(event.name.text)") }
    for invariant in node.invariants { visit(invariant) }
    for property in node.properties { visit(property, chart) }
    for rule in node.readRules {
      visit(callers: rule.roles)
      if let condition = rule.condition { visit(condition) }
    }
    for migration in node.migrations { visit(migration, chart) }
    for start in node.starts { visit(start, chart) }
    for state in chart.states.indices { visit(state: state, chart) }
  }

  /// A field that is assigned: one of a state around, or of the flow.
  private func assigned(_ name: String) -> Entity? {
    scope.locals.last { $0.name == name }?.entity ?? data(name)
  }

  private func data(_ name: String) -> Entity? {
    guard let flow = scope.flow, names.definitions[.data(name, flow: flow)] != nil else { return nil }
    return .data(name, flow: flow)
  }

  private mutating func visit(_ property: PropertyNode, _ chart: Chart) {
    switch property.kind {
    case .never(let paths): for path in paths { visit(path, in: chart, from: 0) }
    case .leadsTo(let from, let to):
      visit(from, in: chart, from: 0)
      visit(to, in: chart, from: 0)
    }
  }

  private mutating func visit(_ migration: MigrationNode, _ chart: Chart) {
    for move in migration.states { visit(move.to, in: chart, from: 0) }
    // The data of the earlier version.
    scope.locals = [.init(name: "old", type: .map(.string, .dyn), entity: .predefined("old"))]
    for (field, value) in migration.data {
      visit(migrated: field, chart)
      visit(value)
    }
    scope.locals = []
  }

  /// `amount`, or `asked.token` for a field of a state.
  private mutating func visit(migrated path: PathNode, _ chart: Chart) {
    guard let last = path.names.last else { return }
    guard path.names.count > 1 else { return add(data(last.text), last, access: .write) }
    let names = path.names.dropLast()
    guard let states = chart.resolve(names.map(\.text), from: 0), states.count == names.count else { return }
    let flow = chart.flow.name.text
    for (name, state) in zip(names, states) { add(.state(chart.states[state].path, flow: flow), name) }
    if let state = states.last {
      add(.stateField(last.text, state: chart.states[state].path, flow: flow), last, access: .write)
    }
  }

  private mutating func visit(_ start: StartNode, _ chart: Chart) {
    scope.event = nil
    switch start.trigger {
    case .on(let events, _):
      for event in events { visit(event: event) }
      scope.event = firstType(of: events.map(\.text), chart)
    case .every(.expression(let delay)): visit(delay)
    case .cron(let cron):
      if let spec = cron.spec { visit(spec) }
      if let zone = cron.zone { visit(zone) }
    case .every, .called: break
    }
    visit(start.rest, chart, from: 0)
    scope.event = nil
  }

  /// An event by its name in the flow.
  mutating func visit(event: NameNode) {
    if let name = names.event(event.text, flow: scope.flow) { add(.event(name), event) }
  }

  /// Each name of a path of states.
  mutating func visit(_ path: PathNode, in chart: Chart, from source: Int) {
    guard let states = chart.resolve(path, from: source) else { return }
    for (name, state) in zip(path.names, states) {
      add(.state(chart.states[state].path, flow: chart.flow.name.text), name)
    }
  }

  mutating func visit(callers: [NameNode]) {
    for name in callers {
      if names.roles.contains(name.text) {
        add(.role(name.text), name)
      } else if names.charts[name.text] != nil {
        add(.flow(name.text), name)
      }
    }
  }

  // MARK: - States

  private mutating func visit(state: Int, _ chart: Chart) {
    let entry = chart.states[state]
    let flow = chart.flow.name.text
    scope.locals = names.stateFields(of: chart, in: state)
    defer { scope.locals = [] }
    if let node = entry.node {
      add(.state(entry.path, flow: flow), node.name, access: .declaration)
      visit(fields: node.fields) { .stateField($0, state: entry.path, flow: flow) }
      visit(node.entry)
      visit(node.exit)
      for call in node.calls { visit(call, isStep: false, chart) }
      for step in node.steps.flatMap(\.steps) { visit(step, isStep: true, chart) }
      if let result = node.result { visit(result) }
      for event in node.ignored + node.deferred { visit(event: event) }
    }
    for reaction in entry.reactions { visit(reaction, chart, in: state) }
  }

  private mutating func visit(_ reaction: ReactionNode, _ chart: Chart, in state: Int) {
    scope.event = nil
    switch reaction.trigger.kind {
    case .on(let paths):
      for path in paths { visit(trigger: path, chart) }
      scope.event = firstType(of: reaction.triggers, chart)
      failing = paths.compactMap { callee(ofFailure: $0, chart) }.first
    case .after(.expression(let value)), .every(.expression(let value)), .at(let value): visit(value)
    case .cron(let cron):
      if let spec = cron.spec { visit(spec) }
      if let zone = cron.zone { visit(zone) }
    case .always, .after, .every: break
    }
    visit(reaction.rest, chart, from: state)
    scope.event = nil
    failing = nil
  }

  /// The action or flow that the call of `x.failed` performs.
  private func callee(ofFailure path: PathNode, _ chart: Chart) -> String? {
    let words = path.names.dropFirst().map(\.text)
    guard words == ["failed"] || words == ["item", "failed"] else { return nil }
    return chart.callee(ofCall: path.names[0].text)
  }

  private mutating func visit(trigger path: PathNode, _ chart: Chart) {
    guard let first = path.names.first else { return }
    if path.names.count == 1 {
      if !["any", "done", "failed", "error"].contains(first.text) { visit(event: first) }
    } else if names.definitions[.call(first.text, flow: chart.flow.name.text)] != nil {
      add(.call(first.text, flow: chart.flow.name.text), first)
    }
  }

  /// The type of `event` for several triggers: each is checked on its own, and the first stands for all.
  private func firstType(of triggers: [String], _ chart: Chart) -> ValueType? {
    for trigger in triggers {
      if let type = scope.eventType(of: trigger, in: chart) { return type }
    }
    return nil
  }

  private mutating func visit(_ rest: TransitionTailNode, _ chart: Chart, from state: Int) {
    visit(callers: rest.roles)
    if let condition = rest.guardExpression { visit(condition) }
    if let target = rest.target {
      visit(target, in: chart, from: state)
      visit(rest.arguments, of: chart.target(of: rest, from: state), chart)
    }
    visit(rest.statements)
  }

  /// The values of the fields of a target.
  private mutating func visit(_ arguments: [ArgumentNode], of target: Int?, _ chart: Chart) {
    for argument in arguments {
      if let target {
        let path = chart.states[target].path
        let entity = Entity.stateField(argument.name.text, state: path, flow: chart.flow.name.text)
        if names.definitions[entity] != nil { add(entity, argument.name) }
      }
      visit(argument.value)
    }
  }

  // MARK: - Calls and statements

  private mutating func visit(_ call: CallNode, isStep: Bool, _ chart: Chart) {
    let callee = call.action.text
    add(names.callee(callee), at: call.action.names.last.map { _ in call.action.range } ?? call.action.range)
    if let name = call.name { add(.call(name.text, flow: chart.flow.name.text), name, access: .declaration) }
    for name in call.after { add(.call(name.text, flow: chart.flow.name.text), name) }
    if let limit = call.limit { visit(limit) }
    if let condition = call.condition { visit(condition) }
    within(call.loop) { collector in
      collector.visit(call.arguments, of: callee)
      if let once = call.once { collector.visit(once) }
      if let priority = call.priority { collector.visit(priority) }
      if let undo = call.undo {
        collector.add(collector.names.callee(undo.action.text), at: undo.action.range)
        collector.visit(undo.arguments, of: undo.action.text)
      }
    }
    visit(call.policies, of: callee)
  }

  mutating func visit(_ arguments: [ArgumentNode], of callee: String) {
    for argument in arguments {
      add(names.parameter(argument.name.text, ofCallee: callee), argument.name)
      visit(argument.value)
    }
  }

  mutating func visit(_ statements: [ActionStatementNode]) {
    for statement in statements {
      within(statement.loop) { collector in
        if let condition = statement.condition { collector.visit(condition) }
        collector.visit(kind: statement.kind)
      }
    }
  }

  private mutating func visit(kind: ActionStatementNode.Kind) {
    switch kind {
    case .assign(let target, let value):
      visit(target)
      visit(value)
    case .perform(let path, let arguments):
      add(names.callee(path.text), at: path.range)
      visit(arguments, of: path.text)
    case .emit(let value, let flow):
      visit(payload: value)
      if let flow { visit(callers: [flow]) }
    case .raise(let value): visit(payload: value)
    case .log(let value): visit(value)
    case .take(let fields):
      for field in fields {
        add(assigned(field.text), field, access: .write)
        if let event = scope.event { add(scope.field(field.text, of: event), field) }
      }
    }
  }

  /// An event with or without fields: `Paid`, `Paid{amount: 1}`.
  mutating func visit(payload: Expression) {
    if case .identifier(let name, _) = payload.kind {
      add(names.event(name, flow: scope.flow).map { .event($0) }, at: narrowed(payload.range, to: name))
    } else {
      visit(payload)
    }
  }

  private mutating func visit(_ target: TargetNode) {
    add(assigned(target.field.text), target.field, access: .write)
    var type = scope.type(of: target.field.text)
    for step in target.steps {
      switch step {
      case .field(let name):
        add(scope.field(name.text, of: type), name, access: .write)
        type = scope.fieldType(name.text, of: type.unwrapped)
      case .index(let index), .entry(let index):
        visit(index)
        type = type.element ?? .dyn
      }
    }
  }

  /// Visits with the variable of a loop in scope.
  private mutating func within(_ loop: LoopNode?, _ body: (inout OccurrenceCollector) -> Void) {
    guard let loop else { return body(&self) }
    visit(loop.list)
    let outer = scope.locals
    let entity = Entity.local(loop.variable.text, file: unit.path, offset: loop.variable.range.lower)
    add(entity, loop.variable, access: .declaration)
    scope.locals.append(
      .init(name: loop.variable.text, type: scope.type(of: loop.list).element ?? .dyn, entity: entity))
    body(&self)
    scope.locals = outer
  }
}
