public import FlowSource

/// A code with what it stands for. One line of the catalogue.
public struct Rule: Hashable, Sendable {
  /// How much is said: each includes the ones before it.
  public enum Preset: Int, Hashable, Sendable, Comparable {
    /// Errors: what does not run.
    case core
    /// What probably is a mistake.
    case recommended
    /// Robustness, documentation and custom as well.
    case strict
    /// Only when it is selected by its code.
    case selected

    public static func < (left: Preset, right: Preset) -> Bool { left.rawValue < right.rawValue }

    /// Those that can be asked for by name.
    public static let named: [(name: String, preset: Preset)] = [
      ("core", .core), ("recommended", .recommended), ("strict", .strict),
    ]
  }

  public var code: String
  /// The code in words; both mean the same everywhere.
  public var name: String
  public var severity: Diagnostic.Severity
  /// The first preset that it belongs to.
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

  /// What the hundreds stand for.
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

  /// Whether it may be turned off or made less of: what does not hold together can't.
  public var canBeSilenced: Bool { severity != .error }

  /// The rule that a code or a name means.
  public static func named(_ text: String) -> Rule? { index[text] ?? index[text.uppercased()] }

  private static let index: [String: Rule] = Dictionary(
    uniqueKeysWithValues: all.flatMap { [($0.code, $0), ($0.name, $0)] })
}
