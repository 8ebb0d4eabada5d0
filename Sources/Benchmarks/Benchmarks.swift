/// Prints what the parts take, side by side in one run: read the ratios, not the numbers.
@main
enum Benchmarks {
  static func main() {
    let wanted = CommandLine.arguments.dropFirst()
    let all: [(String, () -> Void)] = [
      ("guard", ExpressionBenchmark.run), ("step", StepBenchmark.run),
      ("check", CheckBenchmark.run), ("engine", EngineBenchmark.run),
      ("server", ServerBenchmark.run), ("live", LiveBenchmark.run), ("timers", TimerBenchmark.run),
    ]
    for (name, run) in all where wanted.isEmpty || wanted.contains(name) { run() }
  }
}
