import CToml
import FlowDiagnostics
import FlowJSON
import FlowSource

/// What `flow.toml` says of lints, and of what a server shows.
///
/// The file is looked for in the folder of the first path, then in each folder around it.
struct Configuration {
  /// What is heard when the command line says nothing else.
  var selection = RuleSelection()
  /// Where the file lies; nil when there is none.
  var folder: String?
  /// Fields that a server shows to nobody, by their flows.
  private(set) var redaction: [String: [String]] = [:]
  /// What is ignored below some paths; they are relative to the folder.
  private var ignoredByPath: [(pattern: PathPattern, rules: [String])] = []

  /// Nil when the file is wrong, which has been said then.
  static func load(for path: String) -> Configuration? {
    guard let (file, text) = find(from: path) else { return Configuration() }
    guard let json = json(text, file) else { return nil }
    return Configuration(json, file)
  }

  /// For `flow check`, which leaves lints alone, whatever the file says of them.
  mutating func hearOnlyErrors() {
    selection = RuleSelection(preset: .core)
    ignoredByPath = []
  }

  /// What is ignored in a file because of where it lies.
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

  /// The document as JSON; nil when it is no TOML, which has been said then.
  static func json(_ text: [UInt8], _ file: String) -> JSON? {
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
      Terminal.complain("\(file):\(line): \(message.map { String(cString: $0) } ?? "it can't be read")")
      return nil
    }
    do throws(JSONError) {
      return try JSON(parsing: Array(String(cString: result).utf8))
    } catch {
      Terminal.complain("\(file): \(error.message)")
      return nil
    }
  }

  // MARK: - What it says

  private init() {}

  private init?(_ json: JSON, _ file: String) {
    let settings = Settings(file: file)
    folder = file == "/flow.toml" ? "/" : String(file.dropLast("/flow.toml".count))
    guard settings.knows(json, ["lint", "serve"]), let serve = settings.table(json, "serve"),
      settings.knows(serve, ["redact"], in: "serve."),
      let redaction = settings.table(serve, "redact").flatMap(settings.names), let lint = settings.table(json, "lint"),
      settings.knows(lint, ["preset", "select", "ignore", "baseline", "severity", "per-path"], in: "lint."),
      let preset = settings.text(lint, "preset"), let baseline = settings.text(lint, "baseline"),
      let selected = settings.rules(lint, "select", toSilence: false),
      let ignored = settings.rules(lint, "ignore", toSilence: true),
      let severities = settings.table(lint, "severity").flatMap(settings.severities),
      let paths = settings.table(lint, "per-path").flatMap(settings.paths)
    else { return nil }
    if !preset.isEmpty {
      guard let named = RuleNames.preset(preset) else { return nil }
      selection.preset = named
    }
    if !baseline.isEmpty {
      guard let known = RuleNames.baseline(baseline.hasPrefix("/") ? baseline : "\(folder ?? "")/\(baseline)") else {
        return nil
      }
      selection.baseline = known
    }
    selection.selected = selected
    selection.ignored = ignored
    selection.severities = severities
    ignoredByPath = paths
    self.redaction = redaction
  }
}

/// Takes settings out of the document; says what is wrong with one, and gives nil then.
private struct Settings {
  let file: String

  private func complain(_ message: String, help: String? = nil) {
    Terminal.complain("\(file): \(message)", help: help)
  }

  /// Whether there is nothing that this version does not know.
  func knows(_ json: JSON, _ names: [String], in path: String = "") -> Bool {
    for member in json.members ?? [] where !names.contains(member.name) {
      let guess = Suggestion.closest(to: member.name, among: names).first
      complain(
        "there is no setting `\(path)\(member.name)`", help: guess.map { "did you mean `\(path)\($0)`?" })
      return false
    }
    return true
  }

  /// An empty one when there is none.
  func table(_ json: JSON, _ name: String) -> JSON? {
    guard let value = json[name] else { return .object([]) }
    if value.members != nil { return value }
    complain("`\(name)` is a table")
    return nil
  }

  /// An empty text when there is none.
  func text(_ json: JSON, _ name: String) -> String? {
    guard let value = json[name] else { return "" }
    if let text = value.string, !text.isEmpty { return text }
    complain("`\(name)` is a text between quotes, not `\(value.text())`")
    return nil
  }

  /// No rules when there is no list.
  func rules(_ json: JSON, _ name: String, toSilence: Bool) -> [String]? {
    guard let value = json[name] else { return [] }
    if let texts = value.array?.compactMap(\.string), texts.count == value.array?.count {
      return RuleNames.rules(texts, toSilence: toSilence)
    }
    complain("`\(name)` is a list of codes", help: "write `\(name) = [\"F601\"]`")
    return nil
  }

  /// Lists of names, by the name of each.
  func names(_ json: JSON) -> [String: [String]]? {
    var found: [String: [String]] = [:]
    for member in json.members ?? [] {
      guard let names = member.value.array?.compactMap(\.string), names.count == member.value.array?.count else {
        complain("`serve.redact.\(member.name)` is a list of fields", help: "write `\(member.name) = [\"email\"]`")
        return nil
      }
      found[member.name] = names
    }
    return found
  }

  func severities(_ json: JSON) -> [String: Diagnostic.Severity]? {
    var found: [String: Diagnostic.Severity] = [:]
    for member in json.members ?? [] {
      guard let rule = Rule.named(member.name) else {
        _ = RuleNames.rules([member.name])
        return nil
      }
      guard let severity = Diagnostic.Severity(rawValue: member.value.string ?? "") else {
        complain("a severity is error, warning or info", help: "write `\(member.name) = \"warning\"`")
        return nil
      }
      guard rule.canBeSilenced || severity == .error else {
        RuleNames.complainOfSilencing(rule)
        return nil
      }
      found[rule.code] = severity
    }
    return found
  }

  func paths(_ json: JSON) -> [(pattern: PathPattern, rules: [String])]? {
    var found: [(pattern: PathPattern, rules: [String])] = []
    for member in json.members ?? [] {
      let path = "lint.per-path.\"\(member.name)\"."
      guard let settings = table(.object([member]), member.name), knows(settings, ["ignore"], in: path),
        let rules = rules(settings, "ignore", toSilence: true)
      else { return nil }
      found.append((PathPattern(member.name), rules))
    }
    return found
  }
}
