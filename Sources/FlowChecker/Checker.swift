import CEL
public import FlowSource
public import FlowSyntax

/// Checks the files of a program: names, types, cycles, states.
///
/// Goes on after a mistake, so that one run tells everything.
/// - Returns: The checked program, or nil when there are errors; and all that is to be said.
public func check(_ files: [ParsedFile], sources: SourceSet) -> (program: CheckedProgram?, diagnostics: [Diagnostic]) {
  var problems: [Diagnostic] = []
  let symbols = Symbols(files, into: &problems)
  let declarations = Declarations(symbols, into: &problems)
  var actions: [CheckedAction] = []
  for node in symbols.actions { actions.append(declarations.check(node, into: &problems)) }
  var flows: [CheckedFlow] = []
  let isWhole = !files.contains { $0.diagnostics.hasErrors }
  for node in symbols.flows {
    var checker = FlowChecker(node, symbols, declarations, actions, isWhole: isWhole)
    flows.append(checker.check())
    problems += checker.problems
  }
  let all = (files.flatMap(\.diagnostics) + problems).sortedByPlace()
  if all.hasErrors { return (nil, all) }
  let program = CheckedProgram(
    sources: sources, types: declarations.records + declarations.resultTypes(actions), enums: declarations.enums,
    roles: symbols.roles.map(\.name.text), events: declarations.events, actions: actions, flows: flows)
  return (program, all)
}
