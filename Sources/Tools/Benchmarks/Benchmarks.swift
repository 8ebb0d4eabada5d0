/// Prints what the parts take, side by side in one run: read the ratios, not the numbers.
@main
enum Benchmarks {
  static func main() {
    let wanted = CommandLine.arguments.dropFirst()
    let all: [(String, () -> Void)] = [
      ("guard", ExpressionBenchmark.run), ("step-toggle", StepBenchmark.runToggle),
      ("step-plant", StepBenchmark.runPlant),
      ("step-values", StepBenchmark.runValues),
      ("test", TestBenchmark.run),
      ("check", CheckBenchmark.run), ("engine", EngineBenchmark.run),
      ("server", ServerBenchmark.run), ("live", LiveBenchmark.run), ("timers", TimerBenchmark.run),
    ]
    // A beginning is enough: `step` means all that begin with it.
    for (name, run) in all where wanted.isEmpty || wanted.contains(where: name.hasPrefix) { run() }
  }
}
