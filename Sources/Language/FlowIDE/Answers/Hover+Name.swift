import FlowSource

// Questions from outside of an editor: a session and the dashboard.
extension ProgramView {
  /// The description of what a name stands for, as a hover over its declaration shows it; nil for an unknown name.
  ///
  /// A name with several declarations, such as states of two flows, has the description of each.
  /// - Parameter flow: The flow whose states, fields and calls are meant; nil for those of all flows.
  public func description(ofName name: String, flow: String? = nil) -> String? {
    let declared = units.flatMap { unit in
      occurrences(in: unit.path).filter { $0.access == .declaration && unit.text($0.range) == name }
        .map { (unit: unit, occurrence: $0) }
    }
    let own = declared.filter { one in flow == nil || one.occurrence.entity.flow.map { $0 == flow } ?? true }
    let texts = (own.isEmpty ? declared : own).compactMap { one in
      hover(at: one.occurrence.range.lower, in: one.unit.path)?.text
    }
    return texts.isEmpty ? Vocabulary.keywords[name] ?? Vocabulary.names[name] : texts.joined(separator: "\n\n")
  }

  /// The description of what is at a position of a file; nil when there is nothing to say.
  /// - Parameters:
  ///   - line: From 1.
  ///   - column: From 1, in Unicode scalars.
  public func hover(line: Int, column: Int, in path: String) -> Hover? {
    guard let source = unit(path)?.source, (1...source.lineCount).contains(line), column >= 1 else { return nil }
    let text = source.line(line).unicodeScalars
    guard column <= text.count + 1 else { return nil }
    let bytes = text.prefix(column - 1).reduce(0) { $0 + UTF8.width($1) }
    return hover(at: UInt32(source.start(ofLine: line) + bytes), in: path)
  }
}
