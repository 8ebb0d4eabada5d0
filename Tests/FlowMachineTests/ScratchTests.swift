import Testing

@testable import FlowMachine

/// The memory that a step uses again and again.
@Suite struct ScratchTests {
  private func filled(_ rows: [Int32]) -> [Int32] {
    var scratch = ScratchArray<Int32>()
    for row in rows { scratch.append(row) }
    scratch.sort()
    return scratch.map { $0 }
  }

  @Test(arguments: [[], [1], [3, 2, 1], [2, 3, 1, 3, 2], Array(0..<100), (0..<100).reversed()] as [[Int32]])
  func rowsAreSorted(_ rows: [Int32]) { #expect(filled(rows) == rows.sorted()) }

  @Test func whatIsEmptiedBeginsAnew() {
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

  /// Sets take each other's place, whether they are small or not.
  @Test func setsAreAssigned() {
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
