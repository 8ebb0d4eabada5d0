import FlowCompiler
import FlowDiagnostics
import FlowSource

// What `--fix` and `--add-ignore` write into the files.
extension LintCommand {
  /// How often fixes are looked for again after others were carried out.
  private static let maximumPasses = 10

  /// Rewrites the files, or, with `--diff`, shows how; false when a file can't be written.
  func rewrite(_ files: [String]) -> Bool {
    let before = Dictionary(files.map { ($0, readFile($0) ?? []) }) { first, _ in first }
    var texts = before
    if arguments.has("fix") { Terminal.error("\(fix(files, &texts)) fixed\n") }
    if let reason = arguments.value("add-ignore") {
      Terminal.error("\(ignore(files, &texts, reason)) ignored\n")
    }
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) where before[path] != text {
      guard write(path, from: before[path] ?? [], to: text) else { return false }
    }
    return true
  }

  private func heard(_ files: [String], _ texts: [String: [UInt8]]) -> (found: [Diagnostic], sources: SourceSet) {
    let compilation = FlowCompiler.check(roots: files) { texts[$0] ?? readFile($0) }
    return (compilation.filtered(by: selection(for: compilation.sources)), compilation.sources)
  }

  /// Puts new texts in the place of old ones unless they would no longer be flows; the sum of what was changed.
  private func change(
    _ files: [String], _ texts: inout [String: [UInt8]],
    _ rewritten: (SourceFile, [Diagnostic]) -> (text: [UInt8], count: Int)
  ) -> Int {
    let (found, sources) = heard(files, texts)
    var sum = 0
    for file in sources.files where texts[file.name] != nil {
      let (text, count) = rewritten(file, found.filter { sources.file(at: $0.range.lower)?.name == file.name })
      guard count > 0, isStillAFlow(text, file) else { continue }
      texts[file.name] = text
      sum += count
    }
    return sum
  }

  private func fix(_ files: [String], _ texts: inout [String: [UInt8]]) -> Int {
    var sum = 0
    for _ in 0..<LintCommand.maximumPasses {
      let count = change(files, &texts) { file, found in
        applyFixes(of: found, to: file, isUnsafeTaken: arguments.has("unsafe"))
      }
      if count == 0 { break }
      sum += count
    }
    return sum
  }

  private func ignore(_ files: [String], _ texts: inout [String: [UInt8]], _ reason: String) -> Int {
    change(files, &texts) { file, found in addSuppressions(of: found, to: file, reason: reason) }
  }

  private func isStillAFlow(_ text: [UInt8], _ file: SourceFile) -> Bool {
    let syntax = ["F101", "F102"]
    func mistakes(_ text: [UInt8]) -> Int {
      FlowCompiler.check(roots: [file.name]) { $0 == file.name ? text : readFile($0) }
        .diagnostics.count { syntax.contains($0.code) }
    }
    return mistakes(text) <= mistakes(file.text)
  }

  private func write(_ path: String, from old: [UInt8], to new: [UInt8]) -> Bool {
    if arguments.has("diff") {
      let texts = (String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self))
      Terminal.output(UnifiedDiff(name: path, old: texts.0, new: texts.1).text)
      return true
    }
    if replaceFile(path, new) { return true }
    Terminal.complain("cannot write `\(path)`")
    return false
  }
}
