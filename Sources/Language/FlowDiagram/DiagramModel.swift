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

  /// The trigger, roles, guard and visible statements of a transition, as the flow writes them.
  func label(_ transition: Transition) -> String {
    var text = trigger(transition.trigger)
    if !transition.roles.isEmpty {
      text += " by " + transition.roles.map { program.roles[$0] }.joined(separator: ", ")
    }
    if let condition = transition.guardExpression { text += " [\(shortened(condition.text))]" }
    let statements = transition.acts.compactMap(statementLabel)
    if !statements.isEmpty { text += " / " + shortened(statements.joined(separator: "; ")) }
    return text
  }

  func label(_ start: Start) -> String {
    var text =
      switch start.trigger {
      case .event(let event, let isAgain): program.events[event].name + (isAgain ? " again" : "")
      case .every(let delay): "every \(delay.text)"
      case .cron(let cron): "cron \(cron.schedule)"
      case .called: "called"
      }
    if let condition = start.guardExpression { text += " [\(shortened(condition.text))]" }
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
    case .cron(let cron): "cron \(cron.schedule)"
    case .callDone(let call): "\(flow.calls[call].name).done"
    case .callFailed(let call): "\(flow.calls[call].name).failed"
    case .done: "done"
    case .failed: "failed"
    case .rollbackDone: "rollback.done"
    case .rollbackFailed: "rollback.failed"
    case .error: "error"
    }
  }

  /// The entry and exit statements, calls and event lists of a state, one per line.
  func work(in state: StateIndex) -> [String] {
    let node = flow.states[state]
    var lines =
      node.entry.compactMap(statementLabel).map { "entry " + $0 }
      + node.exit.compactMap(statementLabel).map { "exit " + $0 }
    for index in node.calls {
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
    return lines.map(shortened)
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
    case .emit(let event, _): "emit \(program.events[event].name)"
    case .raise(let event, _): "raise \(program.events[event].name)"
    }
  }

  /// The text on one line of at most 48 characters.
  private func shortened(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count <= 48 ? line : line.prefix(47) + "…"
  }
}
