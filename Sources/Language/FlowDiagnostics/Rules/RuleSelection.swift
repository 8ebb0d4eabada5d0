import FlowJSON
public import FlowSource

/// The rules to report, and their severities.
public struct RuleSelection: Sendable {
  public var preset: Rule.Preset
  /// Codes, names or prefixes of codes that are reported with any preset.
  public var selected: [String]
  public var ignored: [String]
  /// Rules disabled in single files, by file name.
  public var ignoredByFile: [String: [String]]
  /// Severities that differ from the catalogue, by code.
  public var severities: [String: Diagnostic.Severity]
  /// Fingerprints of known findings that are not reported again, with their counts.
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

  /// Returns true if findings of a rule are reported in a file.
  public func isEnabled(_ code: String, in file: String) -> Bool {
    if RuleSelection.matches(ignored, code: code) || RuleSelection.matches(ignoredByFile[file] ?? [], code: code) {
      return false
    }
    return RuleSelection.matches(selected, code: code) || (Rule.named(code)?.preset ?? .core) <= preset
  }

  /// True when a code is among codes, names and prefixes of codes.
  static func matches(_ list: [String], code: String) -> Bool {
    list.contains { $0 == code || Rule.named($0)?.code == code || $0.hasPrefix("F") && code.hasPrefix($0) }
  }
}

extension Diagnostic {
  /// Identifies the finding by its content and not by its line number, so that it survives edits elsewhere: a hash
  /// (FNV-1a, 64 bits) of the code, the file and the beginning of the line without its spaces.
  public func fingerprint(in sources: SourceSet) -> String {
    guard let file = sources.file(at: range.lower) else { return hash(code + message) }
    let line = file.line(file.position(of: range.lower).line)
    return hash("\(code)\n\(file.name)\n" + line.prefix(Diagnostic.longestLine).filter { !$0.isWhitespace })
  }

  /// The number of characters of a line that are hashed, at most.
  private static let longestLine = 400

  private func hash(_ text: String) -> String { text.utf8.fnv1a.hexadecimal }
}
