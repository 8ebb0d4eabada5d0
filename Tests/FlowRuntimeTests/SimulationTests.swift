import Foundation
import Testing

/// Many seeds of ``Simulation``. A failing seed is a test case: `FLOW_SEED=n` runs it alone.
@Suite("Simulation of the engine under faults") struct SimulationTests {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  static let seeds = number("FLOW_SEED").map { $0..<($0 + 1) } ?? 0..<(number("FLOW_SEEDS") ?? 60)
  static let steps = 200

  private static func findings(seed: Int, bug: Simulation.Bug? = nil) throws -> [String] {
    var simulation = try Simulation(seed: seed, bug: bug)
    for _ in 0..<steps {
      try simulation.step()
      if !simulation.findings.isEmpty { return simulation.findings }
    }
    try simulation.settle()
    return simulation.findings
  }

  @Test("under random faults, each acknowledged event is applied once") func acknowledgedEvents() throws {
    for seed in SimulationTests.seeds {
      let findings = try SimulationTests.findings(seed: seed)
      #expect(findings.isEmpty, "seed \(seed): \(findings.prefix(3).joined(separator: "; "))")
    }
  }

  /// The simulation has to find each planted bug.
  @Test(
    "the simulation finds each planted bug",
    arguments: Simulation.Bug.allCases) func plantedBug(_ bug: Simulation.Bug) throws
  {
    let seed = try (0..<150).first { try !SimulationTests.findings(seed: $0, bug: bug).isEmpty }
    #expect(seed != nil, "150 seeds did not notice that the engine \(bug)")
  }
}
