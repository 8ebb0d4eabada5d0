public import FlowSource

/// A rule: one line of the catalogue.
public struct Rule: Hashable, Sendable {
  /// Rule presets: each includes the ones before it.
  public enum Preset: Int, Hashable, Sendable, Comparable {
    /// Errors: programs that do not run.
    case core
    /// Likely mistakes.
    case recommended
    /// Also robustness, documentation and conventions.
    case strict
    /// Reported only when selected by code.
    case selected

    public static func < (left: Preset, right: Preset) -> Bool { left.rawValue < right.rawValue }

    /// The presets that options name.
    public static let named: [(name: String, preset: Preset)] = [
      ("core", .core), ("recommended", .recommended), ("strict", .strict),
    ]
  }

  /// The rules whose findings come from a verification, which `flow lint` runs, and not from the compiler.
  public static let verified: Set<String> = ["F408"]

  public var code: String
  /// The name of the rule; options accept the code and the name.
  public var name: String
  public var severity: Diagnostic.Severity
  /// The first preset that includes it.
  public var preset: Preset
  public var summary: String

  init(
    _ code: String, _ name: String, _ severity: Diagnostic.Severity, _ preset: Preset, _ summary: String
  ) {
    self.code = code
    self.name = name
    self.severity = severity
    self.preset = preset
    self.summary = summary
  }

  /// The category that the hundreds of the code denote.
  public var category: String {
    switch code.dropFirst().first {
    case "1": "syntax and names"
    case "2": "types"
    case "3": "structure"
    case "4": "guards"
    case "5": "use"
    case "6": "time"
    case "7": "actions"
    case "8": "security"
    default: "style"
    }
  }

  /// True when the rule may be disabled or its severity lowered; errors can't.
  public var canBeSuppressed: Bool { severity != .error }

  /// Finds a rule by code or name.
  public static func named(_ text: String) -> Rule? { index[text] ?? index[text.uppercased()] }

  private static let index: [String: Rule] = Dictionary(
    uniqueKeysWithValues: all.flatMap { [($0.code, $0), ($0.name, $0)] })
}
