/// Which rules are heard, and how loud.
public struct RuleSelection: Sendable {
  public var preset: Rule.Preset
  /// Codes, names or beginnings of codes that are heard whatever the preset.
  public var selected: [String]
  public var ignored: [String]
  /// Severities other than those of the catalogue, by code.
  public var severities: [String: Diagnostic.Severity]
  /// Fingerprints of what is known and not said again.
  public var baseline: Set<String>

  public init(
    preset: Rule.Preset = .recommended, selected: [String] = [], ignored: [String] = [],
    severities: [String: Diagnostic.Severity] = [:], baseline: Set<String> = []
  ) {
    self.preset = preset
    self.selected = selected
    self.ignored = ignored
    self.severities = severities
    self.baseline = baseline
  }

  /// What is to be said of what was found. Errors are always said.
  /// - Parameter suppressions: By the name of the file.
  public func filter(
    _ diagnostics: [Diagnostic], sources: SourceSet, suppressions: [String: [Suppression]]
  ) -> [Diagnostic] {
    var kept: [Diagnostic] = []
    var used: Set<SourceRange> = []
    for diagnostic in diagnostics {
      var heard = diagnostic
      if let severity = severities[diagnostic.code], diagnostic.severity != .error || severity == .error {
        heard.severity = severity
      }
      let file = sources.file(at: diagnostic.range.lower)
      let line = file?.position(of: diagnostic.range.lower).line ?? 0
      let covering = (file.flatMap { suppressions[$0.name] } ?? []).filter {
        $0.lines.contains(line) && $0.covers(diagnostic.code)
      }
      if diagnostic.severity == .error {
        if !covering.isEmpty { heard.notes.append("an error can't be silenced with `flow:ignore`") }
        used.formUnion(covering.map(\.range))
        kept.append(heard)
      } else if let first = covering.first {
        used.insert(first.range)
      } else if isHeard(diagnostic.code), !isKnown(diagnostic, sources) {
        kept.append(heard)
      }
    }
    return (kept + complaints(of: suppressions, used)).sortedByPlace()
  }

  private func isKnown(_ diagnostic: Diagnostic, _ sources: SourceSet) -> Bool {
    !baseline.isEmpty && baseline.contains(diagnostic.fingerprint(in: sources))
  }

  private func isHeard(_ code: String) -> Bool {
    if RuleSelection.names(ignored, code) { return false }
    return RuleSelection.names(selected, code) || (Rule.named(code)?.preset ?? .core) <= preset
  }

  /// Whether a code is among codes, names and beginnings of codes.
  static func names(_ list: [String], _ code: String) -> Bool {
    list.contains { $0 == code || Rule.named($0)?.code == code || $0.hasPrefix("F") && code.hasPrefix($0) }
  }

  /// F511, F513: a suppression hides something and says why.
  private func complaints(of suppressions: [String: [Suppression]], _ used: Set<SourceRange>) -> [Diagnostic] {
    suppressions.values.joined().flatMap { suppression -> [Diagnostic] in
      var found: [Diagnostic] = []
      if isHeard("F511"), !used.contains(suppression.range) {
        found.append(
          Diagnostic(
            "F511", .warning, "this hides nothing", at: suppression.range, label: "nothing to ignore here",
            fixes: [Fix("remove the comment", .safe, [.init(suppression.range, "")])]))
      }
      if isHeard("F513"), suppression.reason.isEmpty {
        found.append(
          Diagnostic(
            "F513", .info, "this does not say why", at: suppression.range, label: "no reason",
            help: "write the reason behind the bracket"))
      }
      return found
    }
  }
}

extension Diagnostic {
  /// Names the finding by what it is about and not by its line, so that it is the same after an edit elsewhere: a hash
  /// (FNV-1a, 64 bits) of the code, the file and the line without its spaces.
  public func fingerprint(in sources: SourceSet) -> String {
    guard let file = sources.file(at: range.lower) else { return hash(code + message) }
    let line = file.line(file.position(of: range.lower).line)
    return hash("\(code)\n\(file.name)\n" + line.filter { !$0.isWhitespace })
  }

  private func hash(_ text: String) -> String {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
