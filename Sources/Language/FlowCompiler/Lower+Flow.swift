import CEL
import FlowChecker
import FlowIR
import FlowSource
import FlowSyntax

extension Lowering {
  func flow(_ checked: CheckedFlow, actions: [Action]) -> Flow {
    let transitions = checked.reactions.map(transition)
    return Flow(
      name: checked.node.name.text, version: checked.node.version ?? 1, isCallable: checked.node.parameters != nil,
      parameterCount: checked.parameterCount, result: checked.result, key: checked.key,
      keyLifetime: checked.node.keyLifetime.map { $0.duration.map { .milliseconds($0.milliseconds) } ?? .forever },
      fields: checked.fields.map {
        DataField(
          name: $0.name, type: $0.type, defaultValue: $0.defaultValue.map(expression),
          state: $0.state.map { StateIndex($0) }, maximum: $0.maximum)
      },
      definitions: checked.definitions.map { LetDefinition(name: $0.name, value: expression($0.value)) },
      calls: IndexedList(checked.calls.map { call($0, actions: actions) }), keptCount: checked.keptCount,
      frameSize: checked.frameSize,
      invariants: checked.invariants.map(expression), states: states(checked), transitions: transitions,
      starts: checked.starts.map(start), properties: checked.properties.map(property),
      readRules: checked.readRules.map { ReadRule(roles: $0.roles, condition: $0.condition.map(expression)) },
      migrations: checked.migrations.map(migration), location: location(checked.node.name.range),
      resultMaximum: checked.resultMaximum)
  }

  private func states(_ checked: CheckedFlow) -> IndexedList<StateIndex, State> {
    let states = checked.states.enumerated().map { index, state in
      State(
        name: state.name.text, path: state.path, kind: State.Kind(rawValue: state.kind.rawValue) ?? .plain,
        parent: StateIndex(state.parent), depth: state.depth, children: state.children.map { StateIndex($0) },
        initial: state.initial.map { StateIndex($0) },
        entry: state.entry.map(act), exit: state.exit.map(act),
        calls: checked.calls.indices.filter { checked.calls[$0].state == index }.map { CallIndex($0) },
        transitions: checked.reactions.indices.filter { checked.reactions[$0].source == index },
        ignored: state.ignored.map { EventIndex($0) }, deferred: state.deferred.map { EventIndex($0) },
        isRollback: state.isRollback,
        result: state.result.map(expression), end: StateIndex(state.end))
    }
    return IndexedList(states)
  }

  private func transition(_ checked: CheckedReaction) -> Transition {
    let rest = checked.rest
    return Transition(
      source: StateIndex(checked.source), trigger: trigger(checked.trigger), roles: rest.roles,
      senders: rest.senders.map { FlowIndex($0) },
      guardExpression: rest.guardExpression.map(expression), target: rest.target.map { StateIndex($0) },
      arguments: rest.arguments.map(argument), isHistory: rest.isHistory,
      isReenter: rest.isReenter, statements: rest.statements.map(act), location: location(checked.range))
  }

  private func trigger(_ checked: CheckedReaction.Trigger) -> Trigger {
    switch checked {
    case .event(let event): .event(EventIndex(event))
    case .any: .any
    case .always: .always
    case .after(let delay): .after(expression(delay))
    case .every(let delay): .every(expression(delay))
    case .at(let instant): .at(expression(instant))
    case .cron(let cron): .cron(self.cron(cron))
    case .callDone(let call): .callDone(CallIndex(call))
    case .callFailed(let call): .callFailed(CallIndex(call))
    case .itemDone(let call): .itemDone(CallIndex(call))
    case .itemFailed(let call): .itemFailed(CallIndex(call))
    case .done: .done
    case .failed: .failed
    case .rollbackDone: .rollbackDone
    case .rollbackFailed: .rollbackFailed
    case .error: .error
    }
  }

