public import FlowSource

/// The text of a file in its canonical form, or nil with the diagnostics when it can't be parsed.
///
/// A file with syntax errors is never changed. All tokens and comments are preserved, in their order; only commas
/// between fields and enum values, which are optional, are added and removed. Formatting is idempotent.
/// - Complexity: O(n) in the length of the text.
public func format(_ source: SourceFile) -> (text: String?, diagnostics: [Diagnostic]) {
  let file = parse(source)
  guard !file.diagnostics.hasErrors else { return (nil, file.diagnostics) }
  var layout = Layout(file)
  return (String(decoding: layout.file(), as: UTF8.self), file.diagnostics)
}
