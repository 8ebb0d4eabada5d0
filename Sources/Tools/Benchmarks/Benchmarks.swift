/// Runs the benchmarks side by side: compare the ratios, not the absolute numbers.
///
/// Arguments are prefixes of the benchmarks to run; `--json` prints an object per line. The tools of
/// `Tests/Peers`, and `check-growth LIMIT`, are run by name, with their arguments.
@main
enum Benchmarks {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst().filter { $0 != "--json" }
    if let first = arguments.first, let tool = PeerTools.all[first] { return tool(Array(arguments.dropFirst())) }
    let prefixes = arguments
    let all: [(String, () -> Void)] = [
      ("guard", ExpressionBenchmark.run), ("step-toggle", StepBenchmark.runToggle),
      ("step-plant", StepBenchmark.runPlant),
      ("step-values", StepBenchmark.runValues),
      ("test", TestBenchmark.run),
      ("check", CheckBenchmark.run), ("editor", EditorBenchmark.run), ("engine", EngineBenchmark.run),
      ("server", ServerBenchmark.run), ("live", LiveBenchmark.run), ("timers", TimerBenchmark.run),
      ("workflow", WorkflowBenchmark.run), ("fan-out", FanOutBenchmark.run), ("nodes", NodeBenchmark.run),
      ("growth", ShapeBenchmark.run),
    ]
    // A prefix selects all benchmarks that start with it.
    for (name, run) in all where prefixes.isEmpty || prefixes.contains(where: name.hasPrefix) { run() }
  }
}
