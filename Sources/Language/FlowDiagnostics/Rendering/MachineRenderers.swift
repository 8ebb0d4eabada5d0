public import FlowJSON
public import FlowSource

/// One line for each diagnostic: `order.flow:31:5: warning[F401] transition can never fire`, and an indented line for
/// its help.
public func renderConcise(_ diagnostics: [Diagnostic], sources: SourceSet) -> String {
  diagnostics.map { diagnostic in
    let location = location(of: diagnostic.range, sources)
    let message = diagnostic.message.replacing("\n", with: " ")
    let help = diagnostic.help.map { "  help: \($0.replacing("\n", with: " "))\n" } ?? ""
    return "\(location)\(diagnostic.severity.rawValue)[\(diagnostic.code)] \(message)\n\(help)"
  }.joined()
}

private func location(of range: SourceRange, _ sources: SourceSet) -> String {
  guard let file = sources.file(at: range.lower) else { return "" }
  let position = file.position(of: range.lower)
  return "\(file.name):\(position.line):\(position.column): "
}

/// All diagnostics as one JSON document.
public func renderJSON(_ diagnostics: [Diagnostic], sources: SourceSet) -> JSON {
  let counts = Dictionary(grouping: diagnostics, by: \.severity).mapValues(\.count)
  let fixable = diagnostics.count { $0.fixes.contains { $0.applicability == .safe } }
  return [
    "version": 1,
    "diagnostics": .array(diagnostics.map { json($0, sources) }),
    "summary": [
      "errors": .int(Int64(counts[.error] ?? 0)), "warnings": .int(Int64(counts[.warning] ?? 0)),
      "infos": .int(Int64(counts[.info] ?? 0)), "fixable": .int(Int64(fixable)),
      "fixableUnsafely": .int(Int64(diagnostics.count { !$0.fixes.isEmpty } - fixable)),
    ],
  ]
}

private func json(_ diagnostic: Diagnostic, _ sources: SourceSet) -> JSON {
  let rule = Rule.named(diagnostic.code)
  return [
    "code": .string(diagnostic.code), "name": rule.map { .string($0.name) } ?? .null,
    "category": rule.map { .string($0.category) } ?? .null, "severity": .string(diagnostic.severity.rawValue),
    "message": .string(diagnostic.message), "file": file(of: diagnostic.range, sources),
    "span": span(diagnostic.range, sources), "label": .string(diagnostic.label),
    "labels": .array(
      diagnostic.labels.map {
        ["file": file(of: $0.range, sources), "span": span($0.range, sources), "text": .string($0.text)]
      }),
    "notes": .array(diagnostic.notes.map { .string($0) }), "help": diagnostic.help.map { .string($0) } ?? .null,
    "fixes": .array(diagnostic.fixes.map { json($0, sources) }),
    "docs": .string("flow explain \(diagnostic.code)"), "fingerprint": .string(diagnostic.fingerprint(in: sources)),
  ]
}

private func json(_ fix: Fix, _ sources: SourceSet) -> JSON {
  [
    "title": .string(fix.title), "applicability": .string(fix.applicability.rawValue),
    "edits": .array(
      fix.edits.map {
        ["file": file(of: $0.range, sources), "span": span($0.range, sources), "text": .string($0.text)]
      }),
  ]
}

private func file(of range: SourceRange, _ sources: SourceSet) -> JSON {
  sources.file(at: range.lower).map { .string($0.name) } ?? .null
}

private func span(_ range: SourceRange, _ sources: SourceSet) -> JSON {
  guard let file = sources.file(at: range.lower) else { return .null }
  return ["start": json(file.position(of: range.lower)), "end": json(file.position(of: range.upper))]
}

private func json(_ position: SourcePosition) -> JSON {
  [
    "line": .int(Int64(position.line)), "col": .int(Int64(position.column)), "offset": .int(Int64(position.offset)),
  ]
}
