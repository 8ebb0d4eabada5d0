import FlowDiagnostics
import FlowJSON
import FlowSource

// The values of the options of `flow check` and `flow lint`.
extension LintCommand {
  /// - Throws: `UsageError` for options that exclude each other.
  static func requireCompatible(_ arguments: CommandArguments) throws(UsageError) {
    let writing =
      arguments[LintOptions.fix]
      ? "fix" : arguments.isGiven(LintOptions.addIgnore) ? "add-ignore" : arguments[LintOptions.watch] ? "watch" : nil
    if let writing, arguments.isGiven(LintOptions.stdinFilename) {
      throw UsageError("`--\(writing)` requires a file instead of standard input", help: "name the file")
    }
    let changes = arguments[LintOptions.fix] || arguments.isGiven(LintOptions.addIgnore)
    if arguments[LintOptions.diff], !changes {
      throw UsageError("`--diff` requires `--fix` or `--add-ignore`", help: "add one of them")
    }
  }

  /// The formats, each with its file; nil is standard output.
  static func reports(
    _ arguments: CommandArguments
  ) throws(UsageError) -> [(format: ReportFormat, output: String?)] {
    let given = arguments[LintOptions.format]
    let formats = given.isEmpty ? [.standard] : given
    let outputs = arguments[LintOptions.output]
    guard outputs.count <= formats.count else { throw UsageError("there are more `--output` than `--format`") }
    let paths = Array(repeating: nil, count: formats.count - outputs.count) + outputs.map { Optional($0) }
    return Array(zip(formats, paths)).map { (format: $0, output: $1) }
  }

  static func style(_ arguments: CommandArguments) -> TerminalStyle {
    switch arguments[LintOptions.color] {
    case .auto: Terminal.outputStyle
    case .always: .coloured
    case .never: .plain
    }
  }

  /// The enabled rules: options take precedence over the configuration.
  static func selection(
    _ arguments: CommandArguments, configured: RuleSelection
  ) throws(UsageError) -> RuleSelection {
    var selection = configured
    if arguments.isGiven(LintOptions.preset), let name = arguments[LintOptions.preset] {
      selection.preset = name.preset
    }
    selection.selected += try RuleNames.rules(arguments[LintOptions.select])
    selection.ignored += try RuleNames.rules(arguments[LintOptions.ignore], disables: true)
    if let path = arguments[LintOptions.baseline] {
      selection.baseline.merge(try RuleNames.baseline(path)) { max($0, $1) }
    }
    return selection
  }
}

/// The presets that can be selected by name.
enum PresetName: String, CaseIterable {
  case core, recommended, strict

  var preset: Rule.Preset {
    switch self {
    case .core: .core
    case .recommended: .recommended
    case .strict: .strict
    }
  }
}

/// Resolves the names of rules and presets.
enum RuleNames {
  static func preset(_ name: String) throws(UsageError) -> Rule.Preset {
    if let found = PresetName(rawValue: name) { return found.preset }
    let names = PresetName.allCases.map(\.rawValue)
    let guess = Suggestion.closest(to: name, among: names).first
    throw UsageError(
      "unknown preset `\(name)`",
      help: guess.map { "did you mean `\($0)`?" } ?? "the presets are \(names.joined(separator: ", "))")
  }

  /// Codes, names, or prefixes of codes such as `F3`.
  /// - Parameter disables: Rejects errors, which can't be disabled.
  /// - Throws: `UsageError` for an unknown rule.
  static func rules(_ lists: [String], disables: Bool = false) throws(UsageError) -> [String] {
    let names = lists.flatMap { $0.split(separator: ",").map { $0.filter { $0 != " " } } }
    for name in names {
      if disables, let rule = Rule.named(name), !rule.canBeSuppressed { throw cannotBeDisabled(rule) }
      let isPrefix = name.hasPrefix("F") && Rule.all.contains { $0.code.hasPrefix(name) }
      guard !isPrefix, Rule.named(name) == nil else { continue }
      let guess = Suggestion.closest(to: name, among: Rule.all.flatMap { [$0.code, $0.name] }).first
      throw UsageError(
        "unknown rule `\(name)`", help: guess.map { "did you mean `\($0)`?" } ?? "see `flow explain --list`")
    }
    return names
  }

  static func cannotBeDisabled(_ rule: Rule) -> UsageError {
    UsageError(
      "`\(rule.code)` is an error and can't be disabled: \(rule.summary)", help: "see `flow explain \(rule.code)`")
  }

  /// The number of occurrences of each finding in a baseline.
  static func baseline(_ path: String) throws(UsageError) -> [String: Int] {
    guard let text = readFile(path), let json = try? JSON(parsing: text),
      let known = json["fingerprints"]?.array?.compactMap(\.string)
    else {
      throw UsageError("cannot read the baseline `\(path)`", help: "create one with `--write-baseline FILE`")
    }
    return Dictionary(known.map { ($0, 1) }, uniquingKeysWith: +)
  }
}
