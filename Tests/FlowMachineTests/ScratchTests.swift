import Testing

@testable import FlowMachine

/// Reused memory of a step.
@Suite("ScratchArray and BitSet") struct ScratchTests {
  private func filled(_ rows: [Int32]) -> [Int32] {
    var scratch = ScratchArray<Int32>()
    for row in rows { scratch.append(row) }
    scratch.sort()
    return scratch.map { $0 }
  }

  @Test(
    "rows are sorted",
    arguments: [[], [1], [3, 2, 1], [2, 3, 1, 3, 2], Array(0..<100), (0..<100).reversed()] as [[Int32]])
  func sorting(_ rows: [Int32]) { #expect(filled(rows) == rows.sorted()) }

  @Test("a cleared array can be filled again") func removal() {
    var scratch = ScratchArray<Int32>()
    for row in 0..<40 { scratch.append(Int32(row)) }
    scratch.removeAll(from: 3)
    scratch[2] = 9
    #expect(scratch.map { Int($0) } == [0, 1, 9] && !scratch.isEmpty)
    scratch.removeAll()
    #expect(scratch.isEmpty && scratch.count == 0)
    scratch.append(7)
    #expect(scratch.map { Int($0) } == [7])
  }

  /// Sets can be assigned to each other, small or not.
  @Test("sets are assigned as values, small or not") func assignment() {
    let sets: [BitSet] = [BitSet(), BitSet([0, 63]), BitSet([1, 64, 200]), BitSet([64])]
    for one in sets {
      for other in sets {
        var set = one
        set.assign(other)
        #expect(set == other && Array(set.ascending) == Array(other.ascending))
        set.insert(5)
        #expect(!other.contains(5), "a copy is a value")
        set.removeAll()
        #expect(set == BitSet() && set.isEmpty)
      }
    }
  }
}
