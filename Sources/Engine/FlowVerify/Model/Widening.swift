import CEL
import FlowIR

/// Keeps the number of sets of a slot finite: beyond a limit, only blocks between the numbers that the flow compares
/// the slot with are distinguished. Slots that no decision depends on have one set.
struct Widening {
  /// The largest distance between two numbers within which each number is a block of its own.
  static let maximumExactRange: Int128 = 256
  /// The instants of inputs, from 2000 to the year 9000: later ones would leave the range of instants soon.
  static let present = ValueSet.whole([946_684_800_000_000_000...221_845_392_000_000_000_000])

  private let precision: Precision
  /// True if a slot matters to a decision.
  private let relevance: [Bool]
  private let types: TypeRegistry
  private let wholes: [ValueSet]
  private var cuts: [[Int128]]
  private var doubleCuts: [[Double]]
  private var texts: [Set<String>]
  private var seen: [Set<SetIndex>]
  private var distant: [Int]
  private let bounds: [ClosedRange<Int128>]
  /// The results of widening, by slot and set.
  private var known: [Key: SetIndex] = [:]

  private struct Key: Hashable {
    var leaf: Int
    var set: SetIndex
  }

  init(_ model: VerifiedFlow, precision: Precision) {
    self.precision = precision
    let layout = model.layout
    let analysis = PlaceAnalysis(model)
    relevance = analysis.isRelevant
    types = model.types
    // Numbers that only grow from 0 stay above it.
    cuts = zip(analysis.numbers, analysis.limits).map { numbers, limits in
      let above = limits.map { $0 + 1 }
      return Set(Widening.boundaries(numbers.union([0]))).union(above).sorted()
    }
    doubleCuts = analysis.doubles.map { Array(Set($0)).sorted() }
    texts = analysis.texts
    seen = Array(repeating: [], count: layout.dataCount)
    distant = Array(repeating: 0, count: layout.dataCount)
    bounds = layout.leafTypes.indices.map { leaf in
      let kind = ValueKind(layout.leafTypes[leaf])
      if kind == .bool || kind == .choice { return Int128.min...Int128.max }
      let known = analysis.bounds[kind == .sized ? .int : kind] ?? 0...0
      return Swift.min(known.lowerBound, 0) - 1...known.upperBound + 2
    }
    wholes = layout.leafTypes.indices.map { leaf in
      let kind = ValueKind(layout.leafTypes[leaf])
      if kind == .sized, let maximum = layout.leafMaxima[leaf] { return .whole([0...Int128(maximum)]) }
      return analysis.isCounter[leaf] ? .whole([-(1 << 61)...(1 << 61)]) : kind.whole
    }
  }

  /// The first number of each block after the first one.
  private static func boundaries(_ numbers: Set<Int128>) -> [Int128] {
    guard let low = numbers.min(), let high = numbers.max() else { return [] }
    if high - low <= maximumExactRange { return Array(low - 1...high + 2) }
    return Array(Set(numbers.flatMap { [$0, $0 + 1] })).sorted()
  }

  /// True if a decision depends on a part of the data.
  func isRelevant(_ leaf: Int) -> Bool { relevance[leaf] }

  /// All values of a type.
  func whole(of type: ValueType, _ pool: inout SetPool) -> SetIndex {
    guard case .enumeration(let name) = type, let declared = types.enumeration(named: name) else {
      return pool.index(of: ValueKind(type).whole)
    }
    let numbers = Set(declared.values.map { Int128($0.number) }).sorted()
    return pool.index(of: .whole(numbers.map { $0...$0 }))
  }

  /// The set that a slot has after a step.
  mutating func widened(_ set: SetIndex, leaf: Int, _ pool: inout SetPool) -> SetIndex {
    if set == .unset { return set }
    guard relevance[leaf] else { return pool.index(of: wholes[leaf]) }
    if let known = known[Key(leaf: leaf, set: set)] { return known }
    let result: SetIndex
    if isKept(set, leaf, pool) {
      result = pool.intersection(set, pool.index(of: wholes[leaf]))
    } else {
      result = pool.index(of: blocks(pool[set], leaf).intersection(wholes[leaf]))
    }
    known[Key(leaf: leaf, set: set)] = result
    return result
  }

  /// True if a set is followed as it is: one of the first ones.
  private mutating func isKept(_ set: SetIndex, _ leaf: Int, _ pool: SetPool) -> Bool {
    if pool[set] == .anything { return true }
    guard seen[leaf].count < precision.exactSets else { return false }
    if let bounds = pool[set].numberBounds, isDistant(bounds, leaf) {
      guard distant[leaf] < precision.distantSets else { return false }
      distant[leaf] += 1
    }
    seen[leaf].insert(set)
    return true
  }

  /// True for a bounded range that reaches beyond the numbers that matter.
  private func isDistant(_ bounds: ClosedRange<Int128>, _ leaf: Int) -> Bool {
    bounds.lowerBound < self.bounds[leaf].lowerBound || bounds.upperBound > self.bounds[leaf].upperBound
  }

  private func blocks(_ set: ValueSet, _ leaf: Int) -> ValueSet {
    switch set {
    case .anything, .unset: return set
    case .whole:
      guard let bounds = set.numberBounds else { return set }
      let low = cuts[leaf].last { $0 <= bounds.lowerBound } ?? .min
      let high = cuts[leaf].first { $0 > bounds.upperBound }.map { $0 - 1 } ?? .max
      return .whole([low...high])
    case .doubles(let spans, let hasNaN):
      guard let first = spans.first, let last = spans.last else { return set }
      return .doubles([span(from: first.low, to: last.high, of: leaf)], hasNaN: hasNaN)
    case .texts(let given, let isComplement):
      let named = texts[leaf]
      if isComplement { return .texts(given.intersection(named), isComplement: true) }
      return given.isSubset(of: named) ? set : .texts(named.subtracting(given), isComplement: true)
    }
  }

  /// The blocks of doubles are the numbers that the flow names and what lies between them.
  private func span(from low: Double, to high: Double, of leaf: Int) -> DoubleSpan {
    var span = DoubleSpan.all
    if let below = doubleCuts[leaf].last(where: { $0 <= low }) {
      (span.low, span.isLowOpen) = (below, below < low)
    }
    if let above = doubleCuts[leaf].first(where: { $0 >= high }) {
      (span.high, span.isHighOpen) = (above, above > high)
    }
    return span
  }
}

/// The effort of one exploration: which sets of values are distinguished, and when a coarser exploration takes over.
struct Precision {
  /// The number of sets of one slot that are kept as they are.
  var exactSets: Int
  /// The number of those among them with numbers beyond the ones that the flow compares the slot with.
  var distantSets: Int
  /// The number of conditions whose answers are kept from step to step.
  var predicates: Int
  /// The number of situations, and of microsteps of all ways, after which the exploration ends.
  var situations: Int
  var microsteps: Int

  /// The finest exploration first.
  static let levels = [
    Precision(exactSets: 40, distantSets: 6, predicates: 16, situations: 2500, microsteps: 60_000),
    Precision(exactSets: 8, distantSets: 2, predicates: 8, situations: 4000, microsteps: 150_000),
    Precision(exactSets: 3, distantSets: 1, predicates: 3, situations: .max, microsteps: .max),
  ]
}
