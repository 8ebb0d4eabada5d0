import CEL
import FlowIR

/// The names under which redacted values appear in programs: masking follows a value from its origin, not only the
/// name that the operator gave.
///
/// A value is traced forwards, through `let`s, assignments, loops, arguments of actions and called flows, emitted
/// payloads, results and migrations, and backwards from a redacted field to the payload fields, results and data fields
/// from which it is assigned. Every expression with a redacted part counts as redacted. A redacted name inside of a
/// record is redacted wherever the record goes. The key field is never traced backwards: it is public.
struct RedactionOrigins {
  /// Redacted payload fields by event, over all programs: a receiver may be compiled separately from its emitter.
  private(set) var payloads: [String: Set<String>] = [:]
  /// Redacted data fields, parameters and definitions by flow.
  private(set) var names: [String: Set<String>]
  /// The flows whose key field may have a redacted value.
  private(set) var exposedKeys: Set<String> = []
  private var hasChanged = false

  /// - Parameters:
  ///   - configured: The fields in the operator's settings, by flow.
  ///   - programs: All programs whose values may appear.
  init(_ configured: [String: Set<String>], in programs: some Sequence<Program>) {
    names = configured
    let programs = programs.map { TypedProgram(program: $0, types: $0.registry) }
    repeat {
      hasChanged = false
      for program in programs {
        for flow in program.program.flows { follow(RedactionScope(program, flow)) }
      }
    } while hasChanged
    for flow in programs.flatMap(\.program.flows) {
      if let key = flow.key, isMarked(flow.fields[key].name, of: flow) { exposedKeys.insert(flow.name) }
    }
  }

  private mutating func mark(_ name: String, of flow: String) {
    if names[flow, default: []].insert(name).inserted { hasChanged = true }
  }

  private mutating func mark(_ field: String, ofEvent event: String) {
    if payloads[event, default: []].insert(field).inserted { hasChanged = true }
  }

  // MARK: - Tracing

  private mutating func follow(_ scope: RedactionScope) {
    let flow = scope.flow
    followEvents(scope)
    for start in flow.starts {
      follow(start.arguments, in: scope.on(start))
      follow(start.statements, in: scope.on(start))
    }
    for transition in flow.transitions {
      follow(transition.arguments, in: scope.on(transition))
      follow(transition.statements, in: scope.on(transition))
    }
    for field in flow.fields where field.state != nil {
      if let value = field.defaultValue { assign(value.tree, to: field.plainName, in: scope) }
    }
    for state in flow.states {
      follow(state.entry + state.exit, in: scope)
      if let result = state.result, isMarked(result.tree, in: scope) { mark("result", of: flow.name) }
    }
    for call in flow.calls { follow(call, in: scope) }
    for definition in flow.definitions where isMarked(definition.value.tree, in: scope) {
      mark(definition.name, of: flow.name)
    }
    for assignment in flow.migrations.flatMap(\.assignments) {
      assign(assignment.value.tree, to: flow.fields[assignment.field].plainName, in: scope)
    }
  }

  /// A payload field of the same name is the usual origin of a redacted field; one that another flow has redacted is
  /// redacted here as well.
  private mutating func followEvents(_ scope: RedactionScope) {
    for event in scope.events {
      for field in event.payload.fields {
        if isMarked(field.name, of: scope.flow) { mark(field.name, ofEvent: event.name) }
        for inner in nestedNames(of: field.type, in: scope) { mark(inner, ofEvent: event.name) }
      }
      followComputedMembers(of: event, in: scope)
      for name in payloads[event.name] ?? [] where !scope.isKey(name) { mark(name, of: scope.flow.name) }
    }
  }

  /// A computed member is redacted if a field that it reads is; and the other way round.
  private mutating func followComputedMembers(of event: Event, in outer: RedactionScope) {
    let indexed = outer.program.events.indexed
    guard !event.computed.isEmpty, let found = indexed.first(where: { $0.element.name == event.name }) else { return }
    let scope = outer.on(event: found.index)
    for member in event.computed {
      if isMarked(member.value.tree, in: scope) { mark(member.name, ofEvent: event.name) }
      guard isMarked(member.name, of: scope.flow) else { continue }
      mark(member.name, ofEvent: event.name)
      markSources(of: member.value.tree, in: scope)
    }
  }

  private mutating func follow(_ statements: [ActionStatement], in scope: RedactionScope) {
    for act in statements {
      let scope = scope.in(act.loop)
      switch act.kind {
      case .assign(let slot, let part, let value):
        guard let field = scope.field(at: slot) else { continue }
        assign(value.tree, to: field, in: scope)
        // The key of a map's entry is shown with the entry.
        for step in part {
          if let key = step.expression { assign(key.tree, to: field, in: scope) }
        }
      case .emit(let target, let value, to: _), .raise(let target, let value):
        follow(value.tree, into: scope.program.events[target].name, in: scope)
      case .perform(let action, let arguments):
        markParameters(scope.program.actions[action].parameters, arguments, in: scope)
      case .log: break
      }
    }
  }

  /// The values that a transition gives to the fields of its target.
  private mutating func follow(_ arguments: [StateArgument], in scope: RedactionScope) {
    for argument in arguments {
      assign(argument.value.tree, to: scope.flow.fields[argument.field].plainName, in: scope)
    }
  }

  private mutating func assign(_ value: TypedExpression, to field: String, in scope: RedactionScope) {
    if isMarked(value, in: scope) { mark(field, of: scope.flow.name) }
    if isMarked(field, of: scope.flow) { markSources(of: value, in: scope) }
  }

