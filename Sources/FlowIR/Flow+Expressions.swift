import CEL

extension Flow {
  /// Every expression of the flow, defaults included; not those of actions.
  public var expressions: [SourcedExpression] {
    var found = fields.compactMap(\.defaultValue) + invariants + definitions.map(\.value)
    for call in calls { found += call.arguments + [call.once].compactMap { $0 } }
    for start in starts { found += [start.guardExpression].compactMap { $0 } + start.acts.flatMap(\.expressions) }
    for state in states { found += (state.entry + state.exit).flatMap(\.expressions) }
    for transition in transitions {
      found += [transition.guardExpression, transition.trigger.expression].compactMap { $0 }
      found += transition.acts.flatMap(\.expressions)
    }
    return found
  }
}

extension Trigger {
  /// When a timer is due.
  var expression: SourcedExpression? {
    switch self {
    case .after(let source), .every(let source), .at(let source): source
    case .event, .any, .always, .callDone, .callFailed, .done: nil
    }
  }
}

extension Act {
  var expressions: [SourcedExpression] {
    let suffixes = [loop?.list, condition].compactMap { $0 }
    switch kind {
    case .assign(_, let value), .emit(_, let value), .raise(_, let value), .log(let value): return suffixes + [value]
    case .perform(_, let arguments): return suffixes + arguments
    }
  }
}
