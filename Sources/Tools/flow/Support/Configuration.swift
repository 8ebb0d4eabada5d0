import CToml
import FlowDiagnostics
import FlowJSON
import FlowSource

/// The settings of `flow.toml`: lint rules, the options of a server, the fields that it redacts, and
/// what it publishes.
///
/// The file is searched for in the folder of the first path, then in each parent folder.
struct Configuration {
  /// The enabled rules, unless the command line overrides them.
  var selection = RuleSelection()
  /// The folder of the file; nil when there is no file.
  var folder: String?
  /// Fields that a server redacts, by flow.
  private(set) var redaction: [String: [String]] = [:]
  /// The parts of the live stream that a server publishes.
  private(set) var publications: [PublicationSettings] = []
  /// Values of the options of `flow serve` as they would be written on the command line, by name.
  private(set) var serveOptions: [String: [String]] = [:]
  /// Rules that are disabled for some paths, relative to the folder.
  private var ignoredByPath: [(pattern: PathPattern, rules: [String])] = []

  /// The configuration that applies to a path.
  /// - Throws: `UsageError` when the file is not valid.
  static func load(for path: String) throws(UsageError) -> Configuration {
    guard let (file, json) = try document(for: path) else { return Configuration() }
    return try Configuration(json, file: file)
  }

  /// The file that applies to a path, and its contents; nil when there is no such file.
  /// - Throws: `UsageError` for a syntax error.
  static func document(for path: String) throws(UsageError) -> (path: String, json: JSON)? {
    guard let (file, text) = find(from: path) else { return nil }
    return (file, try json(text, file: file))
  }

  /// Disables all lints, for `flow check`.
  mutating func disableLints() {
    selection = RuleSelection(preset: .core)
    ignoredByPath = []
  }

  /// The rules that are disabled for a file because of its path.
  func ignored(in file: String) -> [String] {
    guard let folder, !ignoredByPath.isEmpty else { return [] }
    let path = absolute(file)
    let root = folder == "/" ? "/" : folder + "/"
    guard path.hasPrefix(root) else { return [] }
    let relative = String(path.dropFirst(root.count))
    return ignoredByPath.filter { $0.pattern.matches(relative) }.flatMap(\.rules)
  }

  // MARK: - Reading

  private static func find(from path: String) -> (path: String, text: [UInt8])? {
    var folder = absolute(path)
    while true {
      let file = folder == "/" ? "/flow.toml" : folder + "/flow.toml"
      if let text = readFile(file) { return (file, text) }
      guard folder != "/", let slash = folder.lastIndex(of: "/") else { return nil }
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
  }

  /// A TOML document as JSON.
  /// - Throws: `UsageError` with the line of a syntax error.
  static func json(_ text: [UInt8], file: String) throws(UsageError) -> JSON {
    var line: Int32 = 0
    var message: UnsafeMutablePointer<CChar>?
    let result = text.withUnsafeBytes { bytes in
      ctoml_to_json(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, &line, &message)
    }
    defer {
      ctoml_free(result)
      ctoml_free(message)
    }
    guard let result else {
      throw UsageError("\(file):\(line): \(message.map { String(cString: $0) } ?? "not valid TOML")")
    }
    do throws(JSONError) {
      return try JSON(parsing: Array(String(cString: result).utf8))
    } catch {
      throw UsageError("\(file): \(error.message)")
    }
  }

  // MARK: - Settings

  private init() {}

  private init(_ json: JSON, file: String) throws(UsageError) {
    let reader = SettingsReader(file: file)
    let folder = file == "/flow.toml" ? "/" : String(file.dropLast("/flow.toml".count))
    self.folder = folder
    try reader.requireKnown(json, ["lint", "serve"])
    let serve = try reader.table("serve", in: json)
    try reader.requireKnown(serve, ["redact", "publish"] + Command.serve.options.map(\.name), path: "serve.")
    serveOptions = try reader.options(of: .serve, in: serve, folder: folder)
    redaction = try reader.names(in: reader.table("redact", in: serve))
    publications = try reader.publications(in: reader.table("publish", in: serve))
    let lint = try reader.table("lint", in: json)
    try reader.requireKnown(lint, ["preset", "select", "ignore", "baseline", "severity", "per-path"], path: "lint.")
    if let name = try reader.text("preset", in: lint) { selection.preset = try RuleNames.preset(name) }
    if let path = try reader.text("baseline", in: lint) {
      selection.baseline = try RuleNames.baseline(path.hasPrefix("/") ? path : "\(folder)/\(path)")
    }
    selection.selected = try reader.rules("select", in: lint, disables: false)
    selection.ignored = try reader.rules("ignore", in: lint, disables: true)
    selection.severities = try reader.severities(in: reader.table("severity", in: lint))
    ignoredByPath = try reader.paths(in: reader.table("per-path", in: lint))
  }
}

/// Reads typed settings from the document, and reports wrong ones with the name of the file.
private struct SettingsReader {
  let file: String

  private func error(_ message: String, help: String? = nil) -> UsageError {
    UsageError("\(file): \(message)", help: help)
  }

