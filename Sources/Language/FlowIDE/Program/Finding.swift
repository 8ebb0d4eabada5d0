public import FlowSource

/// A diagnostic whose ranges are relative to their files.
public struct Finding: Hashable, Sendable {
  public struct Related: Hashable, Sendable {
    public var location: Place
    public var text: String
  }

  public struct Repair: Hashable, Sendable {
    public var title: String
    public var isSafe: Bool
    public var edits: [TextEdit]
  }

  public var code: String
  public var severity: Diagnostic.Severity
  /// The message with the label, the notes and the help.
  public var message: String
  public var location: Place
  public var related: [Related]
  public var repairs: [Repair]

  /// - Parameter sources: The files of the check that made the diagnostic.
  public init(_ diagnostic: Diagnostic, in sources: SourceSet) {
    code = diagnostic.code
    severity = diagnostic.severity
    var lines = [diagnostic.message + (diagnostic.label.isEmpty ? "" : " (\(diagnostic.label))")]
    lines += diagnostic.notes
    if let help = diagnostic.help { lines.append("help: " + help) }
    message = lines.joined(separator: "\n")
    location = Place(diagnostic.range, in: sources)
    related = diagnostic.labels.map { Related(location: Place($0.range, in: sources), text: $0.text) }
    repairs = diagnostic.fixes.map { fix in
      Repair(
        title: fix.title, isSafe: fix.applicability == .safe,
        edits: fix.edits.map { TextEdit(Place($0.range, in: sources), $0.text) })
    }
  }
}

extension Place {
  /// A range of a set of files, relative to its file.
  init(_ range: SourceRange, in sources: SourceSet) {
    guard let file = sources.file(at: range.lower) else {
      self.init(file: "", range: range)
      return
    }
    let upper = min(range.upper, file.range.upper)
    self.init(file: file.name, range: SourceRange(range.lower - file.base, max(upper, range.lower) - file.base))
  }
}
