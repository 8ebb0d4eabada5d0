public import FlowSource

/// The text of a file in its one canonical form, or nil with the reasons when it can't be read.
///
/// A file with mistakes of syntax is never changed. All tokens and comments stay, in their order; only commas between
/// fields and enum values, which are optional, are added and removed. Formatting what was formatted changes nothing.
/// - Complexity: O(n) in the length of the text.
public func format(_ source: SourceFile) -> (text: String?, diagnostics: [Diagnostic]) {
  let file = parse(source)
  guard !file.diagnostics.hasErrors else { return (nil, file.diagnostics) }
  var layout = Layout(file)
  return (String(decoding: layout.file(), as: UTF8.self), file.diagnostics)
}
