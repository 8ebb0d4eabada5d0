import FlowGenerator
import Foundation
import Testing

/// Compares the interpreter with a second, simpler implementation of statecharts on random charts and inputs.
/// `FLOW_THOROUGH=1` runs a hundred thousand of them.
@Suite("Interpreter compared with a model") struct ModelTests {
  static let isThorough = ProcessInfo.processInfo.environment["FLOW_THOROUGH"] != nil
  /// Divided into ranges that run in parallel.
  static let seeds = (0..<4 as Range<UInt64>).map { part in
    let count: UInt64 = isThorough ? 25_000 : 250
    return (part * count)..<((part + 1) * count)
  }

  private func drawn(_ seed: UInt64) -> (chart: Chart, inputs: [ChartInput]) {
    var generator = ChartGenerator(seed: seed)
    let chart = generator.chart()
    return (chart, generator.inputs(20, locations: chart.root.all.count))
  }

  /// Each step is repeated from a stored and restored instance, and must produce the same bytes.
  @Test(
    "the interpreter agrees with the model on random charts",
    arguments: seeds) func randomCharts(_ seeds: Range<UInt64>) throws
  {
    var refused = 0
    var outcomes: [String: Int] = [:]
    for seed in seeds {
      let (chart, inputs) = drawn(seed)
      guard var comparison = try DifferentialTest(chart) else {
        refused += 1
        continue
      }
      do {
        try comparison.run(inputs, patience: seed % 16 == 0 ? 1000 : 100)
        outcomes.merge(comparison.outcomes, uniquingKeysWith: +)
      } catch {
        let finding = Finding(chart, inputs)?.smallest
        Issue.record("seed \(seed): \(finding.map { "\($0)" } ?? "\(error)")")
        return
      }
    }
    // Half of the charts have a state that the compiler proves unreachable.
    #expect(refused * 5 < seeds.count * 3, "\(refused) of \(seeds.count) charts were refused")
    let rarest = ["raised-not-handled", "invariant-broken", "role-missing", "not-handled", "guard-false"]
    for outcome in ["applied", "ignored", "deferred", "evaluation-failed"] + rarest {
      #expect(outcomes[outcome, default: 0] > 0, "no input was \(outcome)")
    }
  }

  /// The comparison must be able to fail: it finds each planted bug of the model.
  @Test(
    "each planted bug of the model is found",
    arguments: Model.Mistake.allCases) func plantedBug(_ mistake: Model.Mistake) throws
  {
    let found = (0..<300 as Range<UInt64>).first { seed in
      let (chart, inputs) = drawn(seed)
      return Finding(chart, inputs, mistake, patience: 50) != nil
    }
    #expect(found != nil, "no chart shows \(mistake)")
  }
}
