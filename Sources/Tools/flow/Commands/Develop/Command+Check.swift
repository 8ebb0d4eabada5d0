import FlowCompiler
import FlowDiagnostics
import FlowIR
import FlowJSON
import FlowSource

extension Command {
  static let check = Command(
    name: "check", group: .develop, summary: "Report errors in flows: syntax, names, types, states and cycles.",
    operands: "PATH…", completion: .flowFiles, options: LintOptions.reporting,
    example: "flow check samples/order.flow",
    action: { arguments throws(UsageError) in try LintCommand.run(arguments, preset: .core) })

  static let lint = Command(
    name: "lint", group: .develop, summary: "Report errors and likely mistakes in flows, and fix them.",
    operands: "PATH…", completion: .flowFiles, options: LintOptions.selecting + LintOptions.reporting,
    example: "flow lint --preset strict samples",
    action: { arguments throws(UsageError) in try LintCommand.run(arguments, preset: .recommended) })
}

/// The options of `flow check` and `flow lint`.
enum LintOptions {
  enum Deny: String, CaseIterable { case warnings }

  enum Color: String, CaseIterable { case auto, always, never }

  static let preset = Option.optionalChoice(
    "preset", of: PresetName.self, help: "set of enabled rules", default: "recommended")
  static let select = Option.list(
    "select", "CODES", help: "also enable these rules: comma-separated codes, names or prefixes", completion: .rules)
  static let ignore = Option.list(
    "ignore", "CODES", help: "disable these rules: comma-separated codes, names or prefixes", completion: .rules)
  static let deny = Option.optionalChoice("deny", of: Deny.self, help: "exit with 1 on warnings as well")
  static let exitZero = Option.flag("exit-zero", help: "exit with 0 even if there are findings")
  static let fix = Option.flag("fix", help: "apply safe fixes to the files")
  static let unsafe = Option.flag("unsafe", help: "with --fix: also apply fixes that need a review")
  static let addIgnore = Option.text(
    "add-ignore", "REASON", help: "insert `flow:ignore` comments with this reason above all findings")
  static let diff = Option.flag("diff", help: "with --fix or --add-ignore: print the changes without writing them")
  static let baseline = Option.text(
    "baseline", "FILE", help: "suppress the findings that FILE lists", completion: .files)
  static let writeBaseline = Option.text(
    "write-baseline", "FILE", help: "write the current findings to FILE and exit", completion: .files)
  static let statistics = Option.flag("statistics", help: "print the number of findings per rule")

  static let format = Option(
    OptionDeclaration(
      name: "format", short: "f", placeholder: ReportFormat.allCases.map(\.rawValue).joined(separator: "|"),
      help: "report format", defaultText: "pretty on a terminal, otherwise concise", isRepeatable: true,
      completion: .words(ReportFormat.allCases.map(\.rawValue))
    ) { names throws(UsageError) in try formats(names) }, default: [ReportFormat]())
  static let output = Option.list(
    "output", "FILE", short: "o", help: "file for the corresponding --format, counted from the last one",
    completion: .files)
  static let maxErrors = Option<Int?>.number(
    "max-errors", "N", in: 1...Int.max, help: "report at most N findings", default: "all")
  static let stdinFilename = Option.text(
    "stdin-filename", "NAME", help: "check standard input as the contents of this file", completion: .flowFiles)
  static let color = Option.choice(
    "color", default: Color.auto, help: "override color detection")
  static let watch = Option.flag("watch", short: "w", help: "check again after each change of a file")

  static let selecting: [any CommandOption] = [
    preset, select, ignore, deny, exitZero, fix, unsafe, addIgnore, diff, baseline, writeBaseline, statistics,
  ]
  static let reporting: [any CommandOption] = [format, output, maxErrors, stdinFilename, color, watch]

  private static func formats(_ names: [String]) throws(UsageError) -> [ReportFormat] {
    var formats: [ReportFormat] = []
    for name in names { formats.append(try OptionDeclaration.choice(name, of: ReportFormat.self, option: "format")) }
    return formats
  }
}

/// A compilation without errors.
struct CompiledProgram {
  let compilation: Compilation
  let program: Program

  /// Nil for a compilation with errors.
  init?(_ compilation: Compilation) {
    guard let program = compilation.program else { return nil }
    self.compilation = compilation
    self.program = program
  }
}

/// Compiles files as the programs that they form, and prints all errors to standard error; nil when there are any.
///
/// Files are separate programs unless they import each other.
func compileFiles(_ paths: [String]) -> [CompiledProgram]? {
  let compilations = FlowCompiler.compilePrograms(paths, load: readSource)
  compilations.forEach(printFindings)
  let programs = compilations.compactMap(CompiledProgram.init)
  return programs.count == compilations.count ? programs : nil
}

/// Compiles files, and selects the program with a flow; nil when there are errors, which have been printed.
/// - Parameter flow: The name of the flow; nil selects the first program that declares one.
func compileFiles(_ paths: [String], with flow: String?) -> Program? {
  guard let programs = compileFiles(paths)?.map(\.program) else { return nil }
  let found = programs.first { program in
    flow.map { name in program.flows.contains { $0.name == name } } ?? !program.flows.isEmpty
  }
  return found ?? programs.first
}

/// Prints the errors of a compilation to standard error.
func printFindings(of compilation: Compilation) {
  let findings = compilation.filtered(by: RuleSelection())
  guard !findings.isEmpty else { return }
  guard !Terminal.writesJSON else { return logFindings(findings, of: compilation) }
  let renderer = PrettyRenderer(sources: compilation.sources, style: Terminal.errorStyle)
  Terminal.errorOutput(renderer.render(findings) + "\n")
}

/// Writes each finding as a line of JSON.
private func logFindings(_ findings: [Diagnostic], of compilation: Compilation) {
  for finding in findings {
    var fields: [JSON.Member] = [.init("code", .string(finding.code))]
    if let file = compilation.sources.file(at: finding.range.lower) {
      let position = file.position(of: finding.range.lower)
      fields.append(.init("at", .string("\(file.name):\(position.line):\(position.column)")))
    }
    if let help = finding.help { fields.append(.init("help", .string(help))) }
    let level = finding.severity == .warning ? "warn" : finding.severity.rawValue
    Terminal.logLine(level: level, finding.message, fields: fields)
  }
}
