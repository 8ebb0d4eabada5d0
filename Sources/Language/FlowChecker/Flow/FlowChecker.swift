import CEL
import FlowIR
import FlowSource
import FlowSyntax

/// Checks one flow. Each area of the check is an extension in its own file.
struct FlowChecker {
  let node: FlowNode
  let symbols: Symbols
  let declarations: Declarations
  let actions: [CheckedAction]
  let callees: [String: Callee]
  /// True if all files were read without errors; otherwise checks that a missing part would change are skipped.
  let isWhole: Bool
  var problems: [Diagnostic] = []

  var fields: [CheckedFlow.Field] = []
  /// The indices of the fields by the name with which the flow reads them; states may have fields of the same name.
  private(set) var fieldsByName: [String: [Int]] = [:]
  var key: Int?
  /// True if the start whose statements are checked has an event; nil outside of starts.
  var startEvent: Bool?
  var parameterCount = 0
  var definitions: [(name: String, value: CheckedExpression)] = []
  var states: [CheckedState] = []
  /// The syntax of each state; nil for the flow itself.
  var stateNodes: [StateNode?] = []
  var calls: [CheckedCall] = []
  var callNames: [String: [Int]] = [:]
  /// The slots of the results of calls.
  var resultSlots: Set<Int> = []
  /// The state whose body is checked; 0 is the flow. Its fields and those of the states around it are in scope.
  var currentState = 0
  /// The call whose items the checked reaction is about.
  var itemCall: Int?
  /// The target of the reaction whose statements are checked.
  var enteredState: Int?
  /// The targets with `history`, with the sources of their reactions.
  var historyEntries: [(state: Int, source: Int, path: PathNode)] = []
  /// True while a test is checked.
  var isInTest = false
  /// Calls whose action does not exist; references to them are not reported again.
  var unresolvedCalls: Set<String> = []
  /// The steps whose failure is handled without leaving the state, with the reaction: their results are optional.
  var uncertainSteps: [String: SourceRange] = [:]
  var reactions: [CheckedReaction] = []
  /// The indices of the reactions of each state, once all bodies are checked.
  var reactionsByState: [[Int]] = []
  /// The events that the flow answers with other events, again and again.
  var relays: [EventRelay] = []
  var broadcasts: [CheckedBroadcast] = []
  var starts: [CheckedStart] = []
  var migrations: [CheckedMigration] = []
  var invariants: [CheckedExpression] = []
  /// The names in scope of every expression of the flow, except `event`.
  var environment: Environment
  /// The same with `event` as a type, created once for each type and state with fields.
  private var environments: [EventScope: Environment] = [:]
  var frameSize = FrameLayout.firstField
  var keptCount = 0

  init(
    _ node: FlowNode, symbols: Symbols, declarations: Declarations, actions: [CheckedAction],
    callees: [String: Callee], isWhole: Bool
  ) {
    self.node = node
    self.symbols = symbols
    self.declarations = declarations
    self.actions = actions
    self.callees = callees
    self.isWhole = isWhole
    self.environment = declarations.environment
    if !node.events.isEmpty { environment.container = node.name.text }
  }

  /// The checker without the parts that tests of several flows don't need.
  var forTests: FlowChecker {
    var checker = self
    checker.problems = []
    checker.environments = [:]
    checker.stateNodes = []
    return checker
  }

  mutating func check() -> CheckedFlow {
    flattenStates()
    declareData()
    declareStateFields()
    declareCalls()
    keptCount = frameSize - FrameLayout.firstField
    declareLets()
    checkStateDefaults()
    invariants = node.invariants.compactMap { condition($0, environment, what: "an invariant") }
    checkCalls()
    checkStateBodies()
    reactionsByState = indices(of: reactions, stateCount: states.count)
    checkStarts()
    checkDeliveryRoutes()
    checkStepResults()
    let properties = node.properties.compactMap { property($0) }
    let readRules = node.readRules.map { readRule($0) }
    migrations = node.migrations.map { migration($0) }
    checkHistoryEntries()
    if isWhole, !problems.hasErrors {
      let logic = GuardLogic(types: environment.types, names: slotNames)
      let certainty = reactions.map { self.certainty(of: $0.rest, logic) }
      let graph = checkStatechart(logic, certainty: certainty)
      checkGuards(logic, certainty: certainty, reached: graph?.reached)
      let isExplained = problems.contains { ["F306", "F309", "F401", "F402", "F410", "F702"].contains($0.code) }
      if let graph {
        checkReached(graph, isExplained: isExplained)
        checkResultReads(graph, always: invariants + readRules.compactMap(\.condition))
        relays = relays(in: graph)
      }
      checkRaces()
      checkRegionTargets()
      checkFailures()
    }
    return CheckedFlow(
      node: node, parameterCount: parameterCount, result: callees[node.name.text]?.result,
      resultMaximum: callees[node.name.text]?.resultMaximum, key: key, fields: fields,
      definitions: definitions, calls: calls, invariants: invariants, states: states, reactions: reactions,
      reactionsByState: reactionsByState, starts: starts, properties: properties, readRules: readRules,
      migrations: migrations, keptCount: keptCount, frameSize: frameSize)
  }

