public import FlowSource

/// Renders diagnostics for a terminal: the headline, the underlined source, notes and help.
public struct PrettyRenderer: Sendable {
  /// The largest number of columns shown of a source line.
  static let maximumColumns = 160

  private let sources: SourceSet
  private let style: TerminalStyle

  public init(sources: SourceSet, style: TerminalStyle = .plain) {
    self.sources = sources
    self.style = style
  }

  /// All diagnostics and the line that counts them.
  /// - Parameter all: The diagnostics to count, when more were found than are shown.
  public func render(_ diagnostics: [Diagnostic], outOf all: [Diagnostic]? = nil) -> String {
    let texts = diagnostics.map { render($0) }
    return (texts + [summary(of: all ?? diagnostics, fileCount: sources.files.count)]).joined(separator: "\n")
  }

  public func render(_ diagnostic: Diagnostic) -> String {
    var out = "\(style.paint(diagnostic.severity.rawValue + "[\(diagnostic.code)]", severityColour(diagnostic)))"
    out += ": " + style.paint(diagnostic.message, .bold) + "\n"
    guard let file = sources.file(at: diagnostic.range.lower) else { return out + tail(of: diagnostic, indent: 1) }
    let marks = marks(of: diagnostic, in: file)
    let width = String(marks.map { $0.line }.max() ?? 1).count
    let position = file.position(of: diagnostic.range.lower)
    let pad = String(repeating: " ", count: width)
    out += style.paint(" \(pad)┌─ ", .dim) + "\(file.name):\(position.line):\(position.column)\n"
    out += frame(marks, file: file, width: width)
    for label in diagnostic.labels
    where !file.range.contains(label.range.lower) && label.range.lower != file.range.upper {
      guard let other = sources.file(at: label.range.lower) else { continue }
      let location = other.position(of: label.range.lower)
      out += style.paint(" \(pad)├─ ", .dim) + "\(other.name):\(location.line):\(location.column): \(label.text)\n"
    }
    return out + tail(of: diagnostic, indent: width + 1)
  }

  // MARK: - Frame

  private struct Mark {
    var line: Int
    var column: Int
    var width: Int
    var text: String
    var isPrimary: Bool
  }

  private func marks(of diagnostic: Diagnostic, in file: SourceFile) -> [Mark] {
    let locations = [(diagnostic.range, diagnostic.label, true)] + diagnostic.labels.map { ($0.range, $0.text, false) }
    return locations.compactMap { range, text, isPrimary in
      guard file.range.contains(range.lower) || range.lower == file.range.upper else { return nil }
      let start = file.position(of: range.lower)
      let end = file.position(of: range.upper)
      let rest = file.line(start.line).unicodeScalars.count - start.column + 1
      let width = end.line == start.line ? end.column - start.column : rest
      return Mark(
        line: start.line, column: start.column, width: max(1, width), text: text, isPrimary: isPrimary)
    }.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
  }

  private func frame(_ marks: [Mark], file: SourceFile, width: Int) -> String {
    var out = ""
    var last = 0
    for mark in marks {
      if mark.line != last {
        if last != 0, mark.line > last + 1 {
          out += style.paint(String(repeating: " ", count: width) + " ·", .dim) + "\n"
        }
        let number = String(mark.line)
        let gap = String(repeating: " ", count: width - number.count)
        out += style.paint("\(gap)\(number) │ ", .dim) + shown(file.line(mark.line)) + "\n"
        last = mark.line
      }
      out += underline(mark, in: file.line(mark.line), width)
    }
    return out
  }

  private func underline(_ mark: Mark, in line: String, _ width: Int) -> String {
    // Tabs are preserved, so that the underline is aligned.
    let before = line.unicodeScalars.prefix(mark.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
    let sign = String(repeating: mark.isPrimary ? "^" : "-", count: min(mark.width, PrettyRenderer.maximumColumns))
    let text = mark.text.isEmpty ? sign : sign + " " + mark.text
    let gutter = style.paint(String(repeating: " ", count: width) + " │ ", .dim)
    return gutter + before + style.paint(text, mark.isPrimary ? .red : .blue) + "\n"
  }

  private func shown(_ line: String) -> String {
    line.unicodeScalars.count <= PrettyRenderer.maximumColumns
      ? line : String(line.prefix(PrettyRenderer.maximumColumns)) + "…"
  }

  private func tail(of diagnostic: Diagnostic, indent: Int) -> String {
    let pad = String(repeating: " ", count: indent)
    var out = diagnostic.notes.map { "\(pad)= note: \($0)\n" }.joined()
    if let help = diagnostic.help {
      out += "\(pad)= \(style.paint("help", .green)): \(help)\n"
    } else if let fix = diagnostic.fixes.first {
      out += "\(pad)= \(style.paint("fix", .green)): \(fix.title)\n"
    }
    return out
  }

  private func severityColour(_ diagnostic: Diagnostic) -> TerminalStyle.Colour {
    switch diagnostic.severity {
    case .error: .red
    case .warning: .yellow
    case .info: .blue
    }
  }
}

/// `2 errors, 1 warning (1 fixable) in 3 files`, or `no problems in 3 files`. Only safe fixes count as fixable.
public func summary(of diagnostics: [Diagnostic], fileCount: Int) -> String {
  let files = "\(fileCount) \(fileCount == 1 ? "file" : "files")"
  let counts: [(Diagnostic.Severity, String)] = [(.error, "error"), (.warning, "warning"), (.info, "note")]
  let parts = counts.compactMap { severity, word -> String? in
    let count = diagnostics.count { $0.severity == severity }
    return count == 0 ? nil : "\(count) \(word)\(count == 1 ? "" : "s")"
  }
  guard !parts.isEmpty else { return "no problems in \(files)" }
  let fixable = diagnostics.count { $0.fixes.contains { $0.applicability == .safe } }
  return parts.joined(separator: ", ") + (fixable == 0 ? "" : " (\(fixable) fixable)") + " in \(files)"
}
