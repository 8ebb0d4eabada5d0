import FlowIR

/// What the pictures of a flow have in common: names, labels, and what stands where.
struct DiagramModel {
  let program: Program
  let flow: Flow
  /// The states that are shown as active, with all that lie around them.
  let active: Set<Int>

  /// - Parameter active: The paths of the innermost active states; what the flow does not have is left out.
  init(_ program: Program, _ flow: Int, _ active: [String] = []) {
    self.program = program
    self.flow = program.flows[flow]
    let states = self.flow.states
    var found: Set<Int> = []
    for path in active {
      var state = states.firstIndex { $0.path == path } ?? 0
      while state != 0 {
        found.insert(state)
        state = states[state].parent
      }
    }
    self.active = found
  }

  /// The name by which a state goes in every picture, whatever is added to the flow.
  func identifier(_ state: Int) -> String {
    state == 0 ? "flow" : "state." + flow.states[state].path
  }

  /// What sets a transition off and what it does, in the words of the flow.
  func label(_ transition: Transition) -> String {
    var text = trigger(transition.trigger)
    if !transition.roles.isEmpty {
      text += " by " + transition.roles.map { program.roles[$0] }.joined(separator: ", ")
    }
    if let condition = transition.guardExpression { text += " [\(shortened(condition.text))]" }
    let acts = transition.acts.compactMap(act)
    if !acts.isEmpty { text += " / " + shortened(acts.joined(separator: "; ")) }
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

  /// What a state does by itself, a line each.
  func work(in state: Int) -> [String] {
    let node = flow.states[state]
    var lines = node.entry.compactMap(act).map { "entry " + $0 } + node.exit.compactMap(act).map { "exit " + $0 }
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

  private func events(_ indices: [Int]) -> String { indices.map { program.events[$0].name }.joined(separator: ", ") }

  private func target(_ target: Call.Target) -> String {
    switch target {
    case .action(let action): program.actions[action].name
    case .flow(let flow): program.flows[flow].name
    }
  }

  /// What others see of an act; assignments and log lines are left out of pictures.
  private func act(_ act: ActionStatement) -> String? {
    switch act.kind {
    case .assign, .log: nil
    case .perform(let action, _): program.actions[action].name + "()"
    case .emit(let event, _): "emit \(program.events[event].name)"
    case .raise(let event, _): "raise \(program.events[event].name)"
    }
  }

  /// On one line, and no longer than a label should be.
  private func shortened(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count <= 48 ? line : line.prefix(47) + "…"
  }
}