  /// The name of each field by its slot: `key` is another name of one.
  private var slotNames: [Int: String] {
    Dictionary(
      uniqueKeysWithValues: fields.enumerated().map { (FrameLayout.firstField + $0.offset, $0.element.plainName) })
  }

  /// The syntax of all reactions: those of the flow, then those of each state.
  var reactionNodes: [ReactionNode] { node.reactions + stateNodes.compactMap { $0 }.flatMap(\.reactions) }

  /// Adds a field with the next slot.
  mutating func add(_ field: CheckedFlow.Field) {
    fieldsByName[field.plainName, default: []].append(fields.count)
    fields.append(field)
    frameSize += 1
  }

  // MARK: - Expressions

  /// The environment of the current state in which `event` has a type.
  mutating func environment(event type: ValueType?) -> Environment {
    guard let type else { return environment(of: currentState) }
    let scope = EventScope(state: statesWithFields(around: currentState).first ?? 0, type: type)
    if let known = environments[scope] { return known }
    var made = environment(of: currentState)
    _ = made.declare(variable: "event", type: type, slot: FrameLayout.event)
    if case .record(let name) = type, let event = symbols.eventIndices[name] {
      for member in declarations.events[event].computed {
        made.declare(definition: "event.\(member.name)", member.value.tree)
      }
    }
    environments[scope] = made
    return made
  }

  private struct EventScope: Hashable {
    var state: Int
    var type: ValueType
  }

  mutating func expression(
    _ expression: Expression, _ environment: Environment, expecting type: ValueType? = nil
  ) -> CheckedExpression? {
    let checked = environment.check(expression, expecting: type)
    report(checked.diagnostics, in: expression, environment)
    if let tree = checked.expression { reportMissingResults(in: tree) }
    return checked.expression.map { CheckedExpression(tree: $0, range: expression.range) }
  }

  /// F202: a condition must be a `bool`.
  mutating func condition(
    _ expression: Expression, _ environment: Environment, what: String
  ) -> CheckedExpression? {
    let checked = environment.check(expression)
    report(checked.diagnostics, in: expression, environment)
    guard let tree = checked.expression else { return nil }
    reportMissingResults(in: tree)
    guard [.bool, .dyn, .error].contains(checked.type) else {
      problems.append(
        Diagnostic(
          "F202", "\(what) must be a `bool`", at: expression.range, label: "this is `\(checked.type)`",
          help: "compare it with a value, such as `\(symbolicText(expression)) == …`"))
      return nil
    }
    return CheckedExpression(tree: tree, range: expression.range)
  }

  /// Adds what the check of an expression found.
  private mutating func report(_ found: [Diagnostic], in expression: Expression, _ environment: Environment) {
    let inactive = inactivePaths(in: expression)
    problems += interpolations(in: expression, environment) + inactive
    let found = found.filter { problem in !inactive.contains { $0.range.contains(problem.range.lower) } }
    problems += declarations.problems(of: expression, found).map {
      missingResult($0, in: expression) ?? outOfScope($0) ?? memberOfResult($0) ?? withHint($0)
    }
  }

  /// The arguments of `active` that are no states.
  func inactivePaths(in expression: Expression) -> [Diagnostic] {
    ActiveFunction.problems(in: expression, paths: states.dropFirst().map(\.path), environment: environment)
  }

  private func symbolicText(_ expression: Expression) -> String {
    expression.dottedName?.joined(separator: ".") ?? "…"
  }

  // MARK: - Names

  mutating func role(_ name: NameNode) -> Int? {
    if let index = symbols.roleIndices[name.text] { return index }
    if !name.isMissing {
      problems.append(
        unknown(
          "role", named: name.text, code: "F106", at: name.range, candidates: symbols.roles.map(\.name.text),
          others: [("an event", symbols.events.map(\.name.text))]))
    }
    return nil
  }

