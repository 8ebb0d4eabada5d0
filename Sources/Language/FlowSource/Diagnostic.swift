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

extension Diagnostic {
  /// The order in reports.
  fileprivate var key: (UInt32, UInt32, String, String) { (range.lower, range.upper, code, message) }
}

extension [Diagnostic] {
  /// Sorted by range, then by code, without duplicates.
  public func sortedByRange() -> [Diagnostic] {
    var sorted = self
    sorted.sortByRange()
    return sorted
  }

  /// Sorts by range, then by code, and removes duplicates. In place, because a large project has many findings.
  public mutating func sortByRange() {
    guard count > 1 else { return }
    sort { $0.key < $1.key }
    var end = 1
    for index in 1..<count {
      var earlier = end - 1
      while earlier >= 0, self[earlier].key == self[index].key, self[earlier] != self[index] { earlier -= 1 }
      guard earlier < 0 || self[earlier].key != self[index].key else { continue }
      if end != index { swapAt(end, index) }
      end += 1
    }
    removeLast(count - end)
  }

  /// True if one of them is an error.
  public var hasErrors: Bool { contains { $0.severity == .error } }
}
