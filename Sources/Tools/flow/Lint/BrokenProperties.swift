import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowSource
import FlowVerify

// Properties that a run breaks, as findings of `flow lint`.
extension LintCommand {
  private static let code = "F408"
  /// The number of situations of a flow that are examined, and of questions whether to continue. Both are counted, so
  /// that a finding does not depend on the speed of the machine.
  private static let maximumSituations = 400
  private static let maximumQuestions = 2500

  /// The findings of a short verification, without a solver; none unless the rule is enabled.
  func brokenProperties(of files: [String], _ compilation: Compilation) -> [Diagnostic] {
    guard isLint, !compilation.diagnostics.hasErrors else { return [] }
    let selection = selection(for: compilation.sources)
    guard files.contains(where: { selection.isEnabled(LintCommand.code, in: $0) }) else { return [] }
    let programs = compilePrograms(files) { text(of: $0) }.compactMap(\.program)
    let findings = programs.flatMap { program in
      program.flows.indices.flatMap { index -> [Diagnostic] in
        guard selection.isEnabled(LintCommand.code, in: program.flows[index].location.file) else { return [] }
        return report(of: index, in: program).properties.compactMap { finding($0, in: compilation.sources) }
      }
    }
    // A flow of an imported file belongs to several programs.
    return findings.sortedByRange()
  }

  private func report(of flow: FlowIndex, in program: Program) -> VerificationReport {
    var questions = 0
    let verification = try? Verification(program, flow: flow, maximumSituations: LintCommand.maximumSituations)
    let report = verification?.run {
      questions += 1
      return questions > LintCommand.maximumQuestions
    }
    return report ?? VerificationReport(flow: program.flows[flow].name)
  }

  private func finding(_ result: PropertyResult, in sources: SourceSet) -> Diagnostic? {
    guard case .refuted(let example) = result.verdict, example.severity == .error,
      let range = range(of: result.location, in: sources)
    else { return nil }
    let file = result.location.file
    return Diagnostic(
      LintCommand.code, .warning, "a run breaks a property: \(result.text)", at: range, label: example.message,
      help: "run `flow verify \(file)` for a test that makes the run")
  }

  /// The text of a line without the blanks around it.
  private func range(of location: SourceLocation, in sources: SourceSet) -> SourceRange? {
    guard let file = sources.files.first(where: { $0.name == location.file }) else { return nil }
    var start = file.range.lower
    for line in file.text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .prefix(location.line).enumerated()
    {
      if line.offset + 1 == location.line {
        let blanks = line.element.prefix { $0 == UInt8(ascii: " ") }.count
        return SourceRange(start + UInt32(blanks), start + UInt32(line.element.count))
      }
      start += UInt32(line.element.count) + 1
    }
    return nil
  }
}