  /// The event of that name: the flow's own, or one that is shared.
  func eventIndex(_ name: String) -> Int? {
    symbols.eventIndices["\(node.name.text).\(name)"] ?? symbols.eventIndices[name]
  }

  mutating func event(_ name: NameNode) -> Int? {
    if let index = eventIndex(name.text) { return index }
    if !name.isMissing {
      problems.append(
        unknown(
          "event", named: name.text, code: "F105", at: name.range, candidates: symbols.events.map(\.name.text),
          others: [("a state", states.map(\.name.text)), ("an action", symbols.actions.map(\.name.text))]))
    }
    return nil
  }

  mutating func action(_ path: PathNode) -> Int? {
    if let index = symbols.actionIndices[path.text] { return index }
    if !path.isMissing {
      problems.append(
        unknown(
          "action", named: path.text, code: "F107", at: path.range, candidates: symbols.actions.map(\.name.text),
          others: [("a data field", fieldNames), ("a flow", symbols.flows.map(\.name.text))]))
    }
    return nil
  }

  /// F107: the action or flow of a `call` or a step.
  mutating func callee(_ path: PathNode) -> Callee? {
    if let callee = callees[path.text] { return callee }
    guard !path.isMissing else { return nil }
    if symbols.flowIndices[path.text] != nil {
      problems.append(
        Diagnostic(
          "F107", "`\(path.text)` can't be called", at: path.range, label: "a flow without parameters",
          help: "write `flow \(path.text)() { start -> … }` to let it be called"))
    } else {
      problems.append(
        unknown(
          "action", named: path.text, code: "F107", at: path.range, candidates: callees.keys,
          others: [("a data field", fieldNames)]))
    }
    return nil
  }

  /// The arguments in the order of the parameters. F215: each required one has to be present.
  mutating func arguments(
    _ nodes: [ArgumentNode], of callee: Callee, at range: SourceRange, _ environment: Environment
  ) -> [CheckedExpression] {
    let name = callee.name
    checkNames(of: nodes, callee)
    return callee.parameters.compactMap { parameter in
      if let node = nodes.first(where: { $0.name.text == parameter.name }) {
        let value = expression(node.value, environment, expecting: parameter.type)
        checkSize(of: value, maximum: parameter.maximum, parameter.name)
        return value
      }
      if let value = leftOut(parameter, of: callee, at: range) { return value }
      guard !isMisspelt(parameter.name, among: nodes, of: callee) else { return nil }
      problems.append(
        Diagnostic(
          "F215", "`\(name)` needs `\(parameter.name)`", at: range, label: "not given here",
          help: "add `\(parameter.name): …`, a `\(parameter.type)`"))
      return nil
    }
  }

  /// Returns true if an argument with an unknown name was probably meant, which is reported.
  func isMisspelt(_ parameter: String, among nodes: [ArgumentNode], of callee: Callee) -> Bool {
    let names = callee.parameters.map(\.name)
    return nodes.contains { node in
      !names.contains(node.name.text)
        && Suggestion.closest(to: node.name.text, among: names, limit: 1).first == parameter
    }
  }

  /// F201: a value that is written out fits the bound of its field.
  mutating func checkSize(of value: CheckedExpression?, maximum: Int?, _ field: String) {
    guard let value, let excess = maximum.flatMap({ value.tree.excess(over: $0) }) else { return }
    problems.append(tooLarge(excess, for: field, at: value.range))
  }

  /// F215, F103: an argument names a parameter, once.
  mutating func checkNames(of nodes: [ArgumentNode], _ callee: Callee, what: String = "parameter") {
    var seen: Set<String> = []
    for node in nodes where !node.name.isMissing {
      if !callee.parameters.contains(where: { $0.name == node.name.text }) {
        problems.append(
          unknown(
            what, named: node.name.text, code: "F215", at: node.name.range,
            candidates: callee.parameters.map(\.name),
            location: " in `\(callee.name)`"))
      } else if !seen.insert(node.name.text).inserted {
        problems.append(Diagnostic("F103", "`\(node.name.text)` is given twice", at: node.name.range))
      }
    }
  }

  /// The value of an omitted parameter: its default, or none when it is optional.
  private func leftOut(_ parameter: FieldDeclaration, of callee: Callee, at range: SourceRange) -> CheckedExpression? {
    if let value = parameter.defaultValue {
      return CheckedExpression(tree: TypedExpression(range, parameter.type, .constant(value)), range: range)
    }
    guard case .optional = parameter.type else { return nil }
    let (none, _) = parse("optional.none()")
    return environment.check(none, expecting: parameter.type).expression.map {
      CheckedExpression(tree: $0, range: range)
    }
  }
}
