import FlowDiagnostics
import FlowJSON
import FlowSource

// What the options of `flow check` and `flow lint` mean; each says what is wrong with it.
extension LintCommand {
  /// Whether the options go together.
  static func isPossible(_ arguments: CommandArguments) -> Bool {
    let writing = ["fix", "add-ignore", "watch"].first(where: arguments.has)
    if let writing, arguments.has("stdin-filename") {
      Terminal.complain("`--\(writing)` needs a file, and not standard input", help: "name the file")
      return false
    }
    if arguments.has("diff"), !arguments.has("fix"), !arguments.has("add-ignore") {
      Terminal.complain("`--diff` shows what `--fix` or `--add-ignore` would do", help: "add one of them")
      return false
    }
    return true
  }

  static func formats(_ arguments: CommandArguments) -> [(format: ReportFormat, output: String?)]? {
    var formats: [ReportFormat] = []
    for name in arguments.all("format") {
      guard let format = ReportFormat.named(name) else { return nil }
      formats.append(format)
    }
    if formats.isEmpty { formats = [.usual] }
    let outputs = arguments.all("output")
    guard outputs.count <= formats.count else {
      Terminal.complain("there are more `--output` than `--format`")
      return nil
    }
    let paths = Array(repeating: nil, count: formats.count - outputs.count) + outputs.map { Optional($0) }
    return Array(zip(formats, paths)).map { (format: $0, output: $1) }
  }

  static func style(_ arguments: CommandArguments) -> TerminalStyle? {
    switch arguments.value("color") {
    case nil, "auto": return Terminal.outputStyle
    case "always": return .coloured
    case "never": return .plain
    case .some(let other):
      Terminal.complain("`--color` is auto, always or never, not `\(other)`")
      return nil
    }
  }

  static func maximum(_ arguments: CommandArguments) -> Int? {
    guard let text = arguments.value("max-errors") else { return .max }
    guard let number = Int(text), number > 0 else {
      Terminal.complain("`--max-errors` takes a number, not `\(text)`")
      return nil
    }
    return number
  }

  /// Options go before the configuration.
  static func selection(_ arguments: CommandArguments, _ configured: RuleSelection) -> RuleSelection? {
    var selection = configured
    if let name = arguments.value("preset") {
      guard let preset = RuleNames.preset(name) else { return nil }
      selection.preset = preset
    }
    guard let selected = RuleNames.rules(arguments.all("select")),
      let ignored = RuleNames.rules(arguments.all("ignore"), toSilence: true)
    else { return nil }
    selection.selected += selected
    selection.ignored += ignored
    if let value = arguments.value("deny"), value != "warnings" {
      Terminal.complain("`--deny` takes `warnings`, not `\(value)`")
      return nil
    }
    if let path = arguments.value("baseline") {
      guard let known = RuleNames.baseline(path) else { return nil }
      selection.baseline.merge(known) { max($0, $1) }
    }
    return selection
  }
}

/// Names of rules and presets as people write them; each says what is wrong with it.
enum RuleNames {
  static func preset(_ name: String) -> Rule.Preset? {
    if let found = Rule.Preset.named.first(where: { $0.name == name }) { return found.preset }
    let names = Rule.Preset.named.map(\.name)
    let guess = Suggestion.closest(to: name, among: names).first
    Terminal.complain(
      "there is no preset `\(name)`",
      help: guess.map { "did you mean `\($0)`?" } ?? "the presets are \(names.joined(separator: ", "))")
    return nil
  }

  /// Codes, names, or beginnings of codes such as `F3`.
  /// - Parameter toSilence: Whether errors, which are always heard, can't be among them.
  static func rules(_ lists: [String], toSilence: Bool = false) -> [String]? {
    let names = lists.flatMap { $0.split(separator: ",").map { $0.filter { $0 != " " } } }
    for name in names {
      if toSilence, let rule = Rule.named(name), !rule.canBeSilenced {
        complainOfSilencing(rule)
        return nil
      }
      let isBeginning = name.hasPrefix("F") && Rule.all.contains { $0.code.hasPrefix(name) }
      guard !isBeginning, Rule.named(name) == nil else { continue }
      let guess = Suggestion.closest(to: name, among: Rule.all.flatMap { [$0.code, $0.name] }).first
      Terminal.complain(
        "there is no rule `\(name)`", help: guess.map { "did you mean `\($0)`?" } ?? "see `flow explain --list`")
      return nil
    }
    return names
  }

  static func complainOfSilencing(_ rule: Rule) {
    Terminal.complain(
      "`\(rule.code)` is an error and always heard: \(rule.summary)", help: "see `flow explain \(rule.code)`")
  }

  /// How often each finding is listed.
  static func baseline(_ path: String) -> [String: Int]? {
    guard let text = readFile(path), let json = try? JSON(parsing: text),
      let known = json["fingerprints"]?.array?.compactMap(\.string)
    else {
      Terminal.complain("cannot read the baseline `\(path)`", help: "make one with `--write-baseline FILE`")
      return nil
    }
    return Dictionary(known.map { ($0, 1) }, uniquingKeysWith: +)
  }
}
