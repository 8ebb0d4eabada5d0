import FlowCompiler
import FlowDiagnostics
import FlowSource

// The changes that `--fix` and `--add-ignore` make to files.
extension LintCommand {
  /// The maximum number of passes: a fix may enable another one.
  private static let maximumPasses = 10

  /// Rewrites the files, or, with `--diff`, prints the changes.
  /// - Throws: `UsageError` when a file can't be written.
  func rewrite(_ files: [String]) throws(UsageError) {
    let before = Dictionary(files.map { ($0, readSource($0) ?? []) }) { first, _ in first }
    var texts = before
    if arguments[LintOptions.fix] { Terminal.errorOutput("\(fix(files, in: &texts)) fixed\n") }
    if let reason = arguments[LintOptions.addIgnore] {
      Terminal.errorOutput("\(ignore(files, in: &texts, reason: reason)) ignored\n")
    }
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) where before[path] != text {
      try write(path, from: before[path] ?? [], to: text)
    }
  }

  private func findings(
    in files: [String], texts: [String: [UInt8]]
  ) -> (found: [Diagnostic], sources: SourceSet) {
    let compilation = FlowCompiler.check(roots: files) { texts[$0] ?? readSource($0) }
    return (compilation.filtered(by: selection(for: compilation.sources)), compilation.sources)
  }

  /// Replaces texts unless the new ones have syntax errors; the result is the number of changes.
  private func change(
    _ files: [String], in texts: inout [String: [UInt8]],
    rewrite: (SourceFile, [Diagnostic]) -> (text: [UInt8], count: Int)
  ) -> Int {
    let (found, sources) = findings(in: files, texts: texts)
    var sum = 0
    for file in sources.files where texts[file.name] != nil {
      let (text, count) = rewrite(file, found.filter { sources.file(at: $0.range.lower)?.name == file.name })
      guard count > 0, isStillValid(text, of: file) else { continue }
      texts[file.name] = text
      sum += count
    }
    return sum
  }

  private func fix(_ files: [String], in texts: inout [String: [UInt8]]) -> Int {
    var sum = 0
    for _ in 0..<LintCommand.maximumPasses {
      let count = change(files, in: &texts) { file, found in
        applyFixes(of: found, to: file, isUnsafeTaken: arguments[LintOptions.unsafe])
      }
      if count == 0 { break }
      sum += count
    }
    return sum
  }

  private func ignore(_ files: [String], in texts: inout [String: [UInt8]], reason: String) -> Int {
    change(files, in: &texts) { file, found in addSuppressions(of: found, to: file, reason: reason) }
  }

  private func isStillValid(_ text: [UInt8], of file: SourceFile) -> Bool {
    let syntax = ["F101", "F102"]
    func mistakes(_ text: [UInt8]) -> Int {
      FlowCompiler.check(roots: [file.name]) { $0 == file.name ? text : readSource($0) }
        .diagnostics.count { syntax.contains($0.code) }
    }
    return mistakes(text) <= mistakes(file.text)
  }

  private func write(_ path: String, from old: [UInt8], to new: [UInt8]) throws(UsageError) {
    if arguments[LintOptions.diff] {
      let texts = (String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self))
      Terminal.output(UnifiedDiff(name: path, old: texts.0, new: texts.1).text)
      return
    }
    guard replaceFile(path, new) else { throw UsageError("cannot write `\(path)`") }
  }
}
