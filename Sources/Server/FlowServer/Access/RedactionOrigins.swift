import CEL
import FlowIR

/// The names under which redacted values appear in programs: masking follows a value from its origin, not only the
/// name that the operator gave.
///
/// A value is traced forwards, through `let`s, assignments, arguments of actions and called flows, emitted payloads and
/// results, and backwards from a redacted field to the payload fields and data fields from which it is assigned. Every
/// expression with a redacted part counts as redacted. The key field is never traced backwards: it is public.
struct RedactionOrigins {
  /// Redacted payload fields by event, over all programs: a receiver may be compiled separately from its emitter.
  private var payloads: [String: Set<String>] = [:]
  /// Redacted data fields, parameters and definitions by flow.
  private(set) var names: [String: Set<String>]
  private var hasChanged = false

  /// - Parameters:
  ///   - configured: The fields in the operator's settings, by flow.
  ///   - programs: All programs whose values may appear.
  init(_ configured: [String: Set<String>], in programs: some Sequence<Program>) {
    names = configured
    repeat {
      hasChanged = false
      for program in programs {
        for flow in program.flows { follow(flow, in: program) }
      }
    } while hasChanged
  }

  private mutating func mark(_ name: String, of flow: String) {
    if names[flow, default: []].insert(name).inserted { hasChanged = true }
  }

  private mutating func mark(_ field: String, ofEvent event: String) {
    if payloads[event, default: []].insert(field).inserted { hasChanged = true }
  }

  // MARK: - Tracing

  private mutating func follow(_ flow: Flow, in program: Program) {
    let marked = names[flow.name] ?? []
    // A payload field of the same name is the usual origin.
    for event in program.events {
      for field in event.payload.fields where marked.contains(field.name) && uses(flow, event, in: program) {
        mark(field.name, ofEvent: event.name)
      }
    }
    for start in flow.starts { follow(start.acts, on: event(of: start), of: flow, in: program) }
    for transition in flow.transitions { follow(transition.acts, on: event(of: transition), of: flow, in: program) }
    for state in flow.states {
      follow(state.entry + state.exit, on: nil, of: flow, in: program)
      if let result = state.result, isMarked(result.tree, event: nil, of: flow, in: program) {
        mark("result", of: flow.name)
      }
    }
    for call in flow.calls { follow(call, of: flow, in: program) }
    for definition in flow.definitions where isMarked(definition.value.tree, event: nil, of: flow, in: program) {
      mark(definition.name, of: flow.name)
    }
  }

  private mutating func follow(_ acts: [ActionStatement], on event: EventIndex?, of flow: Flow, in program: Program) {
    for act in acts {
      switch act.kind {
      case .assign(let slot, _, let value):
        guard let field = fieldName(slot, of: flow) else { continue }
        if isMarked(value.tree, event: event, of: flow, in: program) { mark(field, of: flow.name) }
        if isMarked(field, of: flow) { markSources(of: value.tree, event: event, of: flow, in: program) }
      case .emit(let target, let value), .raise(let target, let value):
        follow(value.tree, into: program.events[target].name, on: event, of: flow, in: program)
      case .perform(let action, let arguments):
        markParameters(program.actions[action].parameters, arguments, event: event, of: flow, in: program)
      case .log: break
      }
    }
  }

  private mutating func follow(
    _ payload: TypedExpression, into target: String, on event: EventIndex?, of flow: Flow, in program: Program
  ) {
    guard case .record(_, let fields) = payload.kind else { return }
    for field in fields {
      if isMarked(field.value, event: event, of: flow, in: program) {
        mark(field.field, ofEvent: target)
        mark(field.field, of: flow.name)
      } else if payloads[target]?.contains(field.field) ?? false {
        mark(field.field, of: flow.name)
        markSources(of: field.value, event: event, of: flow, in: program)
      }
    }
  }

