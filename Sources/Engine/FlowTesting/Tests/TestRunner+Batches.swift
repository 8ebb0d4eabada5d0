public import FlowIR
import FlowMachine
public import FlowSource

// Many tests at once. Each is independent of the others.
extension TestRunner {
  /// A part of the tests, for one processor.
  private struct Batch: Sendable {
    struct Item: Sendable {
      let test: TestCase
      let machine: Machine
      let text: StepText
    }

    var items: [Item] = []

    /// Runs the tests with runners of its own.
    /// - Returns: A report for each, and the coverage of the tests of each machine, from that of the first to the last.
    func run(tracesPassed: Bool) -> (reports: [TestReport], coverages: [(first: Int, coverage: Coverage)]) {
      var reports: [TestReport] = []
      var runners: [(first: Int, runner: TestRunner)] = []
      for (position, item) in items.enumerated() {
        if runners.last?.runner.stepper.machine !== item.machine {
          runners.append((position, TestRunner(item.machine, item.text)))
        }
        guard let runner = runners.last?.runner else { continue }
        reports.append(runner.run(item.test, tracesPassed: tracesPassed))
      }
      return (reports, runners.map { ($0.first, $0.runner.coverage) })
    }
  }

  /// The number of batches is larger than that of processors, because some tests take longer than others.
  private static let batches = 64

  /// Runs tests, each with the runner of its program, which receives the coverage.
  /// - Parameter tracesPassed: True to write the traces also of tests that pass.
  /// - Returns: The reports in the order of the tests.
  public static func run(
    _ tests: [(test: TestCase, runner: TestRunner)], tracesPassed: Bool = false, parallelism: Parallelism
  ) -> [TestReport] {
    let size = tests.count / batches + 1
    let parts = stride(from: 0, to: tests.count, by: size).map { start in
      Batch(
        items: tests[start..<min(start + size, tests.count)].map {
          Batch.Item(test: $0.test, machine: $0.runner.stepper.machine, text: $0.runner.text)
        })
    }
    let results = parallelism.map(count: parts.count) { parts[$0].run(tracesPassed: tracesPassed) }
    for (number, result) in results.enumerated() {
      for (first, coverage) in result.coverages { tests[number * size + first].runner.add(coverage) }
    }
    return results.flatMap(\.reports)
  }
}