  private mutating func follow(_ payload: TypedExpression, into event: String, in scope: RedactionScope) {
    guard case .record(_, let fields) = payload.kind else {
      if isMarked(payload, in: scope) { nestedNames(of: payload.type, in: scope).forEach { mark($0, ofEvent: event) } }
      return
    }
    for field in fields {
      if isMarked(field.value, in: scope) {
        mark(field.field, ofEvent: event)
        mark(field.field, of: scope.flow.name)
      } else if payloads[event]?.contains(field.field) ?? false {
        mark(field.field, of: scope.flow.name)
        markSources(of: field.value, in: scope)
      }
      for inner in nestedNames(of: field.value.type, in: scope) { mark(inner, ofEvent: event) }
    }
  }

  private mutating func follow(_ call: Call, in outer: RedactionScope) {
    let scope = outer.in(call.loop)
    switch call.target {
    case .action(let action): markParameters(scope.program.actions[action].parameters, call.arguments, in: scope)
    case .flow(let target): follow(call, of: scope.program.flows[target], in: scope)
    }
    if let undo = call.undo {
      markParameters(scope.program.actions[undo.action].parameters, undo.arguments, in: scope)
    }
  }

  private mutating func follow(_ call: Call, of called: Flow, in scope: RedactionScope) {
    let caller = scope.flow.name
    for (field, argument) in zip(called.fields, call.arguments) {
      if isMarked(argument.tree, in: scope) {
        mark(field.name, of: called.name)
        mark(field.name, of: caller)
      } else if isMarked(field.name, of: called) {
        mark(field.name, of: caller)
        markSources(of: argument.tree, in: scope)
      }
      for inner in nestedNames(of: argument.tree.type, in: scope) { mark(inner, of: called.name) }
    }
    if isMarked("result", of: called) { markResult(of: call, in: scope) }
    guard let result = called.result else { return }
    let inside = RedactionScope(scope.typed, called)
    for inner in nestedNames(of: result, in: inside) { mark(inner, of: caller) }
  }

  private mutating func markParameters(
    _ parameters: RecordDeclaration, _ arguments: [SourcedExpression], in scope: RedactionScope
  ) {
    for (parameter, argument) in zip(parameters.fields, arguments) where isMarked(argument.tree, in: scope) {
      mark(parameter.name, of: scope.flow.name)
    }
  }

  /// Marks the result of a call, under its names in data, entries and expressions.
  private mutating func markResult(of call: Call, in scope: RedactionScope) {
    for name in [call.name, "result", "done"] { mark(name, of: scope.flow.name) }
  }

  /// Marks the origins of a value that becomes a redacted field.
  private mutating func markSources(of tree: TypedExpression, in scope: RedactionScope) {
    switch scope.origin(of: tree) {
    case .field(let name): if !scope.isKey(name) { mark(name, of: scope.flow.name) }
    case .payload(let field, let event):
      if scope.isKey(field) { return }
      mark(field, ofEvent: scope.program.events[event].name)
      mark(field, of: scope.flow.name)
    case .result(let call): markResult(of: call, in: scope)
    case .item(let list): markSources(of: list, in: scope)
    case nil: for child in tree.kind.children { markSources(of: child, in: scope) }
    }
  }

  // MARK: - Queries

  private func isMarked(_ name: String, of flow: Flow) -> Bool { names[flow.name]?.contains(name) ?? false }

  /// Returns true if an expression has a redacted part.
  private func isMarked(_ tree: TypedExpression, in scope: RedactionScope) -> Bool {
    switch scope.origin(of: tree) {
    case .field(let name): return isMarked(name, of: scope.flow)
    case .payload(let field, let event): return payloads[scope.program.events[event].name]?.contains(field) ?? false
    case .result(let call): return isMarked(call.name, of: scope.flow)
    case .item(let list): return isMarked(list, in: scope)
    case nil: break
    }
    switch tree.kind {
    case .variable(_, FrameLayout.event):
      return scope.event.map { !(payloads[scope.program.events[$0].name] ?? []).isEmpty } ?? false
    case .select(_, let field, _) where isMarked(field, of: scope.flow): return true
    case .call(.index, _, let parts) where parts.dropFirst().contains { isMarkedName($0, of: scope.flow) }: return true
    default: return tree.kind.children.contains { isMarked($0, in: scope) }
    }
  }

  /// Returns true if an index is the text of a redacted name.
  private func isMarkedName(_ index: TypedExpression, of flow: Flow) -> Bool {
    if case .string(let name)? = index.constant { isMarked(name, of: flow) } else { false }
  }

  /// The redacted names that values of a type may hold inside.
  private func nestedNames(of type: ValueType, in scope: RedactionScope) -> Set<String> {
    guard let marked = names[scope.flow.name], !marked.isEmpty else { return [] }
    var found: Set<String> = []
    var seen: Set<String> = []
    func visit(_ type: ValueType) {
      switch type {
      case .dyn, .map(_, .dyn): found = marked
      case .list(let inner), .map(_, let inner), .optional(let inner), .wrapper(let inner): visit(inner)
      case .record(let name):
        guard seen.insert(name).inserted, let record = scope.typed.types.record(named: name) else { return }
        for field in record.fields {
          if marked.contains(field.name) { found.insert(field.name) }
          visit(field.type)
        }
      default: return
      }
    }
    visit(type)
    return found
  }
}
