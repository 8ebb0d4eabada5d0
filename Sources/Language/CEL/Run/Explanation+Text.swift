import FlowJSON
import FlowSource

extension Explanation {
  /// The longest value that is shown whole, in characters.
  public static let maximumValueWidth = 60

  /// The expression with the values of its parts below, each under its operator or name.
  ///
  /// - Parameters:
  ///   - source: The text of the expression.
  ///   - base: The offset of its first byte.
  public func text(source: String, base: UInt32 = 0, types: TypeRegistry = TypeRegistry()) -> String {
    var notes: [(column: Int, text: String)] = []
    let line = SourceLine(source, base: base)
    collect(into: &notes, line, types)
    notes.sort { $0.column > $1.column }
    var rows: [[Character]] = [Array(line.text)]
    if let first = notes.first { rows.append(bars(notes.map(\.column), width: first.column + 1)) }
    for (index, note) in notes.enumerated() {
      if index > 0, notes[index - 1].column == note.column { continue }
      var row = bars(notes[(index + 1)...].map(\.column).filter { $0 < note.column }, width: note.column)
      row += Array(note.text)
      rows.append(row)
    }
    return rows.map { row in
      String(row.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  private func bars(_ columns: [Int], width: Int) -> [Character] {
    var row = [Character](repeating: " ", count: width)
    for column in columns where column < width { row[column] = "|" }
    return row
  }

  private func collect(into notes: inout [(column: Int, text: String)], _ line: SourceLine, _ types: TypeRegistry) {
    guard !isConstant, let column = line.column(of: anchor.lower) else { return }
    notes.append((column, summary(types)))
    if outcome == .notEvaluated { return }
    if name == nil { for child in children { child.collect(into: &notes, line, types) } }
  }

  private func summary(_ types: TypeRegistry) -> String {
    switch outcome {
    case .value(let value):
      let text = value.json(in: types).text()
      return text.count > Self.maximumValueWidth ? text.prefix(Self.maximumValueWidth - 1) + "…" : text
    case .notEvaluated: return "not evaluated"
    case .unknown: return "unknown"
    case .error(let message): return "error: " + message
    }
  }
}

/// A text on one line, with runs of white space as one space, and the columns of its bytes.
private struct SourceLine {
  var text = ""
  private var columns: [Int] = []
  private let base: UInt32

  init(_ source: String, base: UInt32) {
    self.base = base
    var width = 0
    var wasSpace = false
    for scalar in source.unicodeScalars {
      let isSpace = scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r"
      for _ in 0..<String(scalar).utf8.count { columns.append(isSpace && wasSpace ? max(0, width - 1) : width) }
      if !isSpace || !wasSpace {
        text.unicodeScalars.append(isSpace ? " " : scalar)
        width += 1
      }
      wasSpace = isSpace
    }
  }

  /// The column of a byte, or of the first visible character after it.
  func column(of offset: UInt32) -> Int? {
    guard offset >= base, Int(offset - base) < columns.count else { return nil }
    let scalars = Array(text.unicodeScalars)
    var column = columns[Int(offset - base)]
    while column < scalars.count, scalars[column] == " " || scalars[column] == "." { column += 1 }
    return column
  }
}
