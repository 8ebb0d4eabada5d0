import Synchronization

/// A counter that only increases; adding is lock-free.
final class Counter: Sendable {
  private let value = Atomic<Int>(0)

  func add(_ count: Int = 1) { value.add(count, ordering: .relaxed) }

  var count: Int { value.load(ordering: .relaxed) }
}

/// A number that can increase and decrease; changing it is lock-free.
final class Gauge: Sendable {
  private let value = Atomic<Int>(0)

  func add(_ change: Int) { value.add(change, ordering: .relaxed) }

  func set(_ number: Int) { value.store(number, ordering: .relaxed) }

  var current: Int { value.load(ordering: .relaxed) }
}

/// The distribution of a quantity over buckets; adding is lock-free.
final class Histogram: Sendable {
  /// The bounds for durations in seconds, from cache hits to user-visible delays.
  static let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

  let bounds: [Double]
  private let buckets: [Counter]
  private let micros = Counter()

  init(_ bounds: [Double] = Histogram.seconds) {
    self.bounds = bounds
    buckets = (0...bounds.count).map { _ in Counter() }
  }

  func observe(_ value: Double) {
    buckets[bounds.firstIndex { value <= $0 } ?? bounds.count].add()
    micros.add(Int(value * 1e6))
  }

  var sum: Double { Double(micros.count) / 1e6 }

  /// The number of values up to each bound, and finally the number of all values.
  var cumulative: [Int] {
    var total = 0
    return buckets.map { bucket in
      total += bucket.count
      return total
    }
  }
}

/// Instruments of one kind, distinguished by the values of their labels.
final class Family<Instrument: Sendable>: Sendable {
  /// The maximum number of members; further ones are counted as `other`.
  static var maximumMembers: Int { 2000 }

  let name: String
  let help: String
  let labels: [String]
  private let make: @Sendable () -> Instrument
  private let members = Mutex<[[String]: Instrument]>([:])

  init(_ name: String, help: String, labels: [String], make: @escaping @Sendable () -> Instrument) {
    self.name = name
    self.help = help
    self.labels = labels
    self.make = make
  }

  subscript(_ values: String...) -> Instrument {
    members.withLock { members in
      if let known = members[values] { return known }
      let isFull = members.count >= Family.maximumMembers
      let values = isFull ? values.map { _ in "other" } : values
      if let known = members[values] { return known }
      let fresh = make()
      members[values] = fresh
      return fresh
    }
  }

  /// In the order of their labels.
  var all: [(labels: [String], instrument: Instrument)] {
    members.withLock { members in
      members.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
    }
  }
}
