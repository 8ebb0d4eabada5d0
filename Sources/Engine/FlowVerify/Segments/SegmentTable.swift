/// The situations in the middle of one step, and the segments between them.
struct SegmentTable {
  /// A segment from one situation to another.
  struct Segment {
    /// The position of the situation before; nil for the beginning of the step.
    var source: Int?
    var target: Int
    var isCertain: Bool
    var microsteps: Int
    var inputs: [Replay.InputSet]
    /// The changes of numbers and sizes, by the part of the data, as far as they are known.
    var changes: [Int: Change]
  }

  /// The change of a number in one segment.
  struct Change: Hashable {
    /// The difference of the numbers before and after.
    var difference: ClosedRange<Int128>
    /// The number after.
    var after: ClosedRange<Int128>
  }

  private(set) var situations: [StepSituation] = []
  /// The undecided conditions of the first way to each situation.
  private(set) var undecided: [[NodeIndex]] = []
  private(set) var segments: [Segment] = []
  private var positions: [StepSituation: Int] = [:]

  mutating func insert(_ situation: StepSituation, undecided conditions: [NodeIndex]) -> Int {
    if let known = positions[situation] { return known }
    positions[situation] = situations.count
    situations.append(situation)
    undecided.append(conditions)
    return situations.count - 1
  }

  mutating func add(_ segment: Segment) {
    // The segments of one situation follow each other.
    for other in segments.reversed() {
      guard other.source == segment.source else { break }
      if other.target == segment.target, other.isCertain || !segment.isCertain, other.inputs == segment.inputs,
        other.changes == segment.changes
      {
        return
      }
    }
    segments.append(segment)
  }

  /// For each situation: true if the sender of the input can bring it about, whatever the data are.
  func certainty() -> [Bool] {
    var found = Array(repeating: false, count: situations.count)
    var isChanged = true
    while isChanged {
      isChanged = false
      for segment in segments where segment.isCertain && !found[segment.target] {
        guard segment.source.map({ found[$0] }) ?? true else { continue }
        found[segment.target] = true
        isChanged = true
      }
    }
    return found
  }

  /// For each situation: the inputs of the ways to it.
  func inputs() -> [[Replay.InputSet]] {
    var found: [[Replay.InputSet]] = Array(repeating: [], count: situations.count)
    var isChanged = true
    while isChanged {
      isChanged = false
      for segment in segments {
        let given = segment.source.map { found[$0] } ?? segment.inputs
        for input in given where !found[segment.target].contains(input) {
          found[segment.target].append(input)
          isChanged = true
        }
      }
    }
    return found
  }

  // MARK: - Termination

  /// A situation of a step that may have more microsteps than an input may have; nil when every way ends in time.
  /// - Parameter isRecovery: True for the part of the step that `on error` reacts with.
  func situationWithoutEnd(isRecovery: Bool, maximumMicrosteps: Int) -> Int? {
    let meant = Set(
      situations.indices.filter { situations[$0].phase == .settling && (situations[$0].recovered != nil) == isRecovery }
    )
    let inner = segments.filter { segment in
      segment.source.map(meant.contains) ?? false && meant.contains(segment.target)
    }
    var targets: [Int: [Int]] = [:]
    for segment in inner { targets[segment.source ?? 0, default: []].append(segment.target) }
    // The last segments of the ways are not in the table.
    let each = Swift.max(segments.map(\.microsteps).max() ?? 1, 1)
    var total = meant.count + 1
    for part in StrongComponents.find(meant, { targets[$0] ?? [] }) {
      guard let length = length(of: Set(part), inner) else { return part.min() }
      total += length - part.count
      if total * each > maximumMicrosteps { return part.min() }
    }
    return total * each > maximumMicrosteps ? meant.min() : nil
  }

  /// The largest number of segments that a run makes in a part with cycles: a number that each round brings closer to a
  /// bound ends them; nil without such a number.
  private func length(of part: Set<Int>, _ inner: [Segment]) -> Int? {
    let segments = inner.filter { part.contains($0.source ?? -1) && part.contains($0.target) }
    guard let first = segments.first else { return nil }
    var best: Int?
    for leaf in first.changes.keys.sorted() {
      for sign in [Int128(1), -1] {
        guard let found = length(of: part, segments, leaf: leaf, sign: sign) else { continue }
        best = Swift.min(best ?? found, found)
      }
    }
    return best
  }

  private func length(of part: Set<Int>, _ segments: [Segment], leaf: Int, sign: Int128) -> Int? {
    var bounds: ClosedRange<Int128>?
    var others: [Int: [Int]] = [:]
    for segment in segments {
      guard let change = segment.changes[leaf] else { return nil }
      let least = sign > 0 ? change.difference.lowerBound : -change.difference.upperBound
      if least < 0 { return nil }
      if least > 0 {
        let known = bounds ?? change.after
        bounds =
          Swift.min(known.lowerBound, change.after.lowerBound)...Swift.max(known.upperBound, change.after.upperBound)
      } else {
        others[segment.source ?? 0, default: []].append(segment.target)
      }
    }
    guard var (low, high) = bounds.map({ ($0.lowerBound, $0.upperBound) }),
      StrongComponents.find(part, { others[$0] ?? [] }).isEmpty
    else { return nil }
    // No round goes back beyond the number with which the part is entered.
    if let entered = entry(into: part, leaf: leaf) {
      if sign > 0 { low = Swift.min(Swift.max(low, entered.lowerBound), high) }
      if sign < 0 { high = Swift.max(Swift.min(high, entered.upperBound), low) }
    }
    let (length, overflow) = high.subtractingReportingOverflow(low)
    guard !overflow, length < 10_000 else { return nil }
    return (Int(length) + 2) * (longest(part, others) + 1)
  }

  /// The bounds of a number at the entries of a part; nil when they are not known.
  private func entry(into part: Set<Int>, leaf: Int) -> ClosedRange<Int128>? {
    var found: ClosedRange<Int128>?
    for segment in segments where part.contains(segment.target) && !(segment.source.map(part.contains) ?? false) {
      guard let after = segment.changes[leaf]?.after else { return nil }
      let known = found ?? after
      found = Swift.min(known.lowerBound, after.lowerBound)...Swift.max(known.upperBound, after.upperBound)
    }
    return found
  }

  /// The length of the longest way without a cycle.
  private func longest(_ part: Set<Int>, _ targets: [Int: [Int]]) -> Int {
    var known: [Int: Int] = [:]
    var open = part.sorted()
    while let node = open.last {
      let next = targets[node] ?? []
      if let missing = next.first(where: { known[$0] == nil }) {
        open.append(missing)
        continue
      }
      open.removeLast()
      known[node] = next.map { (known[$0] ?? 0) + 1 }.max() ?? 0
    }
    return known.values.max() ?? 0
  }
}
