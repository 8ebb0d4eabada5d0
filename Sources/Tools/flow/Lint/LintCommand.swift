import FlowCompiler
import FlowDiagnostics
import FlowJSON
import FlowSource

/// One call of `flow check` or `flow lint`.
struct LintCommand {
  let arguments: CommandArguments
  let formats: [(format: ReportFormat, output: String?)]
  let style: TerminalStyle
  let maximum: Int
  private let configuration: Configuration
  private let isLint: Bool

  /// Nil when something was asked for that does not exist; that has been said then.
  init?(_ arguments: CommandArguments, preset: Rule.Preset) {
    self.arguments = arguments
    isLint = preset != .core
    let start = arguments.value("stdin-filename") ?? arguments.operands.first
    guard let start, LintCommand.isPossible(arguments) else {
      if start == nil {
        Terminal.complain("no file is named", help: "name files or folders, or use `--stdin-filename NAME`")
      }
      return nil
    }
    guard let formats = LintCommand.formats(arguments), let style = LintCommand.style(arguments),
      let maximum = LintCommand.maximum(arguments), var configuration = Configuration.load(for: start)
    else { return nil }
    if !isLint { configuration.hearOnlyErrors() }
    guard let selection = LintCommand.selection(arguments, configuration.selection) else { return nil }
    configuration.selection = selection
    self.configuration = configuration
    self.formats = formats
    self.style = style
    self.maximum = maximum
  }

  /// Checks once, or, with `--watch`, each time that a file changes, with what then is the configuration.
  static func run(_ arguments: CommandArguments, preset: Rule.Preset) -> Int32 {
    guard let first = LintCommand(arguments, preset: preset) else { return ExitCode.usage }
    var folders = Set(arguments.operands.flatMap(foldersBelow))
    guard arguments.has("watch"), first.files() != nil, !folders.isEmpty else { return first.runOnce(&folders) }
    var code = ExitCode.fine
    watchFolders({ folders }) {
      code = LintCommand(arguments, preset: preset)?.runOnce(&folders) ?? ExitCode.usage
    }
    return code
  }

  /// - Parameter folders: Gets those in which a change matters.
  private func runOnce(_ folders: inout Set<String>) -> Int32 {
    guard let files = files() else { return ExitCode.usage }
    if arguments.has("fix") || arguments.has("add-ignore") {
      guard rewrite(files) else { return ExitCode.usage }
      if arguments.has("diff") { return ExitCode.fine }
    }
    let compilation = check(files)
    folders.formUnion(arguments.operands.flatMap(foldersBelow) + compilation.sources.files.map { folder(of: $0.name) })
    if let folder = configuration.folder { folders.insert(folder) }
    if let path = arguments.value("write-baseline") { return writeBaseline(compilation, path) }
    let judgement = compilation.lintResult(for: selection(for: compilation.sources))
    guard report(judgement, compilation.sources) else { return ExitCode.usage }
    return code(of: judgement.heard)
  }

  private func check(_ files: [String]) -> Compilation {
    let name = arguments.value("stdin-filename")
    let input = name == nil ? nil : readFile("-")
    return FlowCompiler.check(roots: files, isFormChecked: isLint) { path in
      path == name ? input : readFile(path)
    }
  }

  /// What is heard of these files: what is ignored depends on where each lies.
  func selection(for sources: SourceSet) -> RuleSelection {
    var selection = configuration.selection
    for file in sources.files { selection.ignoredByFile[file.name] = configuration.ignored(in: file.name) }
    return selection
  }

  /// The files that the operands name, each once; nil, and said, when one can't be read.
  private func files() -> [String]? {
    if let name = arguments.value("stdin-filename") { return [name] }
    return namedFiles(arguments.operands)?.map(shortPath)
  }

  // MARK: - Reports

  private func report(_ judgement: LintResult, _ sources: SourceSet) -> Bool {
    let report = ReportDocument(judgement: judgement, sources: sources, maximum: maximum)
    for (format, output) in formats {
      let text = format.render(report, output == nil ? style : .plain)
      guard let output else {
        Terminal.output(text)
        if format == .github { appendStepSummary(report) }
        continue
      }
      guard writeFile(output, Array(text.utf8)) else {
        Terminal.complain("cannot write `\(output)`")
        return false
      }
    }
    if report.hiddenCount > 0 { Terminal.error("… and \(report.hiddenCount) more, see `--max-errors`\n") }
    if arguments.has("statistics") { Terminal.error(statistics(judgement.heard)) }
    return true
  }

  private func statistics(_ heard: [Diagnostic]) -> String {
    let counts = Dictionary(grouping: heard, by: \.code).mapValues(\.count)
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.value)\t\($0.key)\t\(Rule.named($0.key)?.name ?? "")\n" }.joined()
  }

  private func code(of heard: [Diagnostic]) -> Int32 {
    if arguments.has("exit-zero") { return ExitCode.fine }
    let isDenied = arguments.value("deny") == "warnings" && heard.contains { $0.severity == .warning }
    return heard.hasErrors || isDenied ? ExitCode.findings : ExitCode.fine
  }

  /// Lists all that is found, and not only what an older baseline did not know.
  private func writeBaseline(_ compilation: Compilation, _ path: String) -> Int32 {
    var selection = selection(for: compilation.sources)
    selection.baseline = [:]
    let found = compilation.filtered(by: selection).filter { $0.severity != .error }
    let known = found.map { $0.fingerprint(in: compilation.sources) }.sorted()
    let document: JSON = ["version": 1, "fingerprints": .array(known.map { .string($0) })]
    guard writeFile(path, Array((document.text(.indented) + "\n").utf8)) else {
      Terminal.complain("cannot write `\(path)`")
      return ExitCode.usage
    }
    Terminal.output("wrote \(path), \(known.count) known findings\n")
    return ExitCode.fine
  }
}
