import CEL
public import FlowSource
public import FlowSyntax

/// Checks the files of a program: names, types, cycles, states.
///
/// Continues after an error, so that one run reports all of them.
/// - Parameters:
///   - isComplete: True if all files were found; otherwise checks for unused declarations are skipped.
///   - isWanted: True to return the checked program; false to return diagnostics only and keep no flow.
///   - parallelism: The way in which the flows are distributed.
/// - Returns: The checked program, or nil when there are errors; and the diagnostics.
public func check(
  _ files: [ParsedFile], sources: SourceSet, isComplete: Bool = true, isWanted: Bool = true,
  parallelism: Parallelism = .none
) -> (program: CheckedProgram?, diagnostics: [Diagnostic]) {
  let (run, all) = checkRun(files, sources, isComplete: isComplete, isWanted: isWanted, parallelism: parallelism)
  guard isWanted, !all.hasErrors else { return (nil, all) }
  return (run.program, all)
}

/// Checks the files of a program and keeps the names and types that hold, whether or not there are errors.
public func analyze(_ files: [ParsedFile], sources: SourceSet, isComplete: Bool = true) -> Analysis {
  let (run, all) = checkRun(files, sources, isComplete: isComplete, isWanted: true, parallelism: .none)
  return Analysis(
    program: all.hasErrors ? nil : run.program, environment: run.declarations.environment,
    environments: run.environments, diagnostics: all)
}

/// Checks files. If the text of a state has an error, all files are parsed completely and checked again, because an
/// error of syntax changes the findings elsewhere.
private func checkRun(
  _ files: [ParsedFile], _ sources: SourceSet, isComplete: Bool, isWanted: Bool, parallelism: Parallelism
) -> (CheckRun, [Diagnostic]) {
  var run = CheckRun(files, sources, isWhole: isComplete && !files.contains { $0.diagnostics.hasErrors })
  guard run.checkFlows(keeping: isWanted, parallelism) else {
    let parsed = files.map { $0.outlineCount > 0 ? parse($0.source).withoutTokens : $0 }
    return checkRun(parsed, sources, isComplete: isComplete, isWanted: isWanted, parallelism: parallelism)
  }
  run.checkTogether()
  return (run, run.takeDiagnostics())
}

extension BrokenParts {
  /// Codes of errors that a declaration with a syntax error causes where its names are used.
  private static let consequences: Set<String> = [
    "F104", "F105", "F106", "F107", "F201", "F203", "F204", "F213", "F214", "F215", "F321", "F503", "F705",
  ]

  /// Returns whether an error is a consequence of a syntax error.
  fileprivate func explains(_ problem: Diagnostic) -> Bool {
    if ranges.contains(where: { $0.lower <= problem.range.lower && problem.range.lower <= $0.upper }) { return true }
    if hasFlow, problem.code == "F104" { return true }
    guard !names.isEmpty, BrokenParts.consequences.contains(problem.code) else { return false }
    if hasUnknownNames, ["F104", "F105", "F106", "F107"].contains(problem.code) { return true }
    if problem.code == "F105", problem.message.hasPrefix("this test starts") { return true }
    return names.contains { problem.message.contains("`\($0)`") }
  }
}

/// The result of the check of one flow.
private struct FlowCheck {
  var summary: FlowSummary
  var tests: [CheckedTest] = []
  var problems: [Diagnostic] = []
  var lints: [Diagnostic] = []
  /// On the heap, because most checks keep none.
  var kept: KeptFlow?
  /// On the heap, because most checks keep none.
  var checker: [FlowChecker] = []
  /// The names in its states that are qualified with the alias of an import.
  var qualified: [QualifiedName] = []
}

/// A checked flow, and the names that its expressions see.
private final class KeptFlow: Sendable {
  let flow: CheckedFlow
  let environment: Environment

  init(_ flow: CheckedFlow, _ environment: Environment) {
    self.flow = flow
    self.environment = environment
  }
}

/// One check of a whole program.
private struct CheckRun {
  let files: [ParsedFile]
  let sources: SourceSet
  let isWhole: Bool
  let symbols: Symbols
  let declarations: Declarations
  let callees: [String: Callee]
  let context: LintContext
  /// The names that are declared outside of flows, and those of the events of flows.
  let declaredNames: Set<String>
  var actions: [CheckedAction] = []
  var flows: [CheckedFlow] = []
  /// The names that the expressions of each flow see, by its name.
  var environments: [String: Environment] = [:]
  var tests: [CheckedTest] = []
  var summaries: [FlowSummary] = []
  var problems: [Diagnostic] = []
  /// Findings that are reported only for a program without errors.
  var lints: [Diagnostic] = []
  /// The names in states that are qualified with the alias of an import, by file.
  var qualified: [String: [QualifiedName]] = [:]

  init(_ files: [ParsedFile], _ sources: SourceSet, isWhole: Bool) {
    self.files = files
    self.sources = sources
    self.isWhole = isWhole
    symbols = Symbols(files, into: &problems)
    var declarations = Declarations(symbols, into: &problems)
    for node in symbols.actions { actions.append(declarations.check(node, into: &problems)) }
    callees = declarations.callees(actions, into: &problems)
    self.declarations = declarations
    declaredNames = Set(
      files.flatMap(\.declarations).compactMap(\.declaredName)
        + symbols.flows.flatMap { $0.events.map(\.name.text) })
    context = LintContext(files: files, symbols: symbols, actions: actions, types: declarations.environment.types)
  }

