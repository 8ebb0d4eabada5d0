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
  var declarations = Declarations(symbols, into: &problems)
  var actions: [CheckedAction] = []
  for node in symbols.actions { actions.append(declarations.check(node, into: &problems)) }
  let callees = declarations.callees(actions, into: &problems)
  var flows: [CheckedFlow] = []
  let isWhole = !files.contains { $0.diagnostics.hasErrors }
  for node in symbols.flows {
    var checker = FlowChecker(node, symbols, declarations, actions, callees, isWhole: isWhole)
    flows.append(checker.check())
    problems += checker.problems
  }
  checkQualifiedNames(files, sources, into: &problems)
  checkCallCycles(flows, callees, into: &problems)
  let all = (files.flatMap(\.diagnostics) + problems).sortedByPlace()
  if all.hasErrors { return (nil, all) }
  let program = CheckedProgram(
    sources: sources, types: declarations.records + BuiltInRecords.all + resultRecords(flows, callees),
    enums: declarations.enums,
    roles: symbols.roles.map(\.name.text), events: declarations.events, actions: actions, flows: flows)
  return (program, all)
}

/// The records of the results of calls, each once.
private func resultRecords(_ flows: [CheckedFlow], _ callees: [String: Callee]) -> [RecordDeclaration] {
  let used = Set(flows.flatMap(\.calls).map(\.resultRecord))
  let all = callees.values.sorted { $0.name < $1.name }.flatMap { callee in
    ResultShape.allCases.map { $0.record(callee) }
  }
  return all.filter { used.contains($0.name) }
}

/// F106: what is written with the name of an import is declared in that file.
private func checkQualifiedNames(_ files: [ParsedFile], _ sources: SourceSet, into problems: inout [Diagnostic]) {
  for file in files {
    for name in file.qualified {
      let imported = file.declarations.compactMap { declaration -> ImportNode? in
        if case .importing(let node) = declaration, node.alias?.text == name.alias { node } else { nil }
      }
      let declares = files.contains { other in
        imported.contains { other.source.name.hasSuffix($0.path.trimmingDots) }
          && other.declarations.contains { $0.declaredName == name.name }
      }
      guard !declares, let path = imported.first?.path else { continue }
      problems.append(
        Diagnostic("F106", "`\(path)` declares no `\(name.name)`", at: name.range, label: "not in that file"))
    }
  }
}

extension String {
  /// `./a.flow` and `../a.flow` without what leads there.
  fileprivate var trimmingDots: String {
    var rest = self[...]
    while rest.hasPrefix("./") || rest.hasPrefix("../") { rest = rest.dropFirst(rest.hasPrefix("./") ? 2 : 3) }
    return String(rest)
  }
}
