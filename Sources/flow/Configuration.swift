import CToml
import FlowSource

/// What `flow.toml` says of lints.
///
/// The file is looked for in the folder of the first path, then in each folder around it.
enum Configuration {
  /// What is heard when nothing else is said; nil when a file is wrong, which has been said then.
  static func load(for path: String) -> RuleSelection? {
    guard let (file, text) = find(from: path) else { return RuleSelection() }
    guard let json = json(text, file) else { return nil }
    return selection(json, file)
  }

  private static func find(from path: String) -> (path: String, text: [UInt8])? {
    var folder = absolute(path)
    while true {
      let file = folder == "/" ? "/flow.toml" : folder + "/flow.toml"
      if let text = readFile(file) { return (file, text) }
      guard folder != "/", let slash = folder.lastIndex(of: "/") else { return nil }
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
  }

  private static func json(_ text: [UInt8], _ file: String) -> JSON? {
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
    return try? JSON(parsing: Array(String(cString: result).utf8))
  }

  // MARK: - What it says

  private static func selection(_ json: JSON, _ file: String) -> RuleSelection? {
    guard known(json, ["lint"], "", file) else { return nil }
    guard let lint = json["lint"] else { return RuleSelection() }
    guard known(lint, ["preset", "select", "ignore", "baseline", "severity"], "lint.", file) else { return nil }
    var selection = RuleSelection()
    if let name = lint["preset"] {
      guard let preset = RuleNames.preset(name.string ?? name.text()) else { return nil }
      selection.preset = preset
    }
    guard let selected = RuleNames.rules(strings(lint["select"])),
      let ignored = RuleNames.rules(strings(lint["ignore"])),
      let severities = severities(lint["severity"], file)
    else { return nil }
    selection.selected = selected
    selection.ignored = ignored
    selection.severities = severities
    if let path = lint["baseline"]?.string {
      let folder = String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])
      guard let known = RuleNames.baseline(path.hasPrefix("/") ? path : folder + "/" + path) else { return nil }
      selection.baseline = known
    }
    return selection
  }

  private static func strings(_ json: JSON?) -> [String] { json?.array?.compactMap(\.string) ?? [] }

  private static func severities(_ json: JSON?, _ file: String) -> [String: Diagnostic.Severity]? {
    var found: [String: Diagnostic.Severity] = [:]
    for member in json?.members ?? [] {
      guard let rule = Rule.named(member.name) else {
        _ = RuleNames.rules([member.name])
        return nil
      }
      guard let severity = Diagnostic.Severity(rawValue: member.value.string ?? "") else {
        Terminal.complain(
          "\(file): a severity is error, warning or info", help: "write `\(member.name) = \"warning\"`")
        return nil
      }
      found[rule.code] = severity
    }
    return found
  }

  /// Whether there is nothing that this version does not know.
  private static func known(_ json: JSON, _ names: [String], _ path: String, _ file: String) -> Bool {
    for member in json.members ?? [] where !names.contains(member.name) {
      let guess = Suggestion.closest(to: member.name, among: names).first
      Terminal.complain(
        "\(file): there is no setting `\(path)\(member.name)`", help: guess.map { "did you mean `\(path)\($0)`?" })
      return false
    }
    return true
  }
}
