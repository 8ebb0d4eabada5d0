/// A message about a range of the source.
///
/// Codes are `F` and three digits; hundreds are categories; a code is never used again for something else.
public struct Diagnostic: Hashable, Sendable {
  public enum Severity: String, Sendable { case error, warning, info }

  /// A further range that explains the first.
  public struct Label: Hashable, Sendable {
    public var range: SourceRange
    public var text: String

    public init(_ range: SourceRange, _ text: String) {
      self.range = range
      self.text = text
    }
  }

  public var code: String
  public var severity: Severity
  /// The headline: lower case, no full stop, names in backticks, understood without the source.
  public var message: String
  public var range: SourceRange
  /// The text beside the underlined range; may be empty.
  public var label: String
  public var labels: [Label]
  public var notes: [String]
  /// The suggested remedy, as text.
  public var help: String?
  public var fixes: [Fix]

  public init(
    _ code: String, _ severity: Severity, _ message: String, at range: SourceRange, label: String = "",
    labels: [Label] = [], notes: [String] = [], help: String? = nil, fixes: [Fix] = []
  ) {
    self.code = code
    self.severity = severity
    self.message = message
    self.range = range
    self.label = label
    self.labels = labels
    self.notes = notes
    self.help = help
    self.fixes = fixes
  }

  /// An error.
  public init(
    _ code: String, _ message: String, at range: SourceRange, label: String = "", labels: [Label] = [],
    notes: [String] = [], help: String? = nil, fixes: [Fix] = []
  ) {
    self.init(
      code, .error, message, at: range, label: label, labels: labels, notes: notes, help: help, fixes: fixes)
  }
}

/// A change of the source that a diagnostic offers.
public struct Fix: Hashable, Sendable {
  /// `safe` keeps the intended meaning; `maybe` needs review.
  public enum Applicability: String, Sendable { case safe, maybe }

  public struct Edit: Hashable, Sendable {
    public var range: SourceRange
    public var text: String

    public init(_ range: SourceRange, _ text: String) {
      self.range = range
      self.text = text
    }
  }

  public var title: String
  public var applicability: Applicability
  public var edits: [Edit]

  public init(_ title: String, _ applicability: Applicability, _ edits: [Edit]) {
    self.title = title
    self.applicability = applicability
    self.edits = edits
  }
}

extension [Diagnostic] {
  /// Sorted by range, then by code, without duplicates.
  public func sortedByRange() -> [Diagnostic] {
    guard count > 1 else { return self }
    var seen: Set<Diagnostic> = []
    let unique = filter { seen.insert($0).inserted }
    return unique.sorted {
      ($0.range.lower, $0.range.upper, $0.code, $0.message) < ($1.range.lower, $1.range.upper, $1.code, $1.message)
    }
  }

  public var hasErrors: Bool { contains { $0.severity == .error } }
}
