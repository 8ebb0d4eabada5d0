import CEL
import FlowCompiler
import FlowDiagnostics
import FlowGenerator
import FlowIR
import FlowJSON
import FlowSource
import FlowSyntax
import FlowTestSupport
import Foundation
import Testing

/// Properties of every program, checked on random ones: `FLOW_THOROUGH=1` runs ten times as many.
@Suite struct GeneratedProgramTests {
  static let isThorough = ProcessInfo.processInfo.environment["FLOW_THOROUGH"] != nil
  /// Divided into ranges that run in parallel.
  static let seeds = (0..<4 as Range<UInt64>).map { part in
    let count: UInt64 = isThorough ? 2500 : 250
    return (part * count)..<((part + 1) * count)
  }

  private func compiled(_ text: String) -> Compilation {
    compile("main.flow") { $0 == "main.flow" ? Array(text.utf8) : nil }
  }

  private func formatted(_ text: String) -> String? {
    format(SourceFile(name: "main.flow", text: Array(text.utf8))).text
  }

  @Test("formatting generated programs keeps their meaning", arguments: seeds) func formattingKeepsMeaning(
    _ seeds: Range<UInt64>
  ) throws {
    for seed in seeds {
      let text = generateProgram(seed: seed, size: 1 + Int(seed % 6))
      let compilation = compiled(text)
      let errors = compilation.diagnostics.filter { $0.severity == .error }
      let program = try #require(
        compilation.program, "seed \(seed): \(renderConcise(errors, sources: compilation.sources))\n\(text)")
      let form = try #require(formatted(ruffled(text, seed: seed)))
      try #require(formatted(form) == form, "seed \(seed)\n\(form)")
      let again = try #require(compiled(form).program, "seed \(seed)\n\(form)")
      try #require(meaning(of: again) == meaning(of: program), "seed \(seed)\n\(form)")
    }
  }

  @Test(
    "formatting the samples keeps their meaning",
    arguments: Sample.all(below: "samples") + Sample.all(in: "Tests/FlowCompilerTests/Corpus/accepted"))
  func formattingSamplesKeepsMeaning(_ sample: Sample) throws {
    let load = { (path: String) -> [UInt8]? in
      let url = sample.url.deletingLastPathComponent().appending(path: path)
      return (try? Data(contentsOf: url)).map { Array($0) }
    }
    let name = sample.url.lastPathComponent
    let form = try #require(formatted(ruffled(sample.text, seed: 1)))
    let before = try #require(compile(name, load: load).program)
    let after = try #require(compile(name) { $0 == name ? Array(form.utf8) : load($0) }.program)
    #expect(meaning(of: before) == meaning(of: after))
  }

  /// After any deletion, insertion or swap, the compiler terminates quickly.
  @Test("damaged programs are diagnosed without a crash", arguments: seeds) func damagedText(_ seeds: Range<UInt64>)
    throws
  {
    for seed in seeds {
      var random = SplitMix64(state: seed)
      var bytes = Array(generateProgram(seed: seed, size: 2).utf8)
      for _ in 0...random.next(below: 4) { damage(&bytes, &random) }
      let compilation = compile("main.flow") { $0 == "main.flow" ? bytes : nil }
      let form = format(SourceFile(name: "main.flow", text: bytes))
      if let text = form.text {
        try #require(formatted(text) == text, "seed \(seed)")
        let again = compiled(text)
        try #require((again.program == nil) == (compilation.program == nil), "seed \(seed)\n\(text)")
      } else {
        let isText = String(validating: bytes, as: UTF8.self) != nil
        #expect(form.diagnostics.hasErrors && (compilation.program == nil || !isText), "seed \(seed)")
      }
    }
  }

  @Test("a generated project of many files compiles") func projectCompiles() {
    let files = Dictionary(uniqueKeysWithValues: generateProject(lines: 2000).map { ($0.path, Array($0.text.utf8)) })
    #expect(files.count > 5)
    let compilation = compile("main.flow") { files[$0] }
    #expect(compilation.program != nil)
    let errors = compilation.diagnostics.filter { $0.severity == .error }
    #expect(errors.isEmpty, "\(renderConcise(errors, sources: compilation.sources))")
  }
}

/// The same text with different white space and comments.
private func ruffled(_ text: String, seed: UInt64) -> String {
  var random = SplitMix64(state: seed)
  let source = SourceFile(name: "", text: Array(text.utf8))
  var result = ""
  var end: UInt32 = 0
  for token in tokenize(source.text) {
    let gap = source.string(SourceRange(end, token.range.lower))
    if gap.isEmpty || gap.contains("/") {
      result += gap
    } else {
      result += random.next(below: 4) > 0 ? gap : random.pick([" ", "\n", "\n\n\n", "  ", " // why\n", "\n// why\n"])
    }
    result += source.string(token.range)
    end = token.range.upper
  }
  return result
}

/// A cut, an insertion, or a swap.
private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
  guard bytes.count > 20 else { return }
  let at = random.next(below: bytes.count - 10)
  switch random.next(below: 4) {
  case 0: bytes.removeSubrange(at..<(at + 1 + random.next(below: 9)))
  case 1:
    let texts = ["{", "}", "(", "->", " in ", "\"", "//", ",", "30m", "\0", "ü"]
    bytes.insert(contentsOf: Array(random.pick(texts).utf8), at: at)
  case 2: bytes.swapAt(at, random.next(below: bytes.count))
  default: bytes[at] = UInt8(random.next(below: 256))
  }
}

/// The program without source locations and the white space of its expressions.
private func meaning(of program: Program) -> JSON { stripped(program.json) }

private func stripped(_ json: JSON) -> JSON {
  switch json {
  case .object(let members):
    return .object(
      members.compactMap { member in
        switch (member.name, member.value) {
        case ("at", .int), ("at", .string), ("line", _): nil
        case ("text", .string(let text)): .init("text", .string(tokens(of: text)))
        case ("nodes", .array(let nodes)): .init("nodes", .array(nodes.map(withoutRange)))
        default: .init(member.name, stripped(member.value))
        }
      })
  case .array(let items): return .array(items.map(stripped))
  default: return json
  }
}

/// A node of a tree is a list of its kind, the two ends of its range, its type and its children.
private func withoutRange(_ node: JSON) -> JSON {
  guard let parts = node.array, parts.count > 3 else { return node }
  return .array([parts[0]] + parts.dropFirst(3))
}

private func tokens(of text: String) -> String {
  let bytes = Array(text.utf8)
  return tokenize(bytes).map { String(decoding: bytes[Int($0.range.lower)..<Int($0.range.upper)], as: UTF8.self) }
    .joined(separator: " ")
}