  /// - Returns: False if the text of a state has an error.
  mutating func checkFlows(keeping isKept: Bool, _ parallelism: Parallelism) -> Bool {
    // A flow that is declared again is not among the symbols.
    guard files.reduce(0, { $0 + $1.outlineCount }) == symbols.flows.count(where: { $0.unparsedStates != nil })
    else { return false }
    let testNodes = testsByFlow(files, symbols, into: &problems)
    let shared = testNodes.sorted { $0.key < $1.key }.flatMap { flow, nodes in
      nodes.filter(\.isShared).map { (node: $0, flow: flow) }
    }
    let together = shared.reduce(into: Set<Int>()) {
      $0.formUnion(SharedTestChecker.flows(of: $1.node, tested: $1.flow, symbols))
    }
    var checks = parallelism.map(count: symbols.flows.count) { [run = self] index in
      run.check(flow: index, testNodes[index] ?? [], isKept: isKept, isShared: together.contains(index))
    }
    var kept: [Int: FlowChecker] = [:]
    lints.reserveCapacity(checks.reduce(0) { $0 + ($1?.lints.count ?? 0) })
    for index in checks.indices {
      guard let check = checks[index] else { return false }
      checks[index] = nil
      tests += check.tests
      problems += check.problems
      lints += check.lints
      summaries.append(check.summary)
      if let kept = check.kept {
        flows.append(kept.flow)
        environments[symbols.flows[index].name.text] = kept.environment
      }
      kept[index] = check.checker.first
      if !check.qualified.isEmpty, let file = sources.file(at: symbols.flows[index].range.lower) {
        qualified[file.name, default: []] += check.qualified
      }
    }
    var checker = SharedTestChecker(symbols, kept)
    for (node, flow) in shared { tests.append(checker.check(node, tested: flow)) }
    problems += checker.problems
    // In the order of the text.
    tests.sort { $0.range.lower < $1.range.lower }
    return true
  }

  /// Checks a flow with the tests of it alone.
  /// - Parameters:
  ///   - isKept: True to return the flow.
  ///   - isShared: True to return its checker, for tests of several flows.
  /// - Returns: Nil if the text of its states has an error.
  private func check(flow index: Int, _ testNodes: [TestNode], isKept: Bool, isShared: Bool) -> FlowCheck? {
    let outline = symbols.flows[index]
    guard let file = sources.file(at: outline.range.lower), let (node, qualified) = outline.parsingStates(in: file)
    else { return nil }
    var checker = FlowChecker(
      node, symbols: symbols, declarations: declarations, actions: actions, callees: callees, isWhole: isWhole)
    let flow = checker.check()
    let uses = Uses(node)
    let used = uses.names.filter(declaredNames.contains)
    var found = FlowCheck(summary: FlowSummary(flow, checker, uses: used), qualified: qualified)
    for test in testNodes where !test.isShared { found.tests.append(checker.check(test, flow: index)) }
    found.problems = checker.problems
    if isWhole, !checker.problems.hasErrors { found.lints = lint(flow, context, using: uses) }
    if isKept { found.kept = KeptFlow(flow, checker.environment) }
    if isShared { found.checker = [checker.forTests] }
    return found
  }

  /// Checks across flows.
  mutating func checkTogether() {
    checkQualifiedNames(files, qualified, into: &problems)
    checkCallCycles(summaries, into: &problems)
    checkBroadcasts(summaries, symbols, into: &problems)
    if isWhole, !problems.hasErrors { checkSenders(summaries, symbols, into: &problems) }
    if isWhole, !problems.hasErrors {
      lints += lint(context, summaries, using: ProgramUses(files, in: sources, of: summaries))
      checkUnreachedFlows(of: tests, among: summaries, into: &lints)
    }
  }

  /// Everything that was found, in order. The parts are emptied, because a large project has many findings.
  mutating func takeDiagnostics() -> [Diagnostic] {
    var found: [Diagnostic] = []
    swap(&found, &problems)
    if !found.hasErrors { found += lints }
    lints = []
    let broken = files.map(\.broken).filter { !$0.isEmpty }
    if !broken.isEmpty { found.removeAll { problem in broken.contains { $0.explains(problem) } } }
    for file in files { found += file.diagnostics }
    found.sortByRange()
    return found
  }

  var program: CheckedProgram {
    CheckedProgram(
      sources: sources, types: declarations.records + BuiltInRecords.all + resultRecords(flows, callees),
      enums: declarations.enums, roles: symbols.roles.map(\.name.text), events: declarations.events, actions: actions,
      flows: flows, tests: tests)
  }
}

/// The records of the results of calls, each once.
private func resultRecords(_ flows: [CheckedFlow], _ callees: [String: Callee]) -> [RecordDeclaration] {
  var used = Set(flows.flatMap(\.calls).map(\.resultRecord))
  for flow in flows {
    for reaction in flow.reactions {
      switch reaction.trigger {
      case .itemDone(let call):
        used.insert(ResultShape.item.recordName(flow.calls[call].node.action.text))
      case .itemFailed: used.insert(BuiltInRecords.itemFailure.name)
      default: break
      }
    }
  }
  let all = callees.values.sorted { $0.name < $1.name }.flatMap { callee in
    ResultShape.allCases.map { $0.record(callee) }
  }
  return (all + [BuiltInRecords.itemFailure]).filter { used.contains($0.name) }
}

/// F106: names that are qualified with an import are declared in that file.
private func checkQualifiedNames(
  _ files: [ParsedFile], _ inStates: [String: [QualifiedName]], into problems: inout [Diagnostic]
) {
  for file in files {
    for name in file.qualified + (inStates[file.source.name] ?? []) {
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
  /// `./a.flow` and `../a.flow` without the leading components.
  fileprivate var trimmingDots: String {
    var rest = self[...]
    while rest.hasPrefix("./") || rest.hasPrefix("../") { rest = rest.dropFirst(rest.hasPrefix("./") ? 2 : 3) }
    return String(rest)
  }
}
