import FlowGenerator
import Foundation
import Testing

/// The interpreter against a second, simpler reading of what statecharts mean, over random charts and inputs.
/// `FLOW_THOROUGH=1` takes a hundred thousand of them.
@Suite struct ModelTests {
  static let isThorough = ProcessInfo.processInfo.environment["FLOW_THOROUGH"] != nil
  /// Split, so that the two processors share them.
  static let seeds = (0..<4 as Range<UInt64>).map { part in
    let count: UInt64 = isThorough ? 25_000 : 250
    return (part * count)..<((part + 1) * count)
  }

  private func drawn(_ seed: UInt64) -> (chart: Chart, inputs: [ChartInput]) {
    var generator = ChartGenerator(seed: seed)
    let chart = generator.chart()
    return (chart, generator.inputs(20, places: chart.root.all.count))
  }

  /// Each step is made a second time of an instance that was kept and restored, and has to come to the same bytes.
  @Test(arguments: seeds) func theInterpreterDoesWhatTheModelDoes(_ seeds: Range<UInt64>) throws {
    var refused = 0
    var outcomes: [String: Int] = [:]
    for seed in seeds {
      let (chart, inputs) = drawn(seed)
      guard var duel = try DifferentialTest(chart) else {
        refused += 1
        continue
      }
      do {
        try duel.play(inputs, patience: seed % 16 == 0 ? 1000 : 100)
        outcomes.merge(duel.outcomes, uniquingKeysWith: +)
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

  /// Whoever compares has to be able to lose: a mistake that is put into the model is found before long.
  @Test(arguments: Model.Mistake.allCases) func aMistakeIsFound(_ mistake: Model.Mistake) throws {
    let found = (0..<300 as Range<UInt64>).first { seed in
      let (chart, inputs) = drawn(seed)
      return Finding(chart, inputs, mistake, patience: 50) != nil
    }
    #expect(found != nil, "no chart shows \(mistake)")
  }
}
