import CEL
import FlowCompiler
import FlowDiagnostics
import FlowGenerator
import FlowSource
import FlowTestSupport
import Foundation
import Testing

/// Error recovery, measured: valid programs are broken by one random edit of a token, and most get exactly one error.
@Suite struct SingleEditTests {
  /// The lowest acceptable share of broken programs with exactly one error, in percent. It may only be raised.
  static let lowestShare = 95
  static let count = 1000

  struct Edit {
    let sample: Sample
    let text: [UInt8]
    let summary: String
  }

  static let samples = Sample.all(in: "samples") + Sample.all(in: "Tests/FlowCompilerTests/Corpus/accepted")

  /// Deletes a token, doubles it, or swaps it with the next one.
  private func edit(_ random: inout SplitMix64) -> Edit {
    let sample = random.pick(SingleEditTests.samples)
    var text = Array(sample.text.utf8)
    let tokens = tokenize(text).filter { !$0.range.isEmpty }
    let index = random.next(below: tokens.count - 1)
    let (first, second) = (tokens[index].range, tokens[index + 1].range)
    let bytes = { (range: SourceRange) in Array(text[Int(range.lower)..<Int(range.upper)]) }
    let (left, right) = (bytes(first), bytes(second))
    let between = bytes(SourceRange(first.upper, second.lower))
    let line = 1 + text[..<Int(first.lower)].count { $0 == 0x0A }
    let summary: String
    switch random.next(below: 3) {
    case 0:
      text.removeSubrange(Int(first.lower)..<Int(first.upper))
      summary = "deleted"
    case 1:
      text.insert(contentsOf: left + [0x20], at: Int(first.lower))
      summary = "doubled"
    default:
      text.replaceSubrange(
        Int(first.lower)..<Int(second.upper), with: right + (between.isEmpty ? [0x20] : between) + left)
      summary = "swapped with `\(String(decoding: right, as: UTF8.self))`"
    }
    return Edit(
      sample: sample, text: text,
      summary: "\(sample.name):\(line): `\(String(decoding: left, as: UTF8.self))` \(summary)")
  }

  private func errors(_ edit: Edit) -> (sources: SourceSet, errors: [Diagnostic]) {
    let name = edit.sample.url.lastPathComponent
    let compilation = FlowCompiler.check(roots: [name]) { path in
      let url = edit.sample.url.deletingLastPathComponent().appending(path: path)
      return path == name ? edit.text : (try? Data(contentsOf: url)).map { Array($0) }
    }
    return (compilation.sources, compilation.diagnostics.filter { $0.severity == .error })
  }

  @Test("most programs broken by one edit of a token get exactly one error")
  func oneEditGivesOneError() throws {
    var random = SplitMix64(state: 14)
    var counts: [Int: Int] = [:]
    var report = ""
    while counts.values.reduce(0, +) < SingleEditTests.count {
      let edit = edit(&random)
      let (sources, errors) = errors(edit)
      guard !errors.isEmpty else { continue }
      counts[min(errors.count, 5), default: 0] += 1
      if errors.count > 1 { report += "\(edit.summary)\n" + renderConcise(errors, sources: sources) + "\n" }
    }
    let share = (counts[1] ?? 0) * 100 / SingleEditTests.count
    if let path = ProcessInfo.processInfo.environment["FLOW_EDITS"] {
      let numbers = counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
      try Data("\(numbers)\n\n\(report)".utf8).write(to: URL(filePath: path))
    }
    #expect(share >= SingleEditTests.lowestShare, "exactly one error in \(share) %")
  }
}
