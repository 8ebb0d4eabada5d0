import CEL
import FlowSource

/// The tokens without invisible characters, which are reported by name: one diagnostic per character, with all places.
func withoutInvisibleCharacters(_ tokens: [Token], _ source: SourceFile) -> ([Token], [Diagnostic]) {
  var locations: [Unicode.Scalar: [SourceRange]] = [:]
  let visible = tokens.filter { token in
    guard token.kind == .unknown, let scalar = invisibleScalar(source.string(token.range)) else { return true }
    locations[scalar, default: []].append(token.range)
    return false
  }
  guard !locations.isEmpty else { return (tokens, []) }
  return (visible, locations.sorted { $0.value[0].lower < $1.value[0].lower }.map { diagnostic($0.key, at: $0.value) })
}

private func invisibleScalar(_ text: String) -> Unicode.Scalar? {
  guard let scalar = text.unicodeScalars.first else { return nil }
  switch scalar.properties.generalCategory {
  case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: return scalar
  default: return nil
  }
}

/// F101: a character that does not show.
private func diagnostic(_ scalar: Unicode.Scalar, at ranges: [SourceRange]) -> Diagnostic {
  let isSpace = [.spaceSeparator, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
  let digits = String(scalar.value, radix: 16, uppercase: true)
  let code = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  let name = scalar == "\u{FEFF}" ? "BYTE ORDER MARK" : scalar.properties.name ?? scalar.properties.nameAlias
  let count = ranges.count > 1 ? ", \(ranges.count) times" : ""
  return Diagnostic(
    "F101", "the file contains the invisible character \(code)\(name.map { " (\($0))" } ?? "")\(count)", at: ranges[0],
    label: ranges.count > 1 ? "the first one" : "invisible",
    help: scalar == "\u{FEFF}" ? "save the file as UTF-8 without a byte order mark" : nil,
    fixes: [
      Fix(isSpace ? "replace it by a space" : "remove it", .safe, ranges.map { Fix.Edit($0, isSpace ? " " : "") })
    ])
}
