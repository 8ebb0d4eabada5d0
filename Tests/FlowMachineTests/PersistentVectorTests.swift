import FlowGenerator
import Testing

@testable import FlowMachine

/// Lists whose copies share their parts.
@Suite("PersistentVector") struct PersistentVectorTests {
  @Test("elements are read, replaced and compared", arguments: [0, 1, 31, 32, 33, 1023, 1024, 1025, 33_000])
  func elements(_ count: Int) {
    let numbers = (0..<count).map { $0 * 3 }
    let vector = PersistentVector(numbers)
    #expect(vector.elements == numbers && vector.count == count)
    var random = SplitMix64(seed: count)
    var (changed, expected) = (vector, numbers)
    for _ in 0..<min(count, 50) {
      let index = random.next(below: count)
      changed[index] = -index
      expected[index] = -index
    }
    #expect(changed.elements == expected && vector.elements == numbers, "a copy does not change the original")
    let differences = numbers.indices.filter { numbers[$0] != expected[$0] }
    #expect(changed.differences(from: vector) == differences)
    #expect(vector == PersistentVector(numbers))
    #expect((changed == vector) == differences.isEmpty)
  }
}
