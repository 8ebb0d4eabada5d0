import Foundation
import Testing

/// What was acknowledged is there after a power cut, once, whatever the disk has made of what it was not yet made to
/// keep. A seed that fails is a test case: `FLOW_CUT_SEED=n` runs it alone.
@Suite(.serialized) struct PowerCutTests {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  /// How many images are looked at, and how many of them come of one seed.
  static let cuts = number("FLOW_CUTS") ?? 300
  static let cutsPerSeed = 150

  @Test func nothingAcknowledgedIsLost() throws {
    let first = PowerCutTests.number("FLOW_CUT_SEED") ?? 0
    var (seed, images) = (first, 0)
    while images < PowerCutTests.cuts {
      let cut = try PowerCut(seed: seed)
      try cut.run(images: min(PowerCutTests.cutsPerSeed, PowerCutTests.cuts - images))
      #expect(cut.findings == [])
      images += cut.images
      seed += 1
      if first != 0 || !cut.findings.isEmpty { break }
    }
    print("\(images) images of \(seed - first) loads")
  }

  /// The tester is tested: a mistake that is made on purpose does not go unnoticed.
  @Test(arguments: CutLoad.Bug.allCases) func aPlantedBugIsFound(_ bug: CutLoad.Bug) throws {
    for seed in 0..<5 {
      let cut = try PowerCut(seed: seed, bug: bug)
      try cut.run(images: PowerCutTests.cutsPerSeed)
      if let found = cut.findings.first { return print("\(bug), image \(cut.images): \(found.prefix(300))") }
    }
    Issue.record("\(5 * PowerCutTests.cutsPerSeed) images did not show that the engine \(bug)")
  }
}
