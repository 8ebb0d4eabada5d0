/// The instances that were used last, in memory.
///
/// Two generations: what is used goes to the younger one; when that is full it becomes the older one, and what nobody
/// has used since is dropped as a whole. So each use costs a look-up or two, and dropping nothing at all.
struct InstanceCache {
  /// Instances by the numbers of their rows, and those numbers by their names.
  private struct Generation {
    var instances: [Int64: Cached] = [:]
    var rows: [InstanceID: Int64] = [:]
  }

  /// How many instances a generation holds.
  private let capacity: Int
  private var young = Generation()
  private var old = Generation()

  init(capacity: Int) { self.capacity = capacity }

  mutating func find(_ id: InstanceID) -> Cached? { (young.rows[id] ?? old.rows[id]).flatMap { find(row: $0) } }

  mutating func find(row: Int64) -> Cached? {
    if let cached = young.instances[row] { return cached }
    guard let cached = old.instances[row] else { return nil }
    keep(cached)
    return cached
  }

  mutating func keep(_ cached: Cached) {
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

  /// Lets the generations change when the younger one is full; to be called when nothing depends on either.
  mutating func age() {
    guard young.instances.count >= capacity else { return }
    old = young
    young = Generation()
  }
}
