import CEL
import FlowIR
import FlowSource
import FlowSyntax

// The calls and steps of states.
extension FlowChecker {
  /// Assigns each named call a slot for its last result. Two calls of one action may share a name.
  mutating func declareCalls() {
    let handlers = FailureHandlers(reactionNodes)
    for (state, node) in stateNodes.enumerated() {
      guard let node else { continue }
      for call in node.calls { declare(call, in: state, isStep: false, handlers) }
      if let second = node.steps.dropFirst().first {
        problems.append(
          Diagnostic(
            "F103", "a state can have only one `steps` block", at: second.range, label: "a second one",
            labels: [.init(node.steps[0].range, "the first one")], help: "move all steps into one block"))
      }
      for step in orderedSteps(node.steps.first?.steps ?? []) { declare(step, in: state, isStep: true, handlers) }
    }
  }

  private mutating func declare(_ node: CallNode, in state: Int, isStep: Bool, _ handlers: FailureHandlers) {
    let name = node.name?.text ?? node.action.names.last?.text ?? ""
    guard let callee = callee(node.action) else {
      unresolvedCalls.insert(name)
      // Agrees with every type, so that references to it are no further errors.
      _ = environment.declare(variable: name, type: .error, slot: FrameLayout.event)
      return
    }
    let location = node.name?.range ?? node.action.range
    if FlowChecker.reserved.contains(name) || name == "rollback" || fieldsByName[name] != nil {
      problems.append(
        Diagnostic(
          "F113", "a call can't have the name `\(name)`", at: location, label: "the name is in use",
          help: "write `as` and another name"))
    }
    let handler = isStep ? handlers.inPlace[name] : nil
    let isOptional = node.condition != nil || handler != nil
    if let handler { uncertainSteps[name] = handler }
    let shape: ResultShape =
      node.loop != nil
      ? handlers.ofItems.contains(name) ? .partialList : .list : isOptional ? .optional : .single
    let record = shape.recordName(callee.name)
    var call = CheckedCall(
      name: name, state: state, target: callee.target, isStep: isStep, resultRecord: record,
      resultSlot: resultSlot(of: name, record: record, call: node), node: node)
    if isStep { call.after = dependencies(of: node, in: state) }
    callNames[name, default: []].append(calls.count)
    resultSlots.insert(call.resultSlot)
    calls.append(call)
  }

  /// F503 in place of a mistake of types: the result of a step whose failure is handled is an optional.
  func missingResult(_ problem: Diagnostic, in expression: Expression) -> Diagnostic? {
    guard problem.severity == .error, problem.message.contains("?`"),
      let reference = expression.references.first(where: { reference in
        uncertainSteps[reference.name] != nil && reference.range.lower < problem.range.upper
          && problem.range.lower < reference.range.upper
      }), let handler = uncertainSteps[reference.name]
    else { return nil }
    let name = reference.name
    return Diagnostic(
      "F503", "`\(name)` has no result when it failed, and its failure is handled", at: reference.nameRange,
      label: "may have no result", labels: [.init(handler, "the state continues after a failure")],
      help: "leave the state on `\(name).failed`, or write `.orValue(...)` behind `\(name).result`")
  }

  /// F203 in the words of the program: the types of results have names that no program contains.
  func memberOfResult(_ problem: Diagnostic) -> Diagnostic? {
    guard problem.code == "F203", problem.message.hasPrefix("`flow."),
      let type = problem.message.split(separator: "`").first.map(String.init),
      let name = problem.message.split(separator: "`").dropFirst(2).first.map(String.init)
    else { return nil }
    var changed = problem
    switch type {
    case BuiltInRecords.itemFailure.name: changed.message = "the failure of an item has no field `\(name)`"
    case BuiltInRecords.failure.name: changed.message = "the failure of a call has no field `\(name)`"
    case _ where type.hasPrefix(ResultShape.item.rawValue + "("):
      changed.message = "the result of an item has no field `\(name)`"
    case _ where ResultShape.allCases.contains { type.hasPrefix($0.rawValue + "(") }:
      changed.message = "the result of a call has no field `\(name)`"
      if problem.help == nil { changed.help = "its value is in `result`: write `event.result.\(name)`" }
      return changed
    default: return nil
    }
    if ["item", "value", "element", "key"].contains(name), type != BuiltInRecords.failure.name {
      changed.help =
        "the item is in the list of the call, at `event.index`\(listOfItems(type).map { ": `\($0)`" } ?? "")"
    }
    return changed
  }

  /// The item of the call to which a result belongs, as an expression.
  private func listOfItems(_ type: String) -> String? {
    let lists = calls.filter { ResultShape.item.recordName($0.node.action.text) == type }
      .compactMap { $0.node.loop?.list.dottedName?.joined(separator: ".") }
    return lists.count == 1 ? lists.first.map { "\($0)[event.index]" } : nil
  }

