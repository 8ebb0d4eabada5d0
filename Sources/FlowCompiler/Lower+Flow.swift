import CEL
import FlowChecker
import FlowIR
import FlowSource
import FlowSyntax

extension Lowering {
  func flow(_ checked: CheckedFlow, actions: [Action]) -> Flow {
    let transitions = checked.reactions.map(transition)
    return Flow(
      name: checked.node.name.text, version: checked.node.version ?? 1, key: checked.key,
      fields: checked.fields.map {
        DataField(name: $0.name, type: $0.type, defaultValue: $0.defaultValue.map(expression))
      },
      definitions: checked.definitions.map { LetDefinition(name: $0.name, value: expression($0.value)) },
      calls: checked.calls.map { call($0, actions) }, keptCount: checked.keptCount, frameSize: checked.frameSize,
      invariants: checked.invariants.map(expression), states: states(checked), transitions: transitions,
      starts: checked.starts.map(start), place: place(checked.node.name.range))
  }

  private func states(_ checked: CheckedFlow) -> [State] {
    checked.states.enumerated().map { index, state in
      State(
        name: state.name.text, path: state.path, kind: State.Kind(rawValue: state.kind.rawValue) ?? .plain,
        parent: state.parent, depth: state.depth, children: state.children, initial: state.initial,
        entry: state.entry.map(act), exit: state.exit.map(act),
        calls: checked.calls.indices.filter { checked.calls[$0].state == index },
        transitions: checked.reactions.indices.filter { checked.reactions[$0].source == index },
        ignored: state.ignored, deferred: state.deferred, end: state.end)
    }
  }

  private func transition(_ checked: CheckedReaction) -> Transition {
    let rest = checked.rest
    return Transition(
      source: checked.source, trigger: trigger(checked.trigger), roles: rest.roles,
      guardExpression: rest.guardExpression.map(expression), target: rest.target, isHistory: rest.isHistory,
      isReenter: rest.isReenter, acts: rest.acts.map(act), place: place(checked.range))
  }

  private func trigger(_ checked: CheckedReaction.Trigger) -> Trigger {
    switch checked {
    case .event(let event): .event(event)
    case .any: .any
    case .always: .always
    case .after(let delay): .after(expression(delay))
    case .every(let delay): .every(expression(delay))
    case .at(let instant): .at(expression(instant))
    case .callDone(let call): .callDone(call)
    case .callFailed(let call): .callFailed(call)
    case .done: .done
    }
  }

  private func start(_ checked: CheckedStart) -> Start {
    Start(
      event: checked.event, isAgain: checked.isAgain, roles: checked.rest.roles,
      guardExpression: checked.rest.guardExpression.map(expression), target: checked.rest.target ?? 0,
      acts: checked.rest.acts.map(act), place: place(checked.range))
  }

  private func call(_ checked: CheckedCall, _ actions: [Action]) -> Call {
    Call(
      name: checked.name, state: checked.state, action: checked.action, arguments: checked.arguments.map(expression),
      once: checked.once.map(expression), resultSlot: checked.resultSlot,
      policy: policy(checked.node.policies, over: actions[checked.action].policy), place: place(checked.node.range))
  }

  private func act(_ checked: CheckedAct) -> Act {
    let kind: Act.Kind =
      switch checked.kind {
      case .assign(let slot, let value): .assign(slot: slot, expression(value))
      case .perform(let action, let arguments): .perform(action: action, arguments: arguments.map(expression))
      case .emit(let event, let value): .emit(event: event, expression(value))
      case .raise(let event, let value): .raise(event: event, expression(value))
      case .log(let value): .log(expression(value))
      }
    return Act(
      kind: kind, loop: checked.loop.map { Act.Loop(slot: $0.slot, list: expression($0.list)) },
      condition: checked.condition.map(expression), place: place(checked.range))
  }
}
