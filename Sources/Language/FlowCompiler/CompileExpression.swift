public import CEL
import FlowChecker
public import FlowIR
public import FlowSource

/// The result of compiling one expression.
public struct ExpressionCompilation: Sendable {
  public var sources: SourceSet
  public var expression: SourcedExpression?
  public var diagnostics: [Diagnostic]
}

/// Compiles an expression against a program: its types, and the data of one of its flows.
public func compileExpression(
  _ text: String, in program: Program, flow: FlowIndex?, lets: [LetDefinition] = []
) -> ExpressionCompilation {
  var sources = SourceSet()
  sources.add(name: "<expression>", text: Array(text.utf8))
  let (parsed, problems) = parse(text)
  guard !problems.hasErrors else { return ExpressionCompilation(sources: sources, diagnostics: problems) }
  var environment = environment(of: program, flow: flow)
  for definition in lets { environment.declare(definition: definition.name, definition.value.tree) }
  let checked = environment.check(parsed)
  let paths = flow.map { program.flows[$0].states.dropFirst().map(\.path) } ?? []
  let diagnostics = checked.diagnostics + ActiveFunction.problems(in: parsed, paths: paths, environment: environment)
  let expression = checked.expression.map { SourcedExpression(text: text, base: 0, tree: $0) }
  return ExpressionCompilation(
    sources: sources, expression: diagnostics.hasErrors ? nil : expression, diagnostics: diagnostics)
}

/// The names that an expression over an instance of a flow may use.
public func environment(of program: Program, flow: FlowIndex?) -> Environment {
  var environment = Environment(types: program.registry)
  _ = environment.declare(variable: "now", type: .timestamp, slot: FrameLayout.now)
  guard let flow else { return environment }
  let node = program.flows[flow]
  _ = environment.declare(
    variable: "self", type: .record(BuiltInTypes.selfRecord), slot: FrameLayout.selfRecord)
  ActiveFunction.declare(in: &environment)
  for (index, field) in node.fields.enumerated() {
    _ = environment.declare(variable: field.name, type: field.type, slot: FrameLayout.firstField + index)
  }
  if let key = node.key {
    _ = environment.declare(variable: "key", type: .string, slot: FrameLayout.firstField + key)
  }
  for call in node.calls {
    _ = environment.declare(variable: call.name, type: .record(call.resultRecord), slot: call.resultSlot)
  }
  for definition in node.definitions {
    environment.declare(definition: definition.name, definition.value.tree)
  }
  return environment
}
