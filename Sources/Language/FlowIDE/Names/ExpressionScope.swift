import CEL
import FlowChecker
import FlowSource
import FlowSyntax

/// The names that an expression sees at a position, with their types.
struct ExpressionScope {
  /// A variable of a macro or a loop, or a parameter.
  struct Local {
    var name: String
    var type: ValueType
    var entity: Entity
  }

  let names: ProgramNames
  /// The names from the last check; nil before the first one.
  var environment: Environment?
  /// The flow around the expression.
  var flow: String?
  /// The type of `event`; nil where none exists.
  var event: ValueType?
  var locals: [Local] = []

  init(_ names: ProgramNames, _ analysis: Analysis?, flow: String? = nil, event: ValueType? = nil) {
    self.names = names
    self.flow = flow
    self.event = event
    environment = flow.flatMap { analysis?.environments[$0] } ?? analysis?.environment
  }

  /// The entity of a name; nil when it means nothing.
  func entity(of name: String) -> Entity? {
    if let local = locals.last(where: { $0.name == name }) { return local.entity }
    if name == "event", event != nil { return .predefined(name) }
    if let flow {
      for entity in [Entity.data(name, flow: flow), .definition(name, flow: flow), .call(name, flow: flow)]
      where names.definitions[entity] != nil { return entity }
      if ["now", "self", "caller", "key"].contains(name) { return .predefined(name) }
    }
    if names.constants[name] != nil { return .constant(name) }
    if names.enums[name] != nil { return .enumeration(name) }
    if names.types[name] != nil { return .type(name) }
    return nil
  }

  /// The type of a name, `dyn` when it is not known.
  func type(of name: String) -> ValueType {
    if let local = locals.last(where: { $0.name == name }) { return local.type }
    if name == "event", let event { return event }
    if let known = environment?.type(of: name), known != .error { return known }
    if let flow, let field = names.charts[flow]?.flow.fields.first(where: { $0.name.text == name }) {
      return names.type(of: field.type)
    }
    return .dyn
  }

  /// The type of an expression, `dyn` when it is not known.
  func type(of expression: Expression) -> ValueType {
    switch expression.kind {
    case .missing: return .dyn
    case .identifier(let name, _): return type(of: name)
    case .select(let operand, let field, let mode):
      if case .identifier(let name, _) = operand.kind, case .enumeration? = entity(of: name) {
        return .enumeration(name)
      }
      if mode == .test { return .bool }
      let type = type(of: operand)
      let found = fieldType(field.name, of: type.unwrapped)
      return type.isOptional || mode == .optional ? found.asOptional : found
    case .index(let operand, _, _): return type(of: operand).element ?? .dyn
    default: return checkedType(expression)
    }
  }

  /// The type of an expression by a check with the names of this scope.
  private func checkedType(_ expression: Expression) -> ValueType {
    guard var environment else { return .dyn }
    if let event { environment.declare(variable: "event", type: event) }
    if case .record(let name)? = event, let node = names.events[name] {
      for member in node.lets {
        environment.declare(
          variable: "event.\(member.name.text)", type: fieldType(member.name.text, of: .record(name)))
      }
    }
    for local in locals { environment.declare(variable: local.name, type: local.type) }
    let type = environment.check(expression).type
    return type == .error ? .dyn : type
  }

  /// The members of an event, as its computed members see them.
  func members(of event: EventNode, as name: String) -> [Local] {
    var scope = self
    // They do not see `event`, whose computed members would be asked for again.
    scope.event = nil
    scope.locals = event.fields.map {
      Local(name: $0.name.text, type: names.type(of: $0.type), entity: .field($0.name.text, of: name))
    }
    for member in event.lets {
      scope.locals.append(
        Local(
          name: member.name.text, type: scope.type(of: member.value), entity: .field(member.name.text, of: name)))
    }
    return scope.locals
  }

  /// The type of a computed member of an event; nil for another record or member.
  private func computedType(_ name: String, of record: String) -> ValueType? {
    guard let event = names.events[record], event.lets.contains(where: { $0.name.text == name }) else { return nil }
    return members(of: event, as: record).last { $0.name == name }?.type
  }

  /// The type of a field of a value.
  func fieldType(_ name: String, of type: ValueType) -> ValueType {
    switch type {
    case .record(let record):
      if let computed = computedType(name, of: record) { return computed }
      if let node = names.fields(ofRecord: record)?.first(where: { $0.name.text == name }) {
        return names.type(of: node.type)
      }
      return environment?.types.record(named: record)?.field(name)?.type ?? .dyn
    case .map(_, let value): return value
    default: return .dyn
    }
  }

  /// The entity of a field of a value.
  func field(_ name: String, of type: ValueType) -> Entity? {
    guard case .record(let record) = type.unwrapped else { return nil }
    if names.definitions[.field(name, of: record)] != nil { return .field(name, of: record) }
    guard environment?.types.record(named: record)?.field(name) != nil else { return nil }
    return .predefinedField(name, of: record)
  }

  /// The type of `event` in a reaction to a trigger; nil when none exists.
  func eventType(of trigger: String, in chart: Chart) -> ValueType? {
    if let event = names.event(trigger, flow: chart.flow.name.text) { return .record(event) }
    if trigger == "error" || trigger == "failed" { return .record("flow.Failure") }
    let parts = trigger.split(separator: ".").map(String.init)
    if parts.count == 3, parts[1] == "item" { return itemType(ofCall: parts[0], trigger: parts[2], in: chart) }
    guard parts.count == 2 else { return nil }
    if parts[1] == "failed" { return .record("flow.Failure") }
    guard parts[1] == "done", parts[0] != "rollback" else { return nil }
    let type = type(of: parts[0])
    return type == .dyn ? nil : type
  }

  /// The type of `event` in a reaction to an item of a call over a list.
  private func itemType(ofCall call: String, trigger: String, in chart: Chart) -> ValueType? {
    if trigger == "failed" { return .record("flow.ItemFailure") }
    guard trigger == "done", let callee = chart.callee(ofCall: call) else { return nil }
    return .record("flow.Item(\(callee))")
  }

  /// The types of the variables that a macro binds.
  func variableTypes(of macro: Expression.Comprehension) -> [ValueType] {
    let isPair = macro.variables.count == 2
    switch type(of: macro.range) {
    case .list(let element): return isPair ? [.int, element] : [element]
    case .map(let key, let value): return isPair ? [key, value] : [key]
    case .optional(let inner): return [inner]
    default: return macro.variables.map { _ in .dyn }
    }
  }

  /// The record that a literal builds: an event of the flow, an event, or a type.
  func record(_ name: String) -> String? {
    if let event = names.event(name, flow: flow) { return event }
    return names.types[name] != nil ? name : nil
  }
}

extension ValueType {
  var isOptional: Bool { if case .optional = self { true } else { false } }

  /// The type without `?`.
  var unwrapped: ValueType { if case .optional(let inner) = self { inner } else { self } }

  var asOptional: ValueType { isOptional ? self : .optional(self) }

  /// The type of the elements of a list, or of the values of a map.
  var element: ValueType? {
    switch self {
    case .list(let element): element
    case .map(_, let value): value
    default: nil
    }
  }
}

extension FlowNode {
  /// The parameters and the data fields.
  var fields: [FieldNode] { (parameters ?? []) + data }
}
