import CEL
import FlowSource
import FlowSyntax

/// The declarations of all files of a program, by name.
struct ProgramNames {
  var charts: [String: Chart] = [:]
  /// Own events of flows have the name `Flow.Event`.
  var events: [String: EventNode] = [:]
  var types: [String: TypeNode] = [:]
  var enums: [String: EnumNode] = [:]
  var actions: [String: ActionNode] = [:]
  var functions: [String: FunctionNode] = [:]
  var constants: [String: ConstantNode] = [:]
  var roles: [String] = []
  /// The flows in the order of the text.
  var flows: [String] = []
  var definitions: [Entity: DeclaredEntity] = [:]
  /// The names in the order of the text.
  var order: [Entity] = []

  init(_ units: [SourceUnit]) {
    for unit in units {
      for declaration in unit.parsed.declarations { add(declaration, unit) }
    }
  }

  /// Adds a definition; the first of a name counts.
  private mutating func define(
    _ entity: Entity, _ name: NameNode, at range: SourceRange, unit: SourceUnit, signature: String,
    documentation: String = ""
  ) {
    guard !name.isMissing, definitions[entity] == nil else { return }
    definitions[entity] = DeclaredEntity(
      entity: entity, location: Place(file: unit.path, range: name.range), range: range, signature: signature,
      documentation: documentation)
    order.append(entity)
  }

  private mutating func add(_ declaration: Declaration, _ unit: SourceUnit) {
    switch declaration {
    case .importing(let node):
      if let alias = node.alias {
        define(.alias(alias.text, file: unit.path), alias, at: node.range, unit: unit, signature: unit.text(node.range))
      }
    case .type(let node):
      types[node.name.text] = types[node.name.text] ?? node
      define(
        .type(node.name.text), node.name, at: node.range, unit: unit, signature: unit.text(node.range),
        documentation: node.documentation)
      add(fields: node.fields, of: node.name.text, unit)
    case .enumeration(let node):
      enums[node.name.text] = enums[node.name.text] ?? node
      define(
        .enumeration(node.name.text), node.name, at: node.range, unit: unit, signature: unit.text(node.range),
        documentation: node.documentation)
      for value in node.values {
        define(
          .enumValue(value.text, of: node.name.text), value, at: value.range, unit: unit,
          signature: "\(node.name.text).\(value.text)")
      }
    case .constant(let node):
      constants[node.name.text] = constants[node.name.text] ?? node
      define(
        .constant(node.name.text), node.name, at: node.range, unit: unit, signature: unit.text(node.range),
        documentation: node.documentation)
    case .function(let node): add(node, unit)
    case .role(let node):
      roles.append(node.name.text)
      define(
        .role(node.name.text), node.name, at: node.range, unit: unit, signature: unit.text(node.range),
        documentation: node.documentation)
    case .event(let node): add(node, as: node.name.text, unit)
    case .action(let node): add(node, unit)
    case .flow(let node): add(node, unit)
    case .test: break
    }
  }

  private mutating func add(_ node: FunctionNode, _ unit: SourceUnit) {
    functions[node.name.text] = functions[node.name.text] ?? node
    define(
      .function(node.name.text), node.name, at: node.range, unit: unit, signature: unit.text(node.range),
      documentation: node.documentation)
    for parameter in node.parameters {
      define(
        .parameter(parameter.name.text, of: .function(node.name.text)), parameter.name, at: parameter.range, unit: unit,
        signature: unit.text(parameter.range))
    }
  }

  private mutating func add(_ node: EventNode, as name: String, _ unit: SourceUnit) {
    events[name] = events[name] ?? node
    define(
      .event(name), node.name, at: node.range, unit: unit, signature: unit.text(node.range),
      documentation: node.documentation)
    add(fields: node.fields, of: name, unit)
    for member in node.lets {
      define(
        .field(member.name.text, of: name), member.name, at: member.range, unit: unit,
        signature: unit.text(member.range), documentation: member.documentation)
    }
  }

  private mutating func add(fields: [FieldNode], of record: String, _ unit: SourceUnit) {
    for field in fields {
      define(
        .field(field.name.text, of: record), field.name, at: field.range, unit: unit, signature: unit.text(field.range))
    }
  }

  private mutating func add(_ node: ActionNode, _ unit: SourceUnit) {
    let name = node.name.text
    actions[name] = actions[name] ?? node
    define(
      .action(name), NameNode(text: name, range: node.name.range), at: node.range, unit: unit,
      signature: unit.heading(of: node.range), documentation: node.documentation)
    for parameter in node.parameters {
      define(
        .parameter(parameter.name.text, of: .action(name)), parameter.name, at: parameter.range, unit: unit,
        signature: unit.text(parameter.range))
    }
    for code in node.failures {
      define(.failure(code.text, of: name), code, at: code.range, unit: unit, signature: "\(name) fails \(code.text)")
    }
  }

