import CEL
import FlowSource
import FlowSyntax

extension OccurrenceCollector {
  /// Visits an expression with the names of the current scope.
  mutating func visit(_ expression: Expression) {
    note(expression)
    switch expression.kind {
    case .identifier(let name, _): add(scope.entity(of: name), at: narrowed(expression.range, to: name))
    case .select(let operand, let field, _): visit(select: field, of: operand)
    case .call(let call): visit(call)
    case .record(let literal): visit(literal)
    case .comprehension(let macro):
      visit(macro.range)
      let types = scope.variableTypes(of: macro)
      within(zip(macro.variables, types).map { ($0, $1) }) { collector in
        if let filter = macro.filter { collector.visit(filter) }
        collector.visit(macro.body)
      }
    case .bind(let name, let value, let body):
      visit(value)
      within([(name, scope.type(of: value))]) { $0.visit(body) }
    default: for child in expression.children { visit(child) }
    }
  }

  /// Visits with further variables in scope.
  private mutating func within(
    _ variables: [(Expression.Field, ValueType)], _ body: (inout OccurrenceCollector) -> Void
  ) {
    let outer = scope.locals
    for (variable, type) in variables {
      let entity = Entity.local(variable.name, file: unit.path, offset: variable.range.lower)
      add(entity, at: narrowed(variable.range, to: variable.name), access: .declaration)
      scope.locals.append(.init(name: variable.name, type: type, entity: entity))
    }
    body(&self)
    scope.locals = outer
  }

  private mutating func visit(select field: Expression.Field, of operand: Expression) {
    if let (state, entity) = stateField(field.name, of: operand) {
      add(state, at: narrowed(operand.range, to: state.name))
      return add(entity, at: narrowed(field.range, to: field.name))
    }
    visit(operand)
    if case .identifier(let name, _) = operand.kind, case .enumeration? = scope.entity(of: name) {
      if names.definitions[.enumValue(field.name, of: name)] != nil {
        add(.enumValue(field.name, of: name), at: field.range)
      }
      return
    }
    add(scope.field(field.name, of: scope.type(of: operand)), at: narrowed(field.range, to: field.name))
  }

  /// A field of a state by its path, as tests read it: `asked.token`.
  private func stateField(_ name: String, of operand: Expression) -> (state: Entity, field: Entity)? {
    guard let flow = scope.flow, let path = operand.dottedName, scope.entity(of: path[0]) == nil else { return nil }
    let state = path.joined(separator: ".")
    let field = Entity.stateField(name, state: state, flow: flow)
    return names.definitions[field] == nil ? nil : (.state(state, flow: flow), field)
  }

  private mutating func visit(_ call: Expression.Call) {
    let function = call.function.name
    if let target = call.target {
      if let name = target.dottedName, scope.entity(of: name[0]) == nil {
        add(.library((name + [function]).joined(separator: ".")), at: call.function.range)
      } else {
        visit(target)
        add(.library(function), at: call.function.range)
      }
    } else if names.functions[function] != nil {
      add(.function(function), at: narrowed(call.function.range, to: function))
    } else if call.function.name.first?.isLetter == true {
      add(.library(function), at: call.function.range)
      if function == "active" { visit(activePath: call) }
    }
    if let failing, ["_==_", "_!=_"].contains(function),
      call.arguments.contains(where: { $0.dottedName == ["event", "code"] })
    {
      for argument in call.arguments {
        guard case .literal(.string(let code)) = argument.kind else { continue }
        add(failure(code, of: failing), at: narrowed(argument.range, to: code))
      }
    }
    for argument in call.arguments { visit(argument) }
  }

  /// Each name of the path in `active("phase.open")`.
  private mutating func visit(activePath call: Expression.Call) {
    guard let argument = call.arguments.first, case .literal(.string(let path)) = argument.kind,
      argument.range.upper - argument.range.lower == UInt32(path.utf8.count) + 2,
      let flow = scope.flow, let chart = names.charts[flow]
    else { return }
    let parts = path.split(separator: ".").map(String.init)
    var lower = argument.range.lower + 1
    for (part, state) in zip(parts, chart.resolve(parts, from: 0) ?? []) {
      let upper = lower + UInt32(part.utf8.count)
      add(.state(chart.states[state].path, flow: flow), at: SourceRange(lower, upper))
      lower = upper + 1
    }
  }

  private mutating func visit(_ literal: Expression.RecordLiteral) {
    let name = literal.typeName.name
    let record = scope.record(name)
    let last = String(name.split(separator: ".").last ?? "")
    if let record {
      let entity: Entity = names.types[record] != nil ? .type(record) : .event(record)
      add(entity, at: narrowed(literal.typeName.range, to: last))
    }
    for field in literal.fields {
      if let record, names.definitions[.field(field.field.name, of: record)] != nil {
        add(.field(field.field.name, of: record), at: narrowed(field.field.range, to: field.field.name))
      }
      visit(field.value)
    }
  }
}
