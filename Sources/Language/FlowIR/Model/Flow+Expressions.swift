import CEL

extension Flow {
  /// Every expression of the flow, defaults included; not those of actions.
  public var expressions: [SourcedExpression] {
    var found = fields.compactMap(\.defaultValue) + invariants + definitions.map(\.value)
    for call in calls { found += call.expressions }
    for start in starts {
      found += [start.guardExpression].compactMap { $0 } + start.trigger.expressions
      found += start.arguments.map(\.value) + start.statements.flatMap(\.expressions)
    }
    for state in states {
      found += (state.entry + state.exit).flatMap(\.expressions) + [state.result].compactMap { $0 }
    }
    for transition in transitions {
      found += [transition.guardExpression].compactMap { $0 } + transition.trigger.expressions
      found += transition.arguments.map(\.value) + transition.statements.flatMap(\.expressions)
    }
    for migration in migrations { found += migration.assignments.map(\.value) }
    return found
  }
}

extension Flow {
  /// The events that the flow emits, each once.
  public var emittedEvents: Set<EventIndex> {
    // Step by step: the sum of four lists costs the type checker seconds.
    var statements: [ActionStatement] = []
    for state in states { statements += state.entry + state.exit }
    for transition in transitions { statements += transition.statements }
    for start in starts { statements += start.statements }
    var events: Set<EventIndex> = []
    for statement in statements {
      if case .emit(let event, _, to: _) = statement.kind { events.insert(event) }
    }
    return events
  }
}

extension Trigger {
  /// The expressions of the time at which a timer is due.
  var expressions: [SourcedExpression] {
    switch self {
    case .after(let source), .every(let source), .at(let source): [source]
    case .cron(let cron): cron.expressions
    case .event, .any, .always, .callDone, .callFailed, .itemDone, .itemFailed, .done, .failed, .rollbackDone,
      .rollbackFailed, .error:
      []
    }
  }
}

extension Start.Trigger {
  /// The expressions of the time at which a scheduled start is due.
  var expressions: [SourcedExpression] {
    switch self {
    case .every(let source): [source]
    case .cron(let cron): cron.expressions
    case .event, .called: []
    }
  }
}

extension Call {
  var expressions: [SourcedExpression] {
    arguments + [loop?.list, limit, once, priority, condition].compactMap { $0 } + (undo?.arguments ?? [])
  }
}

extension ActionStatement {
  var expressions: [SourcedExpression] {
    let suffixes = [loop?.list, condition].compactMap { $0 }
    switch kind {
    case .assign(_, let part, let value):
      return suffixes + part.compactMap(\.expression) + [value]
    case .emit(_, let value, to: _), .raise(_, let value), .log(let value): return suffixes + [value]
    case .perform(_, let arguments): return suffixes + arguments
    }
  }
}
