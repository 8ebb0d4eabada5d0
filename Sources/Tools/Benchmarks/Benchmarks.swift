/// Runs the benchmarks side by side: compare the ratios, not the absolute numbers.
@main
enum Benchmarks {
  static func main() {
    let prefixes = CommandLine.arguments.dropFirst()
    let all: [(String, () -> Void)] = [
      ("guard", ExpressionBenchmark.run), ("step-toggle", StepBenchmark.runToggle),
      ("step-plant", StepBenchmark.runPlant),
      ("step-values", StepBenchmark.runValues),
      ("test", TestBenchmark.run),
      ("check", CheckBenchmark.run), ("editor", EditorBenchmark.run), ("engine", EngineBenchmark.run),
      ("server", ServerBenchmark.run), ("live", LiveBenchmark.run), ("timers", TimerBenchmark.run),
    ]
    // A prefix selects all benchmarks that start with it.
    for (name, run) in all where prefixes.isEmpty || prefixes.contains(where: name.hasPrefix) { run() }
  }
}
