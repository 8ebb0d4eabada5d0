import FlowGenerator
import FlowJSON
import FlowRuntime
import Foundation
import Testing

@testable import FlowStoreSQLite

/// Random bits of a store are flipped. Each flip is reported, or has changed nothing that the store holds.
@Suite struct BitFlipTests {
  /// The number of flips; `FLOW_FLIPS` sets it.
  static let flips = ProcessInfo.processInfo.environment["FLOW_FLIPS"].flatMap { Int($0) } ?? 150
  static let seed = ProcessInfo.processInfo.environment["FLOW_FLIP_SEED"].flatMap { Int($0) } ?? 3

  @Test("each flipped bit that changes content is reported") func flips() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "flow-flips-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let original = try store(in: folder)
    let path = folder.appending(path: "flipped.db").path
    let sound = try #require(contents(of: folder.appending(path: "x.db").path))
    #expect(original.count > 200_000)
    var random = SplitMix64(seed: BitFlipTests.seed)
    var (reported, harmless, silent) = (0, 0, 0)
    for _ in 0..<BitFlipTests.flips {
      var bytes = original
      let location = random.next(below: bytes.count * 8)
      bytes[location / 8] ^= 1 << UInt8(location % 8)
      for name in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + name) }
      try Data(bytes).write(to: URL(filePath: path))
      // Only then: a store that is refused is not read.
      if isReported(path) {
        reported += 1
      } else if contents(of: path) == sound {
        harmless += 1
      } else {
        silent += 1
        print("bit \(location % 8) of byte \(location / 8) has changed the contents, and is not reported")
      }
    }
    print("\(BitFlipTests.flips) flips of \(original.count) bytes: \(reported) reported, \(harmless) without effect")
    #expect(reported > BitFlipTests.flips / 2)
    #expect(silent == 0)
  }

  /// Whether the check of a store has something to report, if only that it can't be read.
  private func isReported(_ path: String) -> Bool {
    do throws(StoreError) {
      return try !StoreFile.check(path).isEmpty
    } catch {
      return true
    }
  }

  /// The bytes of a store with some of everything, as a server that was ended leaves it.
  private func store(in folder: URL) throws -> [UInt8] {
    let path = folder.appending(path: "x.db").path
    let load = CutLoad(path: path, seed: 5)
    try load.open()
    for _ in 0..<600 { try load.step() }
    load.close()
    #expect(try StoreFile.check(path) == [])
    return [UInt8](try Data(contentsOf: URL(filePath: path)))
  }
}
