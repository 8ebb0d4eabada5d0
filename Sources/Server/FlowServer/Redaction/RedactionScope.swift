import CEL
import FlowIR

/// A program with its types.
struct TypedProgram {
  let program: Program
  let types: TypeRegistry
}

/// The context of an expression in a flow, which gives its variables their meaning.
struct RedactionScope {
  /// The origin of a value.
  enum Origin {
    /// A field of the data.
    case field(String)
    /// `event.name` of an event.
    case payload(String, EventIndex)
    /// The result of a call.
    case result(Call)
    /// An item of a list that a loop goes through.
    case item(TypedExpression)
  }

  let typed: TypedProgram
  let flow: Flow
  /// The event whose payload `event` is.
  private(set) var event: EventIndex?
  /// The call whose result `event` has.
  private var call: Call?
  private var loop: ActionStatement.Loop?

  init(_ typed: TypedProgram, _ flow: Flow) {
    self.typed = typed
    self.flow = flow
  }

  var program: Program { typed.program }

  /// The expressions of a start.
  func on(_ start: Start) -> RedactionScope {
    var scope = self
    scope.event = start.event
    return scope
  }

  /// The expressions of a reaction.
  func on(_ transition: Transition) -> RedactionScope {
    var scope = self
    switch transition.trigger {
    case .event(let event): scope.event = event
    case .callDone(let call), .callFailed(let call), .itemDone(let call), .itemFailed(let call):
      scope.call = flow.calls[call]
    default: break
    }
    return scope
  }

  /// The computed members of an event.
  func on(event: EventIndex) -> RedactionScope {
    var scope = self
    scope.event = event
    return scope
  }

  /// The expressions of a statement or call with a loop.
  func `in`(_ loop: ActionStatement.Loop?) -> RedactionScope {
    var scope = self
    scope.loop = loop
    return scope
  }

  /// The events that the flow starts on, reacts to or defers.
  var events: [Event] {
    var found: Set<EventIndex> = Set(flow.starts.compactMap(\.event) + flow.states.flatMap(\.deferred))
    for transition in flow.transitions {
      if case .event(let event) = transition.trigger { found.insert(event) }
    }
    return found.map { program.events[$0] }
  }

  func isKey(_ name: String) -> Bool { flow.key.map { flow.fields[$0].name == name } ?? false }

  /// The data field in a slot of the frame; nil for other slots.
  func field(at slot: Int) -> String? {
    let index = slot - FrameLayout.firstField
    return flow.fields.indices.contains(index) ? flow.fields[index].plainName : nil
  }

  /// The origin of an expression that is a variable or a field of `event`; nil for others.
  func origin(of tree: TypedExpression) -> Origin? {
    switch tree.kind {
    case .variable(_, FrameLayout.event): return call.map { .result($0) }
    case .variable(_, let slot):
      if let name = field(at: slot) { return .field(name) }
      if let loop, loop.slot == slot { return .item(loop.list.tree) }
      return flow.calls.first { $0.resultSlot == slot }.map { .result($0) }
    case .select(let operand, let field, _):
      guard let event, case .variable(_, FrameLayout.event) = operand.kind else { return nil }
      return .payload(field, event)
    default: return nil
    }
  }
}