  /// F203: the result of an action or a flow that declares none is always null.
  mutating func reportMissingResults(in tree: TypedExpression) {
    if case .select(let operand, "result", .plain) = tree.kind, case .record(let type) = operand.type,
      let callee = ResultShape.callee(ofRecord: type).flatMap({ callees[$0] }), callee.result == nil
    {
      let isFlow = if case .flow = callee.target { true } else { false }
      problems.append(
        Diagnostic(
          "F203", "`\(callee.name)` declares no result", at: tree.range, label: "always null",
          help: "declare its type: `\(isFlow ? "flow" : "action") \(callee.name)(…) -> string`"))
    }
    switch tree.kind {
    // The bodies of definitions and functions are checked once, where they are declared.
    case .named: break
    case .function(_, let arguments): for argument in arguments { reportMissingResults(in: argument) }
    default: tree.forEachChild { reportMissingResults(in: $0) }
    }
  }

  /// The slot of the last result of a name, shared by calls with that name. F103: they call the same action.
  private mutating func resultSlot(of name: String, record: String, call: CallNode) -> Int {
    if let first = callNames[name]?.first {
      if calls[first].resultRecord != record {
        problems.append(
          Diagnostic(
            "F103", "calls of two different actions are named `\(name)`", at: call.action.range,
            labels: [.init(calls[first].node.action.range, "the first one")],
            help: "write `as` and another name"))
      }
      return calls[first].resultSlot
    }
    let slot = environment.declare(variable: name, type: .record(record), slot: frameSize)
    frameSize += 1
    return slot
  }

  // MARK: - Steps

  /// The steps in dependency order. F314: they must not depend on each other in a cycle.
  private mutating func orderedSteps(_ steps: [CallNode]) -> [CallNode] {
    var seen: [String: SourceRange] = [:]
    for step in steps {
      guard let name = step.name, !name.isMissing else { continue }
      if let first = seen[name.text] {
        problems.append(
          Diagnostic(
            "F103", "there are two steps named `\(name.text)`", at: name.range, label: "declared again",
            labels: [.init(first, "first declared here")]))
      }
      seen[name.text] = name.range
    }
    let nodes = steps.map { step in
      DependencyNode(
        name: step.name?.text ?? "", range: step.name?.range ?? step.range,
        needs: needs(of: step).filter { seen[$0.name] != nil })
    }
    for name in steps.flatMap(\.after) where !name.isMissing && seen[name.text] == nil {
      problems.append(unknown("step", named: name.text, code: "F106", at: name.range, candidates: seen.keys))
    }
    return ordered(
      nodes, code: "F314", message: { "steps wait for each other in a cycle: \($0)" },
      help: "remove one of the dependencies", into: &problems
    ).map { steps[$0] }
  }

  /// The steps that a step names in `after`, and those whose results it reads.
  private func needs(of step: CallNode) -> [(name: String, range: SourceRange)] {
    let outside = [step.loop?.list, step.limit, step.condition].compactMap { $0 }.flatMap(\.references)
    // The variable of a loop hides a step of the same name.
    let inside = (step.arguments.map(\.value) + [step.once, step.priority].compactMap { $0 }).flatMap(\.references)
      .filter { $0.name != step.loop?.variable.text }
    return step.after.map { ($0.text, $0.range) } + (outside + inside).map { ($0.name, $0.nameRange) }
  }

  /// F503: the results that an undo reads must be present when its own step has succeeded.
  private mutating func checkResults(readBy step: Int) {
    let node = calls[step].node
    guard let undo = node.undo, !undo.arguments.isEmpty else { return }
    let before = stepsBefore(step)
    let later = calls.indices.filter { index in
      calls[index].isStep && calls[index].state == calls[step].state && index != step && !before.contains(index)
    }
    for reference in undo.arguments.map(\.value).flatMap(\.references) {
      guard let other = later.first(where: { calls[$0].name == reference.name }) else { continue }
      problems.append(
        Diagnostic(
          "F503", "the undo of `\(calls[step].name)` reads `\(reference.name)`, which may not have run",
          at: reference.nameRange, label: "has no result yet", labels: [.init(calls[other].node.range, "runs later")],
          help: "let `\(calls[step].name)` run after it, or undo it there"))
    }
  }

  /// The direct and transitive prerequisites of a step.
  func stepsBefore(_ step: Int) -> Set<Int> {
    var found: Set<Int> = []
    var rest = calls[step].after
    while let next = rest.popLast() { if found.insert(next).inserted { rest += calls[next].after } }
    return found
  }

  mutating func checkStepResults() {
    for index in calls.indices where calls[index].isStep { checkResults(readBy: index) }
  }

