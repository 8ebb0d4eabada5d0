import FlowGenerator
import Foundation
import Testing

/// The interpreter against a second, simpler reading of what statecharts mean, over random charts and inputs.
/// `FLOW_THOROUGH=1` takes a hundred thousand of them.
@Suite struct ModelTests {
  static let isThorough = ProcessInfo.processInfo.environment["FLOW_THOROUGH"] != nil
  /// Split, so that the two processors share them.
  static let seeds = (0..<4 as Range<UInt64>).map { part in
    let count: UInt64 = isThorough ? 25_000 : 350
    return (part * count)..<((part + 1) * count)
  }

  @Test(arguments: seeds) func theInterpreterDoesWhatTheModelDoes(_ seeds: Range<UInt64>) throws {
    var refused = 0
    for seed in seeds {
      var generator = ChartGenerator(seed: seed)
      let chart = generator.chart()
      let inputs = generator.inputs(24, places: chart.root.all.count)
      guard var duel = try Duel(chart) else {
        refused += 1
        continue
      }
      do {
        try duel.play(inputs)
      } catch let difference as Duel.Difference {
        Issue.record("seed \(seed): \(difference)\n\(chart.text)")
        return
      }
    }
    #expect(refused * 4 < seeds.count, "\(refused) charts were refused")
  }
}
