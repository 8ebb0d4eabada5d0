import FlowJSON
public import FlowSource

/// Which rules are heard, and how loud.
public struct RuleSelection: Sendable {
  public var preset: Rule.Preset
  /// Codes, names or beginnings of codes that are heard whatever the preset.
  public var selected: [String]
  public var ignored: [String]
  /// What is ignored in single files besides, by their names.
  public var ignoredByFile: [String: [String]]
  /// Severities other than those of the catalogue, by code.
  public var severities: [String: Diagnostic.Severity]
  /// Fingerprints of what is known and not said again, and how often each was found.
  public var baseline: [String: Int]

  public init(
    preset: Rule.Preset = .recommended, selected: [String] = [], ignored: [String] = [],
    ignoredByFile: [String: [String]] = [:], severities: [String: Diagnostic.Severity] = [:],
    baseline: [String: Int] = [:]
  ) {
    self.preset = preset
    self.selected = selected
    self.ignored = ignored
    self.ignoredByFile = ignoredByFile
    self.severities = severities
    self.baseline = baseline
  }

  func isHeard(_ code: String, in file: String) -> Bool {
    if RuleSelection.names(ignored, code) || RuleSelection.names(ignoredByFile[file] ?? [], code) { return false }
    return RuleSelection.names(selected, code) || (Rule.named(code)?.preset ?? .core) <= preset
  }

  /// Whether a code is among codes, names and beginnings of codes.
  static func names(_ list: [String], _ code: String) -> Bool {
    list.contains { $0 == code || Rule.named($0)?.code == code || $0.hasPrefix("F") && code.hasPrefix($0) }
  }
}

extension Diagnostic {
  /// Names the finding by what it is about and not by its line, so that it is the same after an edit elsewhere: a hash
  /// (FNV-1a, 64 bits) of the code, the file and the beginning of the line without its spaces.
  public func fingerprint(in sources: SourceSet) -> String {
    guard let file = sources.file(at: range.lower) else { return hash(code + message) }
    let line = file.line(file.position(of: range.lower).line)
    return hash("\(code)\n\(file.name)\n" + line.prefix(Diagnostic.longestLine).filter { !$0.isWhitespace })
  }

  /// How many characters of a line are looked at: a file of one long line has a finding in each of its parts.
  private static let longestLine = 400

  private func hash(_ text: String) -> String {
    let digits = String(text.utf8.fnv1a, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
