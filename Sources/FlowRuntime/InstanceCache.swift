/// The instances that were used last, in memory.
///
/// Two generations: what is used goes to the younger one; when that is full it becomes the older one, and what nobody
/// has used since is dropped as a whole. So each use costs a look-up or two, and dropping nothing at all.
struct InstanceCache {
  /// How many instances a generation holds.
  private let capacity: Int
  private var young: [InstanceID: Cached] = [:]
  private var old: [InstanceID: Cached] = [:]
  /// The names of the instances by the numbers of their rows, in the same generations.
  private var youngNames: [Int64: InstanceID] = [:]
  private var oldNames: [Int64: InstanceID] = [:]

  init(capacity: Int) { self.capacity = capacity }

  mutating func find(_ id: InstanceID) -> Cached? {
    if let cached = young[id] { return cached }
    guard let cached = old.removeValue(forKey: id) else { return nil }
    keep(cached, as: id)
    return cached
  }

  mutating func find(row: Int64) -> Cached? {
    guard let id = youngNames[row] ?? oldNames[row] else { return nil }
    return find(id)
  }

  mutating func keep(_ cached: Cached, as id: InstanceID) {
    young[id] = cached
    youngNames[cached.row.id] = id
  }

  mutating func drop(_ id: InstanceID) {
    guard let cached = young.removeValue(forKey: id) ?? old[id] else { return }
    old[id] = nil
    youngNames[cached.row.id] = nil
    oldNames[cached.row.id] = nil
  }

  mutating func drop(row: Int64) {
    if let id = youngNames[row] ?? oldNames[row] { drop(id) }
  }

  /// Lets the generations change when the younger one is full; to be called when nothing depends on either.
  mutating func age() {
    guard young.count >= capacity else { return }
    old = young
    oldNames = youngNames
    young = [:]
    youngNames = [:]
  }
}