  private mutating func follow(_ call: Call, of flow: Flow, in program: Program) {
    switch call.target {
    case .action(let action):
      markParameters(program.actions[action].parameters, call.arguments, event: nil, of: flow, in: program)
    case .flow(let target):
      let called = program.flows[target]
      for (field, argument) in zip(called.fields, call.arguments) {
        if isMarked(argument.tree, event: nil, of: flow, in: program) {
          mark(field.name, of: called.name)
          mark(field.name, of: flow.name)
        } else if isMarked(field.name, of: called) {
          mark(field.name, of: flow.name)
          markSources(of: argument.tree, event: nil, of: flow, in: program)
        }
      }
      if isMarked("result", of: called) {
        mark("result", of: flow.name)
        mark(call.name, of: flow.name)
      }
    }
  }

  private mutating func markParameters(
    _ parameters: RecordDeclaration, _ arguments: [SourcedExpression], event: EventIndex?, of flow: Flow,
    in program: Program
  ) {
    for (parameter, argument) in zip(parameters.fields, arguments)
    where isMarked(argument.tree, event: event, of: flow, in: program) {
      mark(parameter.name, of: flow.name)
    }
  }

  /// Marks the origins of a value that becomes a redacted field.
  private mutating func markSources(of tree: TypedExpression, event: EventIndex?, of flow: Flow, in program: Program) {
    if case .variable(_, let slot) = tree.kind {
      if let name = fieldName(slot, of: flow), !isKey(name, of: flow) { mark(name, of: flow.name) }
      return
    }
    if let event, let field = payloadField(of: tree) {
      if !isKey(field, of: flow) {
        mark(field, ofEvent: program.events[event].name)
        mark(field, of: flow.name)
      }
      return
    }
    for child in tree.kind.children { markSources(of: child, event: event, of: flow, in: program) }
  }

  // MARK: - Queries

  private func isMarked(_ name: String, of flow: Flow) -> Bool { names[flow.name]?.contains(name) ?? false }

  private func isKey(_ name: String, of flow: Flow) -> Bool { flow.key.map { flow.fields[$0].name == name } ?? false }

  /// Returns true if an expression has a redacted part.
  private func isMarked(_ tree: TypedExpression, event: EventIndex?, of flow: Flow, in program: Program) -> Bool {
    switch tree.kind {
    case .variable(_, FrameLayout.event):
      return event.map { !(payloads[program.events[$0].name] ?? []).isEmpty } ?? false
    case .variable(_, let slot):
      if let name = fieldName(slot, of: flow) { return isMarked(name, of: flow) }
      return flow.calls.contains { $0.resultSlot == slot && isMarked($0.name, of: flow) }
    case .select where payloadField(of: tree) != nil:
      guard let event, let field = payloadField(of: tree) else { return false }
      return payloads[program.events[event].name]?.contains(field) ?? false
    default: return tree.kind.children.contains { isMarked($0, event: event, of: flow, in: program) }
    }
  }

  /// `event.name`
  private func payloadField(of tree: TypedExpression) -> String? {
    guard case .select(let operand, let field, _) = tree.kind, case .variable(_, FrameLayout.event) = operand.kind
    else {
      return nil
    }
    return field
  }

  private func fieldName(_ slot: Int, of flow: Flow) -> String? {
    let index = slot - FrameLayout.firstField
    return flow.fields.indices.contains(index) ? flow.fields[index].name : nil
  }

  private func event(of start: Start) -> EventIndex? { start.event }

  private func event(of transition: Transition) -> EventIndex? {
    if case .event(let event) = transition.trigger { event } else { nil }
  }

  /// Returns true if a flow reacts to an event or starts on it.
  private func uses(_ flow: Flow, _ event: Event, in program: Program) -> Bool {
    guard let index = program.events.firstIndex(where: { $0.name == event.name }) else { return false }
    return flow.starts.contains { self.event(of: $0) == index }
      || flow.transitions.contains { self.event(of: $0) == index }
  }
}