  private mutating func add(_ node: FlowNode, _ unit: SourceUnit) {
    let name = node.name.text
    guard charts[name] == nil else { return }
    let chart = Chart(node)
    charts[name] = chart
    flows.append(name)
    define(
      .flow(name), node.name, at: node.range, unit: unit, signature: unit.heading(of: node.range),
      documentation: node.documentation)
    for field in (node.parameters ?? []) + node.data {
      define(
        .data(field.name.text, flow: name), field.name, at: field.range, unit: unit, signature: unit.text(field.range))
    }
    for definition in node.lets {
      define(
        .definition(definition.name.text, flow: name), definition.name, at: definition.range, unit: unit,
        signature: unit.text(definition.range), documentation: definition.documentation)
    }
    for event in node.events { add(event, as: "\(name).\(event.name.text)", unit) }
    for state in chart.states.dropFirst() { add(state, flow: name, unit) }
  }

  private mutating func add(_ state: Chart.State, flow: String, _ unit: SourceUnit) {
    guard let node = state.node else { return }
    define(
      .state(state.path, flow: flow), node.name, at: node.range, unit: unit, signature: unit.heading(of: node.range),
      documentation: node.documentation)
    for field in node.fields {
      define(
        .stateField(field.name.text, state: state.path, flow: flow), field.name, at: field.range, unit: unit,
        signature: unit.text(field.range))
    }
    for call in node.calls + node.steps.flatMap(\.steps) {
      guard let name = call.name ?? call.action.names.last else { continue }
      define(.call(name.text, flow: flow), name, at: call.range, unit: unit, signature: unit.text(call.range))
    }
  }

  // MARK: - Resolution

  /// The event that a name means in a flow: the flow's own, or one that is shared.
  func event(_ name: String, flow: String?) -> String? {
    if let flow, events["\(flow).\(name)"] != nil { return "\(flow).\(name)" }
    return events[name] != nil ? name : nil
  }

  /// The type that a reference names; `dyn` when none exists.
  func type(of node: TypeReferenceNode) -> ValueType {
    let arguments = node.arguments.map { type(of: $0) }
    let plain: ValueType =
      switch (node.name.text, arguments.count) {
      case ("list", 1): .list(arguments[0])
      case ("map", 2): .map(arguments[0], arguments[1])
      default: simpleType(node.name.text)
      }
    return node.isOptional ? .optional(plain) : plain
  }

  private func simpleType(_ name: String) -> ValueType {
    if let simple = ProgramNames.simpleTypes[name] { return simple }
    if types[name] != nil { return .record(name) }
    return enums[name] != nil ? .enumeration(name) : .dyn
  }

  /// The types without parameters that every program has.
  static let simpleTypes: [String: ValueType] = [
    "bool": .bool, "int": .int, "uint": .uint, "double": .double, "string": .string, "bytes": .bytes,
    "timestamp": .timestamp, "duration": .duration, "dyn": .dyn,
  ]

  /// The fields of a declared type or event, in the order of the text.
  func fields(ofRecord name: String) -> [FieldNode]? { types[name]?.fields ?? events[name]?.fields }

  /// The parameters of an action or a callable flow.
  func parameters(ofCallee name: String) -> [FieldNode]? { actions[name]?.parameters ?? charts[name]?.flow.parameters }

  /// The fields of a state and of the states around it, as their bodies see them.
  func stateFields(of chart: Chart, in state: Int) -> [ExpressionScope.Local] {
    chart.ancestors(of: state).reversed().flatMap { around in
      (chart.states[around].node?.fields ?? []).filter { !$0.name.isMissing }.map { field in
        ExpressionScope.Local(
          name: field.name.text, type: type(of: field.type),
          entity: .stateField(field.name.text, state: chart.states[around].path, flow: chart.flow.name.text))
      }
    }
  }

  /// The entity of an action or a flow.
  func callee(_ name: String) -> Entity? {
    if actions[name] != nil { return .action(name) }
    return charts[name] != nil ? .flow(name) : nil
  }

  /// The entity of a parameter of a callee.
  func parameter(_ name: String, ofCallee callee: String) -> Entity? {
    if actions[callee] != nil { return .parameter(name, of: .action(callee)) }
    return charts[callee] != nil ? .data(name, flow: callee) : nil
  }
}

extension SourceUnit {
  /// A declaration up to its block, on one line.
  func heading(of range: SourceRange) -> String {
    let text = String(self.text(range).prefix { $0 != "{" })
    return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
