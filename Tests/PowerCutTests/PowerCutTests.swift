import Foundation
import Testing

/// Acknowledged events survive a power cut exactly once, whatever the disk did with unsynced writes.
/// A failing seed is a test case: `FLOW_CUT_SEED=n` runs it alone.
@Suite("Power cuts", .serialized) struct PowerCutTests {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  /// The number of images, and the number for each seed.
  static let cuts = number("FLOW_CUTS") ?? 200
  static let cutsPerSeed = 300

  @Test("acknowledged events survive a power cut exactly once") func acknowledgedEvents() throws {
    let first = PowerCutTests.number("FLOW_CUT_SEED") ?? 0
    var (seed, images, folds) = (first, 0, 0)
    while images < PowerCutTests.cuts {
      let cut = try PowerCut(seed: seed)
      try cut.run(images: min(PowerCutTests.cutsPerSeed, PowerCutTests.cuts - images))
      #expect(cut.findings == [])
      images += cut.images
      folds += cut.folds
      seed += 1
      if first != 0 || !cut.findings.isEmpty { break }
    }
    if first == 0 { #expect(folds > 0, "no journal was folded") }
    print("\(images) images of \(seed - first) loads, \(folds) folded journals in them")
  }

  /// A store that is being created exists completely, or is created again.
  @Test("a power cut during the creation of a store leaves a usable store") func newStore() throws {
    for seed in 1000..<1020 {
      let cut = try PowerCut(seed: seed)
      try cut.run(images: PowerCut.imagesPerCut)
      #expect(cut.findings == [])
    }
  }

  /// The power cuts have to find each planted bug.
  @Test(
    "each planted bug is found",
    arguments: CutLoad.Bug.allCases) func plantedBug(_ bug: CutLoad.Bug) throws
  {
    for seed in 0..<2 {
      let cut = try PowerCut(seed: seed, bug: bug)
      try cut.run(images: PowerCutTests.cutsPerSeed)
      if let found = cut.findings.first { return print("\(bug), image \(cut.images): \(found.prefix(300))") }
    }
    Issue.record("\(2 * PowerCutTests.cutsPerSeed) images did not show that the engine \(bug)")
  }
}
