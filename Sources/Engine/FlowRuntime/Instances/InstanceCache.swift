public import FlowMachine

/// The recently used instances, in memory.
///
/// The cache has two generations: a used instance moves to the younger one; when that is full it becomes the older one,
/// and all instances not used since are dropped together. So a use costs one or two look-ups, and eviction is free.
struct InstanceCache {
  /// Instances by the numbers of their rows, and those numbers by flow and key.
  private struct Generation {
    var instances: [Int64: Cached] = [:]
    var rows: [InstanceID: Int64] = [:]
  }

  /// The maximum number of instances of a generation.
  private let capacity: Int
  private var young = Generation()
  private var old = Generation()

  init(capacity: Int) { self.capacity = capacity }

  mutating func find(_ id: InstanceID) -> Cached? { (young.rows[id] ?? old.rows[id]).flatMap { find(row: $0) } }

  mutating func find(row: Int64) -> Cached? {
    if let cached = young.instances[row] { return cached }
    guard let cached = old.instances[row] else { return nil }
    store(cached)
    return cached
  }

  mutating func store(_ cached: Cached) {
    let known = young.instances.updateValue(cached, forKey: cached.row.id)
    if known == nil { young.rows[InstanceID(cached.row)] = cached.row.id }
  }

  mutating func drop(row: Int64) {
    guard let cached = young.instances[row] ?? old.instances[row] else { return }
    let id = InstanceID(cached.row)
    young.instances[row] = nil
    old.instances[row] = nil
    young.rows[id] = nil
    old.rows[id] = nil
  }

  /// Makes the younger generation the older one when it is full. Called between batches.
  mutating func age() {
    guard young.instances.count >= capacity else { return }
    old = young
    young = Generation()
  }
}

/// An instance in memory with its row. Immutable and a reference, because a step passes it on many times.
final class Cached {
  let row: InstanceRow
  let instance: Instance
  let version: Version
  /// False until the items of a position of an earlier version are rows of their own.
  let hasStoredItems: Bool
  /// The job of the call that started it; nil for an instance that was not called, or whose key is the number of its
  /// job.
  let job: Int64?

  init(row: InstanceRow, instance: Instance, version: Version, job: Int64?, hasStoredItems: Bool = true) {
    self.row = row
    self.instance = instance
    self.version = version
    self.job = job
    self.hasStoredItems = hasStoredItems
  }

  /// The same instance with another row.
  func with(row: InstanceRow) -> Cached {
    Cached(row: row, instance: instance, version: version, job: job, hasStoredItems: hasStoredItems)
  }
}

extension InstanceStatus {
  init(_ status: Instance.Status) {
    switch status {
    case .running: self = .running
    case .done: self = .done
    case .failed: self = .failed
    }
  }

  /// The status of the instance in its state machine.
  public var machineStatus: Instance.Status {
    switch self {
    case .running, .suspended: .running
    case .done: .done
    case .failed, .cancelled: .failed
    }
  }
}
