import FlowCompiler
import FlowGenerator
import FlowSource
import FlowSyntax
import Glibc

/// Checking and formatting a project of three sizes: the lines per second should not depend on the size.
enum CheckBenchmark {
  static func run() {
    for lines in [1000, 10_000, 100_000] { run(lines: lines) }
  }

  private static func run(lines: Int) {
    let project = generateProject(lines: lines)
    let files = Dictionary(uniqueKeysWithValues: project.map { ($0.path, Array($0.text.utf8)) })
    let bytes = files.values.reduce(0) { $0 + $1.count }
    let count = files.values.reduce(0) { $0 + $1.count { $0 == UInt8(ascii: "\n") } }
    let rounds = lines > 10_000 ? 3 : 5
    let size = "\(count) lines"

    resetPeak()
    let before = memory("VmRSS:")
    guard compile(["main.flow"], isLowered: false, load: { files[$0] }).diagnostics.hasErrors == false else {
      return report("check  \(size)", "did not compile")
    }
    let peak = memory("VmHWM:") - before

    let sources = project.map { SourceFile(name: $0.path, text: Array($0.text.utf8)) }
    let parsing = measure(turns: 1, rounds: rounds) { for source in sources { _ = parse(source) } }
    let formatting = measure(turns: 1, rounds: rounds) { for source in sources { _ = format(source) } }
    let checking = measure(turns: 1, rounds: rounds) {
      _ = compile(["main.flow"], isLowered: false, load: { files[$0] })
    }
    let room = share(Double(peak), of: Double(bytes))
    report(
      "check  \(size)", speed(count, checking),
      note: "\(share(checking, of: parsing)) of parsing alone; memory \(room) of the text")
    report("format \(size)", speed(count, formatting), note: "\(share(formatting, of: parsing)) of parsing alone")
  }

  private static func speed(_ lines: Int, _ nanoseconds: Double) -> String {
    "\(Int(Double(lines) / nanoseconds * 1_000_000)) lines/ms, \(short(nanoseconds / 1_000_000)) ms"
  }

  private static func share(_ part: Double, of whole: Double) -> String { "\(short(part / whole)) ×" }

  /// A size of this process in bytes, from `/proc/self/status`.
  private static func memory(_ name: String) -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix(name) else { continue }
      return (Int(text.dropFirst(name.count).filter(\.isNumber)) ?? 0) * 1024
    }
    return 0
  }

  /// Resets the peak (`man 5 proc`, `clear_refs`).
  private static func resetPeak() {
    guard let file = fopen("/proc/self/clear_refs", "w") else { return }
    fputs("5", file)
    fclose(file)
  }
}