  private func cron(_ checked: CheckedCron) -> Cron {
    Cron(schedule: checked.schedule, spec: checked.spec.map(expression), zone: checked.zone.map(expression))
  }

  private func property(_ checked: CheckedProperty) -> Property {
    switch checked {
    case .never(let states): .never(states.map { StateIndex($0) })
    case .leadsTo(let from, let to): .leadsTo(StateIndex(from), StateIndex(to))
    }
  }

  private func migration(_ checked: CheckedMigration) -> Migration {
    Migration(
      from: checked.from, moves: checked.moves.map { Migration.Move(from: $0.from, to: StateIndex($0.to)) },
      assignments: checked.assignments.map { Migration.Assignment(field: $0.field, value: expression($0.value)) },
      location: location(checked.range))
  }

  private func start(_ checked: CheckedStart) -> Start {
    let trigger: Start.Trigger =
      switch checked.trigger {
      case .event(let event, let isAgain): .event(EventIndex(event), isAgain: isAgain)
      case .every(let delay): .every(expression(delay))
      case .cron(let node): .cron(cron(node))
      case .called: .called
      }
    return Start(
      trigger: trigger, overlap: checked.overlap, catchUp: checked.catchUp, roles: checked.rest.roles,
      senders: checked.rest.senders.map { FlowIndex($0) },
      guardExpression: checked.rest.guardExpression.map(expression),
      target: StateIndex(checked.rest.target ?? 0), arguments: checked.rest.arguments.map(argument),
      statements: checked.rest.statements.map(act),
      location: location(checked.range))
  }

  private func argument(_ checked: CheckedStateArgument) -> StateArgument {
    StateArgument(field: checked.field, value: expression(checked.value))
  }

  private func call(_ checked: CheckedCall, actions: [Action]) -> Call {
    let target: Call.Target
    var inherited = Policy()
    switch checked.target {
    case .action(let action):
      target = .action(action)
      inherited = actions[action].policy
    case .flow(let flow): target = .flow(FlowIndex(flow))
    }
    return Call(
      name: checked.name, state: StateIndex(checked.state), target: target,
      arguments: checked.arguments.map(expression),
      loop: checked.loop.map(loop), limit: checked.limit.map(expression), once: checked.once.map(expression),
      priority: checked.priority.map(expression),
      undo: checked.undo.map { Call.Undo(action: $0.action, arguments: $0.arguments.map(expression)) },
      isStep: checked.isStep, after: checked.after.map { CallIndex($0) }, condition: checked.condition.map(expression),
      resultRecord: checked.resultRecord, resultSlot: checked.resultSlot,
      policy: policy(checked.node.policies, over: inherited), location: location(checked.node.range))
  }

  private func loop(_ checked: (slot: Int, list: CheckedExpression)) -> ActionStatement.Loop {
    ActionStatement.Loop(slot: checked.slot, list: expression(checked.list))
  }

  private func act(_ checked: CheckedActionStatement) -> ActionStatement {
    let kind: ActionStatement.Kind =
      switch checked.kind {
      case .assign(let slot, let part, let value): .assign(slot: slot, part: part.map(step), expression(value))
      case .perform(let action, let arguments): .perform(action: action, arguments: arguments.map(expression))
      case .emit(let event, let value, let flow):
        .emit(event: EventIndex(event), expression(value), to: flow.map { FlowIndex($0) })
      case .raise(let event, let value): .raise(event: EventIndex(event), expression(value))
      case .log(let value): .log(expression(value))
      }
    return ActionStatement(
      kind: kind, loop: checked.loop.map(loop),
      condition: checked.condition.map(expression), location: location(checked.range))
  }

  private func step(_ checked: CheckedActionStatement.PartStep) -> ActionStatement.PartStep {
    switch checked {
    case .field(let name): .field(name)
    case .index(let index): .index(expression(index))
    case .entry(let key): .entry(expression(key))
    }
  }
}
