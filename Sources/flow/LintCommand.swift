import FlowCompiler
import FlowSource

/// One call of `flow check` or `flow lint`.
struct LintCommand {
  let arguments: Arguments
  let formats: [(format: ReportFormat, output: String?)]
  let style: TerminalStyle
  let maximum: Int
  var selection: RuleSelection
  private let isLint: Bool

  /// Nil when something was asked for that does not exist; that has been said then.
  init?(_ arguments: Arguments, preset: Rule.Preset) {
    self.arguments = arguments
    isLint = preset != .core
    guard !arguments.operands.isEmpty || arguments.value("stdin-filename") != nil else {
      Terminal.complain("no file is named", help: "name files or folders, or use `--stdin-filename NAME`")
      return nil
    }
    guard let formats = LintCommand.formats(arguments), let style = LintCommand.style(arguments),
      let maximum = LintCommand.maximum(arguments),
      let configured = Configuration.load(for: arguments.operands.first ?? "."),
      let selection = LintCommand.selection(arguments, preset, isLint ? configured : RuleSelection(preset: .core))
    else { return nil }
    self.formats = formats
    self.style = style
    self.maximum = maximum
    self.selection = selection
  }

  func run() -> Int32 {
    guard let files = files() else { return ExitCode.usage }
    var code = runOnce(files)
    if arguments.has("watch") { watchFiles(files) { code = runOnce(files) } }
    return code
  }

  private func runOnce(_ files: [String]) -> Int32 {
    if arguments.has("fix") {
      guard fix(files) else { return ExitCode.usage }
      if arguments.has("diff") { return ExitCode.fine }
    }
    let compilation = check(files)
    let heard = compilation.filtered(by: selection)
    if let path = arguments.value("write-baseline") { return writeBaseline(heard, compilation.sources, path) }
    guard report(heard, compilation.sources) else { return ExitCode.usage }
    return code(of: heard)
  }

  private func check(_ files: [String]) -> Compilation {
    let name = arguments.value("stdin-filename")
    let input = name == nil ? nil : readFile("-")
    return FlowCompiler.check(roots: files, isFormChecked: isLint) { path in
      path == name ? input : readFile(path)
    }
  }

  /// The files that the operands name; nil, and said, when one can't be read.
  private func files() -> [String]? {
    if let name = arguments.value("stdin-filename") { return [name] }
    var found: [String] = []
    for path in arguments.operands {
      guard let files = flowFiles(at: path), !files.contains(where: { readFile($0) == nil }) else {
        Terminal.complain("cannot read `\(path)`", help: neighbour(of: path).map { "did you mean `\($0)`?" })
        return nil
      }
      found += files
    }
    return found
  }

  // MARK: - Reports

  private func report(_ heard: [Diagnostic], _ sources: SourceSet) -> Bool {
    let shown = Array(heard.prefix(maximum))
    for (format, output) in formats {
      let text = format.render(shown, sources, output == nil ? style : .plain)
      guard let output else {
        Terminal.output(text)
        continue
      }
      guard writeFile(output, Array(text.utf8)) else {
        Terminal.complain("cannot write `\(output)`")
        return false
      }
    }
    if arguments.has("statistics") { Terminal.error(statistics(heard)) }
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

  private func writeBaseline(_ heard: [Diagnostic], _ sources: SourceSet, _ path: String) -> Int32 {
    let known = Set(heard.filter { $0.severity != .error }.map { $0.fingerprint(in: sources) }).sorted()
    let document: JSON = ["version": 1, "fingerprints": .array(known.map { .string($0) })]
    guard writeFile(path, Array((document.text(.indented) + "\n").utf8)) else {
      Terminal.complain("cannot write `\(path)`")
      return ExitCode.usage
    }
    Terminal.output("wrote \(path), \(known.count) known findings\n")
    return ExitCode.fine
  }

  // MARK: - Fixes

  /// How often fixes are looked for again after others were carried out.
  private static let maximumPasses = 10

  /// Carries out the fixes; false when a file can't be written.
  private func fix(_ files: [String]) -> Bool {
    let before = Dictionary(files.map { ($0, readFile($0) ?? []) }) { first, _ in first }
    var texts = before
    var count = 0
    for _ in 0..<LintCommand.maximumPasses {
      let compilation = FlowCompiler.check(roots: files) { texts[$0] ?? readFile($0) }
      let heard = compilation.filtered(by: selection)
      let fixed = fixOnce(heard, compilation.sources, &texts)
      if fixed == 0 { break }
      count += fixed
    }
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) where before[path] != text {
      guard write(path, from: before[path] ?? [], to: text) else { return false }
    }
    Terminal.error("\(count) fixed\n")
    return true
  }

  private func fixOnce(_ heard: [Diagnostic], _ sources: SourceSet, _ texts: inout [String: [UInt8]]) -> Int {
    var count = 0
    for file in sources.files where texts[file.name] != nil {
      let here = heard.filter { file.range.contains($0.range.lower) }
      let (text, fixed) = applyFixes(of: here, to: file, isUnsafeTaken: arguments.has("unsafe"))
      // What would no longer be a flow is not written.
      guard fixed > 0, isBetter(text, file) else { continue }
      texts[file.name] = text
      count += fixed
    }
    return count
  }

  private func isBetter(_ text: [UInt8], _ file: SourceFile) -> Bool {
    let syntax = ["F101", "F102"]
    func mistakes(_ text: [UInt8]) -> Int {
      FlowCompiler.check(roots: [file.name]) { $0 == file.name ? text : readFile($0) }
        .diagnostics.count { syntax.contains($0.code) }
    }
    return mistakes(text) <= mistakes(file.text)
  }

  private func write(_ path: String, from old: [UInt8], to new: [UInt8]) -> Bool {
    if arguments.has("diff") {
      let texts = (String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self))
      Terminal.output(UnifiedDiff(name: path, old: texts.0, new: texts.1).text)
      return true
    }
    if replaceFile(path, new) { return true }
    Terminal.complain("cannot write `\(path)`")
    return false
  }
}
