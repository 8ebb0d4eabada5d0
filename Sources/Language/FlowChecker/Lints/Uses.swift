import CEL
import FlowSource
import FlowSyntax

/// The names that a program uses anywhere; a declaration that is not in the set is unused.
struct ProgramUses {
  private(set) var names: Set<String> = []
  /// The names that each file uses.
  private(set) var byFile: [String: Set<String>] = [:]

  init(_ files: [ParsedFile], in sources: SourceSet, of flows: [FlowSummary]) {
    for file in files {
      var uses = Uses()
      for declaration in file.declarations { uses.visit(declaration) }
      byFile[file.source.name] = uses.names
    }
    for flow in flows {
      guard let file = sources.file(at: flow.name.range.lower) else { continue }
      byFile[file.name, default: []].formUnion(flow.uses)
    }
    for used in byFile.values { names.formUnion(used) }
  }
}

/// The names that a part of a program uses.
///
/// Kinds are not distinguished: a name that two kinds share counts as used for both, so that no used declaration is
/// reported as unused.
struct Uses {
  private(set) var names: Set<String> = []

  fileprivate init() {}

  /// The names that a flow uses.
  init(_ flow: FlowNode) { visit(flow) }

  /// Visits a declaration other than a flow.
  fileprivate mutating func visit(_ declaration: Declaration) {
    switch declaration {
    case .importing, .role, .flow: break
    case .type(let node): visit(node.fields)
    case .enumeration: break
    case .constant(let node): visit(node.value)
    case .function(let node):
      visit(node.parameters)
      visit(node.result)
      visit(node.body)
    case .event(let node):
      visit(node.fields)
      visit(node.lets.map(\.value))
      if let secret = node.webhook?.secret { visit(secret) }
    case .action(let node): visit(node)
    case .test(let node): node.statements.forEach { visit($0.kind) }
    }
  }

  private mutating func visit(_ fields: [FieldNode]) {
    for field in fields {
      visit(field.type)
      if let value = field.defaultValue { visit(value) }
    }
  }

  private mutating func visit(_ type: TypeReferenceNode) {
    names.insert(type.name.text)
    type.arguments.forEach { visit($0) }
  }

  private mutating func visit(_ expression: Expression) {
    expression.forEachReferencedName { names.insert($0) }
    expression.forEachCalledName { names.insert($0.name) }
  }

  private mutating func visit(_ expressions: [Expression?]) {
    for case .some(let expression) in expressions { visit(expression) }
  }

  private mutating func visit(_ path: PathNode) {
    names.insert(path.text)
    if let first = path.names.first { names.insert(first.text) }
  }

  private mutating func visit(names used: [NameNode]) { names.formUnion(used.map(\.text)) }

  private mutating func visit(_ node: ActionNode) {
    visit(node.parameters)
    if let result = node.result { visit(result) }
    node.binding.map { visit($0.expressions) }
    for policy in node.policies {
      switch policy.kind {
      case .signed(let expression), .concurrency(_, let expression?), .limit(_, _, let expression?): visit(expression)
      case .retry, .timeout, .limit, .concurrency, .status: break
      }
    }
  }
}

// MARK: - Flows

extension Uses {
  private mutating func visit(_ node: FlowNode) {
    visit(node.parameters ?? [])
    visit(node.data)
    if let result = node.result { visit(result) }
    if let key = node.key { names.insert(key.text) }
    visit(node.lets.map(\.value) + node.invariants)
    for event in node.events {
      visit(event.fields)
      visit(event.lets.map(\.value))
    }
    for rule in node.readRules {
      visit(names: rule.roles)
      visit([rule.condition])
    }
    for migration in node.migrations {
      migration.data.forEach { visit($0.field) }
      visit(migration.data.map(\.value))
    }
    for start in node.starts {
      visit(start.trigger)
      visit(start.rest)
    }
    node.reactions.forEach { visit($0) }
    node.states.forEach { visit($0) }
  }

  private mutating func visit(_ trigger: StartNode.Trigger) {
    switch trigger {
    case .on(let events, _): visit(names: events)
    case .every(let delay): visit(delay)
    case .cron(let cron): visit([cron.spec, cron.zone])
    case .called: break
    }
  }

  private mutating func visit(_ delay: DelayNode) {
    if case .expression(let node) = delay { visit(node) }
  }

  private mutating func visit(_ node: StateNode) {
    visit(node.fields)
    (node.entry + node.exit).forEach { visit($0) }
    (node.calls + node.steps.flatMap(\.steps)).forEach { visit($0) }
    visit(names: node.ignored + node.deferred)
    visit([node.result])
    node.reactions.forEach { visit($0) }
    node.children.forEach { visit($0) }
  }

  private mutating func visit(_ node: CallNode) {
    visit(node.action)
    visit(node.arguments.map(\.value) + [node.loop?.list, node.limit, node.once, node.priority, node.condition])
    if let undo = node.undo {
      visit(undo.action)
      visit(undo.arguments.map(\.value))
    }
  }

  private mutating func visit(_ node: ReactionNode) {
    switch node.trigger.kind {
    case .on(let paths): paths.forEach { visit($0) }
    case .always: break
    case .after(let delay), .every(let delay): visit(delay)
    case .at(let instant): visit(instant)
    case .cron(let cron): visit([cron.spec, cron.zone])
    }
    visit(node.rest)
  }

  private mutating func visit(_ rest: TransitionTailNode) {
    visit(names: rest.roles)
    visit([rest.guardExpression] + rest.arguments.map(\.value))
    visit(names: rest.arguments.map(\.name))
    rest.statements.forEach { visit($0) }
  }

  private mutating func visit(_ act: ActionStatementNode) {
    visit(act.expressions)
    switch act.kind {
    case .assign(let location, _): names.insert(location.field.text)
    case .perform(let path, _): visit(path)
    case .take(let fields): visit(names: fields)
    case .emit(_, let flow): if let flow { names.insert(flow.text) }
    case .raise, .log: break
    }
  }

  // MARK: - Tests

  private mutating func visit(_ statement: TestStatement.Kind) {
    switch statement {
    case .start(let flow, let arguments):
      names.insert(flow.text)
      visit(arguments.map(\.value))
    case .send(let event, let receiver, let roles, let sender, let caller):
      visit([event, receiver?.key, caller])
      if let sender { names.insert(sender.text) }
      visit(names: roles)
    case .mock(let action, let outcome):
      visit(action)
      if case .returns(let value) = outcome { visit(value) }
    case .expectState, .expectEnded, .expectIgnored, .expectDeferred, .expectRefused, .expectIncident: break
    case .expectData(let value), .expectLog(let value, _), .at(let value): visit(value)
    case .expectEmitted(let values, _): visit(values)
    case .expectOf(let instance, let expectation):
      visit([instance.key])
      visit(expectation)
    case .expectCalled(_, let arguments, _, _): visit(arguments.map(\.value))
    case .complete(_, let owner, let value): visit([owner?.key, value])
    case .fail(_, let owner, _): visit([owner?.key])
    case .advance(let delay): visit(delay)
    case .migrate(let instance):
      if let flow = instance.flow { names.insert(flow.text) }
      visit([instance.data])
    }
  }
}

extension BindingNode {
  /// All expressions of a binding.
  var expressions: [Expression] {
    let head: [Expression] =
      switch kind {
      case .http(_, let url): [url]
      case .publish(let exchange, let key): [exchange, key]
      case .redis(let value), .sql(let value), .exec(let value), .log(let value): [value]
      case .email, .worker: []
      }
    return head + settings.map(\.value)
  }
}
