import Foundation
import Testing

/// What was acknowledged is there after a power cut, once, whatever the disk has made of what it was not yet made to
/// keep. A seed that fails is a test case: `FLOW_CUT_SEED=n` runs it alone.
@Suite(.serialized) struct PowerCutTests {
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  /// How many images are looked at, and how many of them come of one seed.
  static let cuts = number("FLOW_CUTS") ?? 200
  static let cutsPerSeed = 300

  @Test func nothingAcknowledgedIsLost() throws {
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

  /// A store that is being made is there, or is made again.
  @Test func aNewStoreIsNeverHalf() throws {
    for seed in 1000..<1020 {
      let cut = try PowerCut(seed: seed)
      try cut.run(images: PowerCut.imagesPerCut)
      #expect(cut.findings == [])
    }
  }

  /// The tester is tested: a mistake that is made on purpose does not go unnoticed.
  @Test(arguments: CutLoad.Bug.allCases) func aPlantedBugIsFound(_ bug: CutLoad.Bug) throws {
    for seed in 0..<2 {
      let cut = try PowerCut(seed: seed, bug: bug)
      try cut.run(images: PowerCutTests.cutsPerSeed)
      if let found = cut.findings.first { return print("\(bug), image \(cut.images): \(found.prefix(300))") }
    }
    Issue.record("\(2 * PowerCutTests.cutsPerSeed) images did not show that the engine \(bug)")
  }
}
