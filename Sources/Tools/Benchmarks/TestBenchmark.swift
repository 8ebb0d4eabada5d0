import FlowCompiler
import FlowDiagnostics
import FlowTesting

/// The steps per second of `flow test`: sending, expecting and recording coverage. A test that passes writes no trace.
enum TestBenchmark {
  private static let pairs = 1000

  static func run() {
    var test = "test \"many\" {\n  send Begin{}  expect state off\n"
    for turn in 0..<pairs {
      test +=
        "  send Flip{weight: 1}  expect state on_\n  send Flip{weight: \(turn + 1)}  expect data flips > \(turn)\n"
    }
    let text = StepBenchmark.toggle + "\n" + test + "}\n"
    let compilation = compile("bench.flow", load: { _ in Array(text.utf8) })
    guard let program = compilation.program, let test = compilation.tests.first,
      let runner = try? TestRunner(program, style: .plain)
    else { return report("flow test", "did not compile") }
    let result = runner.run(test)
    guard result.hasPassed else { return report("flow test", result.failure?.message ?? "failed") }
    let time = measure(turns: 1) { _ = runner.run(test) }
    let perSecond = Double(result.steps) / time * 1_000_000_000
    report(
      "flow test", "\(Int(perSecond)) steps/s",
      note: "\(result.steps) steps, each with an expectation and coverage")
  }
}
