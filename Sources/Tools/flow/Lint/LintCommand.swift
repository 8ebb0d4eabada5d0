import FlowCompiler
import FlowDiagnostics
import FlowJSON
import FlowSource

/// One call of `flow check` or `flow lint`.
struct LintCommand {
  let arguments: CommandArguments
  private let reports: [(format: ReportFormat, output: String?)]
  private let style: TerminalStyle
  private let configuration: Configuration
  let isLint: Bool
  /// The text of standard input, if a name was given to it.
  private let input: [UInt8]?

  /// - Throws: `UsageError` for invalid options, or an invalid `flow.toml`.
  init(_ arguments: CommandArguments, preset: Rule.Preset) throws(UsageError) {
    self.arguments = arguments
    isLint = preset != .core
    guard let start = arguments[LintOptions.stdinFilename] ?? arguments.operands.first else {
      throw UsageError("no file is given", help: "name files or folders, or use `--stdin-filename NAME`")
    }
    if isLint { try LintCommand.requireCompatible(arguments) }
    input = arguments[LintOptions.stdinFilename] == nil ? nil : readSource("-")
    reports = try LintCommand.reports(arguments)
    style = LintCommand.style(arguments)
    var configuration = try Configuration.load(for: start)
    if isLint {
      configuration.selection = try LintCommand.selection(arguments, configured: configuration.selection)
    } else {
      configuration.disableLints()
    }
    self.configuration = configuration
  }

  /// Checks once, or, with `--watch`, after each change of a file, with the configuration of that time.
  /// - Throws: `UsageError` when the first run is not possible.
  static func run(_ arguments: CommandArguments, preset: Rule.Preset) throws(UsageError) -> Int32 {
    let first = try LintCommand(arguments, preset: preset)
    _ = try first.files()
    var folders = Set(arguments.operands.flatMap(foldersBelow))
    guard arguments[LintOptions.watch], !folders.isEmpty else { return try first.runOnce(&folders) }
    var code = ExitCode.success
    watchFolders({ folders }) {
      do throws(UsageError) {
        code = try LintCommand(arguments, preset: preset).runOnce(&folders)
      } catch {
        Terminal.error(error.message, help: error.help)
        code = ExitCode.usage
      }
    }
    return code
  }

  /// - Parameter folders: Receives the folders in which a change is relevant.
  private func runOnce(_ folders: inout Set<String>) throws(UsageError) -> Int32 {
    let files = try files()
    if isLint, arguments[LintOptions.fix] || arguments.isGiven(LintOptions.addIgnore) {
      try rewrite(files)
      if arguments[LintOptions.diff] { return ExitCode.success }
    }
    var compilation = check(files)
    compilation.diagnostics += brokenProperties(of: files, compilation)
    folders.formUnion(arguments.operands.flatMap(foldersBelow) + compilation.sources.files.map { folder(of: $0.name) })
    if let folder = configuration.folder { folders.insert(folder) }
    if isLint, let path = arguments[LintOptions.writeBaseline] { return try writeBaseline(of: compilation, to: path) }
    let result = compilation.lintResult(for: selection(for: compilation.sources))
    try report(result, sources: compilation.sources)
    return code(for: result.reported)
  }

  private func check(_ files: [String]) -> Compilation {
    FlowCompiler.check(roots: files, isFormChecked: isLint, parallelism: .threads) { text(of: $0) }
  }

  /// The text of a file; that of standard input for its name.
  func text(of path: String) -> [UInt8]? { path == arguments[LintOptions.stdinFilename] ? input : readSource(path) }

  /// The enabled rules for these files; some are disabled by path.
  func selection(for sources: SourceSet) -> RuleSelection {
    var selection = configuration.selection
    for file in sources.files { selection.ignoredByFile[file.name] = configuration.ignored(in: file.name) }
    return selection
  }

  /// The files that the operands name, each once.
  private func files() throws(UsageError) -> [String] {
    if let name = arguments[LintOptions.stdinFilename] { return [name] }
    return try namedFiles(arguments.operands).map(shortPath)
  }

  // MARK: - Reports

  private func report(_ result: LintResult, sources: SourceSet) throws(UsageError) {
    let maximum = arguments[LintOptions.maxErrors] ?? .max
    let report = ReportDocument(result: result, sources: sources, maximum: maximum)
    for (format, output) in reports {
      let text = format.render(report, style: output == nil ? style : .plain)
      guard let output else {
        Terminal.output(text)
        if format == .github { appendStepSummary(report) }
        continue
      }
      guard writeFile(output, Array(text.utf8)) else { throw UsageError("cannot write `\(output)`") }
    }
    if report.hiddenCount > 0 { Terminal.errorOutput("… and \(report.hiddenCount) more, see `--max-errors`\n") }
    if isLint, arguments[LintOptions.statistics] { Terminal.errorOutput(statistics(of: result.reported)) }
  }

  private func statistics(of findings: [Diagnostic]) -> String {
    let counts = Dictionary(grouping: findings, by: \.code).mapValues(\.count)
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value)\t\($0.key)\t\(Rule.named($0.key)?.name ?? "")\n" }.joined()
  }

  private func code(for findings: [Diagnostic]) -> Int32 {
    guard isLint else { return findings.hasErrors ? ExitCode.findings : ExitCode.success }
    if arguments[LintOptions.exitZero] { return ExitCode.success }
    let isDenied = arguments[LintOptions.deny] == .warnings && findings.contains { $0.severity == .warning }
    return findings.hasErrors || isDenied ? ExitCode.findings : ExitCode.success
  }

  /// Writes all findings, including those of an older baseline.
  private func writeBaseline(of compilation: Compilation, to path: String) throws(UsageError) -> Int32 {
    var selection = selection(for: compilation.sources)
    selection.baseline = [:]
    let found = compilation.filtered(by: selection).filter { $0.severity != .error }
    let known = found.map { $0.fingerprint(in: compilation.sources) }.sorted()
    let document: JSON = ["version": 1, "fingerprints": .array(known.map { .string($0) })]
    guard writeFile(path, Array((document.text(.indented) + "\n").utf8)) else {
      throw UsageError("cannot write `\(path)`")
    }
    Terminal.output("wrote \(path), \(known.count) known findings\n")
    return ExitCode.success
  }
}
