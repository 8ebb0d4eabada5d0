import FlowIR

/// The names, labels and active states that all diagrams of a flow share.
struct DiagramModel {
  let program: Program
  let flow: Flow
  /// The states that are shown as active, with their ancestors.
  let active: Set<StateIndex>

  /// - Parameter active: The paths of the innermost active states; unknown paths are left out.
  init(_ program: Program, flow: FlowIndex, active: [String] = []) {
    self.program = program
    self.flow = program.flows[flow]
    let states = self.flow.states
    var found: Set<StateIndex> = []
    for path in active {
      var state = states.firstIndex { $0.path == path } ?? .root
      while state != .root {
        found.insert(state)
        state = states[state].parent
      }
    }
    self.active = found
  }

  /// The identifier of a state in every diagram. It is stable when states are added to the flow.
  func identifier(_ state: StateIndex) -> String {
    state == .root ? "flow" : "state." + flow.states[state].path
  }

  /// The length of guards, statements and lines in a diagram.
  enum Length { case short, whole }

  /// The trigger, roles, guard and visible statements of a transition, as the flow writes them.
  func label(_ transition: Transition, _ length: Length = .short) -> String {
    var text = trigger(transition.trigger)
    if !transition.roles.isEmpty {
      text += " by " + transition.roles.map { program.roles[$0] }.joined(separator: ", ")
    }
    if let condition = transition.guardExpression { text += " [\(line(condition.text, length))]" }
    let statements = transition.statements.compactMap(statementLabel)
    if !statements.isEmpty { text += " / " + line(statements.joined(separator: "; "), length) }
    return text
  }

  func label(_ start: Start, _ length: Length = .short) -> String {
    var text =
      switch start.trigger {
      case .event(let event, let isAgain): program.events[event].name + (isAgain ? " again" : "")
      case .every(let delay): "every \(delay.text)"
      case .cron(let cron): "cron \(cron.text)"
      case .called: "called"
      }
    if start.overlap != .allow { text += " overlap \(start.overlap.rawValue)" }
    if start.catchUp != .one { text += " catchup \(start.catchUp.rawValue)" }
    if let condition = start.guardExpression { text += " [\(line(condition.text, length))]" }
    return text
  }

  func trigger(_ trigger: Trigger) -> String {
    switch trigger {
    case .event(let event): program.events[event].name
    case .any: "any"
    case .always: "always"
    case .after(let delay): "after \(delay.text)"
    case .every(let delay): "every \(delay.text)"
    case .at(let instant): "at \(instant.text)"
    case .cron(let cron): "cron \(cron.text)"
    case .callDone(let call): "\(flow.calls[call].name).done"
    case .callFailed(let call): "\(flow.calls[call].name).failed"
    case .itemDone(let call): "\(flow.calls[call].name).item.done"
    case .itemFailed(let call): "\(flow.calls[call].name).item.failed"
    case .done: "done"
    case .failed: "failed"
    case .rollbackDone: "rollback.done"
    case .rollbackFailed: "rollback.failed"
    case .error: "error"
    }
  }

  /// The fields, entry and exit statements, calls and event lists of a state, one per line.
  /// - Parameter isGraph: Whether the diagram has the steps as nodes of their own.
  func work(in state: StateIndex, _ length: Length = .short, withoutSteps isGraph: Bool = false) -> [String] {
    let node = flow.states[state]
    let fields = flow.fields(of: state).map { "\(flow.fields[$0].plainName): \(flow.fields[$0].type)" }
    var lines =
      (fields.isEmpty ? [] : ["data " + fields.joined(separator: ", ")])
      + node.entry.compactMap(statementLabel).map { "entry " + $0 }
      + node.exit.compactMap(statementLabel).map { "exit " + $0 }
    for index in node.calls where !(isGraph && flow.calls[index].isStep) {
      let call = flow.calls[index]
      let after = call.after.map { flow.calls[$0].name }
      lines.append(
        (call.isStep ? "step " : "call ") + target(call.target)
          + (call.name == target(call.target) ? "" : " as \(call.name)")
          + (after.isEmpty ? "" : " after " + after.joined(separator: ", ")))
    }
    if node.isRollback { lines.append("rollback") }
    if !node.ignored.isEmpty { lines.append("ignore " + events(node.ignored)) }
    if !node.deferred.isEmpty { lines.append("defer " + events(node.deferred)) }
    return lines.map { line($0, length) }
  }

  /// The steps of a state, when some wait for others.
  func stepGraph(of state: StateIndex) -> [CallIndex] {
    let steps = flow.states[state].calls.filter { flow.calls[$0].isStep }
    return steps.contains { !flow.calls[$0].after.isEmpty } ? steps : []
  }

  /// The name, action and condition of a step.
  func label(step index: CallIndex, _ length: Length = .short) -> String {
    let call = flow.calls[index]
    let name = call.name == target(call.target) ? call.name : "\(call.name): \(target(call.target))"
    return name + (call.condition.map { " [\(line($0.text, length))]" } ?? "")
  }

  private func events(_ indices: [EventIndex]) -> String {
    indices.map { program.events[$0].name }.joined(separator: ", ")
  }

  private func target(_ target: Call.Target) -> String {
    switch target {
    case .action(let action): program.actions[action].name
    case .flow(let flow): program.flows[flow].name
    }
  }

  /// The label of a statement; assignments and log lines are left out of diagrams.
  private func statementLabel(_ statement: ActionStatement) -> String? {
    switch statement.kind {
    case .assign, .log: nil
    case .perform(let action, _): program.actions[action].name + "()"
    case .emit(let event, _, let flow):
      "emit \(program.events[event].name)" + (flow.map { " to \(program.flows[$0].name)" } ?? "")
    case .raise(let event, _): "raise \(program.events[event].name)"
    }
  }

  /// The text on one line; a short one has at most 48 characters.
  private func line(_ text: String, _ length: Length) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return length == .whole || line.count <= 48 ? line : line.prefix(47) + "…"
  }
}