  /// - Throws: `UsageError` for a member that is not among the names.
  func requireKnown(_ json: JSON, _ names: [String], path: String = "") throws(UsageError) {
    for member in json.members ?? [] where !names.contains(member.name) {
      let guess = Suggestion.closest(to: member.name, among: names).first
      throw error(
        "unknown setting `\(path)\(member.name)`", help: guess.map { "did you mean `\(path)\($0)`?" })
    }
  }

  /// A table; empty when it is missing.
  func table(_ name: String, in json: JSON) throws(UsageError) -> JSON {
    guard let value = json[name] else { return .object([]) }
    guard value.members != nil else { throw error("`\(name)` must be a table") }
    return value
  }

  func text(_ name: String, in json: JSON) throws(UsageError) -> String? {
    guard let value = json[name] else { return nil }
    guard let text = value.string, !text.isEmpty else {
      throw error("`\(name)` must be a text in quotes, not `\(value.text())`")
    }
    return text
  }

  /// A list of rules; empty when it is missing.
  func rules(_ name: String, in json: JSON, disables: Bool) throws(UsageError) -> [String] {
    guard let value = json[name] else { return [] }
    guard let texts = value.array?.compactMap(\.string), texts.count == value.array?.count else {
      throw error("`\(name)` must be a list of codes", help: "write `\(name) = [\"F601\"]`")
    }
    return try RuleNames.rules(texts, disables: disables)
  }

  /// The values of the options of a command as texts; relative paths start at the folder of the file.
  func options(of command: Command, in json: JSON, folder: String) throws(UsageError) -> [String: [String]] {
    var found: [String: [String]] = [:]
    for option in command.options {
      guard let value = json[option.name] else { continue }
      var texts = try optionTexts(value, of: option)
      if option.completion == .files {
        texts = texts.map { $0.hasPrefix("/") || $0.contains("://") || $0 == "none" ? $0 : "\(folder)/\($0)" }
      }
      guard !texts.isEmpty else { continue }
      do throws(UsageError) {
        _ = try option.convert(texts)
      } catch {
        throw self.error(error.message, help: error.help)
      }
      found[option.name] = texts
    }
    return found
  }

  private func optionTexts(_ value: JSON, of option: OptionDeclaration) throws(UsageError) -> [String] {
    if option.placeholder == nil {
      guard let isOn = value.bool else { throw error("`serve.\(option.name)` must be true or false") }
      return isOn ? [""] : []
    }
    let values = option.isRepeatable ? value.array ?? [value] : [value]
    let texts = values.compactMap { $0.string ?? $0.int?.description }
    guard texts.count == values.count else {
      throw error("`serve.\(option.name)` must be a text in quotes or a number, not `\(value.text())`")
    }
    return texts
  }

  /// The lists of field names to redact, by flow.
  func names(in json: JSON) throws(UsageError) -> [String: [String]] {
    var found: [String: [String]] = [:]
    for member in json.members ?? [] {
      guard let names = member.value.array?.compactMap(\.string), names.count == member.value.array?.count else {
        throw error(
          "`serve.redact.\(member.name)` must be a list of fields", help: "write `\(member.name) = [\"email\"]`")
      }
      found[member.name] = names
    }
    return found
  }

  /// The publications by name.
  func publications(in json: JSON) throws(UsageError) -> [PublicationSettings] {
    var found: [PublicationSettings] = []
    for member in json.members ?? [] {
      let path = "serve.publish.\(member.name)"
      guard member.value.members != nil else {
        throw error("`\(path)` must be a table", help: "write `[\(path)]` and `amqp = \"EXCHANGE\"`")
      }
      try requireKnown(member.value, PublicationSettings.members, path: path + ".")
      var values: [String: String] = [:]
      for name in PublicationSettings.members { values[name] = try text(name, in: member.value) }
      found.append(PublicationSettings(name: member.name, values: values))
    }
    return found.sorted { $0.name < $1.name }
  }

  func severities(in json: JSON) throws(UsageError) -> [String: Diagnostic.Severity] {
    var found: [String: Diagnostic.Severity] = [:]
    for member in json.members ?? [] {
      _ = try RuleNames.rules([member.name])
      guard let rule = Rule.named(member.name) else {
        throw error("`lint.severity.\(member.name)` must be a code or the name of a rule, not a prefix")
      }
      guard let severity = Diagnostic.Severity(rawValue: member.value.string ?? "") else {
        throw error("a severity is error, warning or info", help: "write `\(member.name) = \"warning\"`")
      }
      guard rule.canBeSuppressed || severity == .error else { throw RuleNames.cannotBeDisabled(rule) }
      found[rule.code] = severity
    }
    return found
  }

  func paths(in json: JSON) throws(UsageError) -> [(pattern: PathPattern, rules: [String])] {
    var found: [(pattern: PathPattern, rules: [String])] = []
    for member in json.members ?? [] {
      let settings = try table(member.name, in: .object([member]))
      try requireKnown(settings, ["ignore"], path: "lint.per-path.\"\(member.name)\".")
      found.append((PathPattern(member.name), try rules("ignore", in: settings, disables: true)))
    }
    return found
  }
}