  private func dependencies(of step: CallNode, in state: Int) -> [Int] {
    let named = Set(needs(of: step).map(\.name)).flatMap { callNames[$0] ?? [] }
    return named.filter { calls[$0].state == state && calls[$0].isStep }.sorted()
  }

  // MARK: - Arguments

  /// Checks the arguments of the calls; requires all names to be declared.
  mutating func checkCalls() {
    for index in calls.indices {
      let node = calls[index].node
      guard let callee = callees[node.action.text] else { continue }
      currentState = calls[index].state
      defer { currentState = 0 }
      let environment = environment(of: currentState)
      var scope = environment
      if let suffix = node.loop, let loop = loop(suffix, &scope) { calls[index].loop = loop }
      calls[index].limit = node.limit.flatMap { expression($0, environment, expecting: .int) }
      if let limit = calls[index].limit, case .int(let most)? = limit.tree.constant, most < 1 {
        problems.append(
          Diagnostic(
            "F101", "a call over a list performs at least one item at a time", at: limit.range, label: "never starts",
            help: "write `limit 1` for one after the other, or remove the limit"))
      }
      calls[index].condition = node.condition.flatMap { condition($0, environment, what: "a condition") }
      calls[index].arguments = arguments(node.arguments, of: callee, at: node.action.range, scope)
      calls[index].once = node.once.flatMap { expression($0, scope, expecting: .string) }
      calls[index].priority = node.priority.flatMap { expression($0, scope, expecting: .int) }
      calls[index].undo = node.undo.flatMap { undo($0, of: calls[index]) }
      checkCodes(node.policies, of: callee)
    }
  }

  /// An undo may be armed after its state was left, so that it does not see the fields of states.
  private mutating func undo(
    _ node: UndoNode, of call: CheckedCall
  ) -> (action: Int, arguments: [CheckedExpression])? {
    guard let action = action(node.action), let callee = callees[node.action.text] else { return nil }
    let state = currentState
    currentState = 0
    defer { currentState = state }
    var scope = environment
    if let loop = call.loop, let variable = call.node.loop?.variable.text {
      let item: ValueType = if case .list(let element) = loop.list.tree.type { element } else { .dyn }
      _ = scope.declare(variable: variable, type: item, slot: loop.slot)
    }
    return (action, arguments(node.arguments, of: callee, at: node.action.range, scope))
  }

  /// F705: a code is declared by the action.
  private mutating func checkCodes(_ policies: [PolicyNode], of callee: Callee) {
    for policy in policies {
      guard case .retry(_, let only, _) = policy.kind else { continue }
      for code in only { checkCode(code.text, at: code.range, of: callee) }
    }
  }

  mutating func checkCode(_ code: String, at range: SourceRange, of callee: Callee) {
    guard !code.isEmpty, !callee.failures.contains(code), !FlowChecker.isBuiltIn(code) else { return }
    problems.append(
      unknown(
        "code", named: code, code: "F705", at: range, candidates: callee.failures,
        location: " among the failures of `\(callee.name)`"))
  }

  /// Returns true for a code that the engine or a binding reports without a declaration.
  static func isBuiltIn(_ code: String) -> Bool {
    let names: Set<String> = [
      "TIMEOUT", "UNREACHABLE", "UNAVAILABLE", "INVALID_RESULT", "INVALID_ARGUMENTS", "NOT_STARTED", "CANCELLED",
      "KEY_TAKEN", "BAD_REQUEST", "ANSWER_TOO_LONG", "UNROUTABLE", "AMQP_NACK", "PRIVATE_ADDRESS", "NO_PROGRAM",
    ]
    let isNumbered = ["HTTP_", "SMTP_", "AMQP_", "EXIT_"].contains { prefix in
      code.hasPrefix(prefix) && !code.dropFirst(prefix.count).isEmpty
        && code.dropFirst(prefix.count).allSatisfy(\.isNumber)
    }
    return names.contains(code) || isNumbered
  }

  func callee(of call: Int) -> Callee? { callees[calls[call].node.action.text] }
}

/// The reactions to failures that let a call continue, by the name of the call.
private struct FailureHandlers {
  /// Those without a target: a step then counts as done, without a result.
  private(set) var inPlace: [String: SourceRange] = [:]
  /// The calls over a list that continue after the failure of an item, without its result.
  private(set) var ofItems: Set<String> = []

  init(_ reactions: [ReactionNode]) {
    for reaction in reactions {
      guard case .on(let paths) = reaction.trigger.kind else { continue }
      for names in paths.lazy.map(\.names) where names.last?.text == "failed" {
        if names.count == 3, names[1].text == "item" { ofItems.insert(names[0].text) }
        guard names.count == 2, reaction.rest.target == nil, inPlace[names[0].text] == nil else { continue }
        inPlace[names[0].text] = reaction.range
      }
    }
  }
}
