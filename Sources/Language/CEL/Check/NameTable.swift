/// Names with their meanings. A copy shares most of the table, so that each scope of a large program costs only what it
/// adds.
///
/// The newest entries are a dictionary of their own, with at most as many as the root of the number of the others; then
/// both become one.
/// - Complexity: O(√n) for the first change of a copy; O(√n) amortized for an entry.
struct NameTable<Element: Sendable>: Sendable {
  private final class Shared: Sendable {
    let entries: [String: Element]

    init(_ entries: [String: Element]) { self.entries = entries }
  }

  private static var minimum: Int { 16 }

  private var shared: Shared?
  /// The entries that differ from the shared ones; nil for a removed name.
  private var own: [String: Element?] = [:]

  subscript(name: String) -> Element? {
    get {
      if !own.isEmpty, let found = own[name] { return found }
      return shared?.entries[name]
    }
    set {
      own[name] = .some(newValue)
      let count = own.count
      if count > Self.minimum, count * count > shared?.entries.count ?? 0 { merge() }
    }
  }

  private mutating func merge() {
    shared = Shared(entries)
    own = [:]
  }

  /// All names with their meanings.
  /// - Complexity: O(n).
  var entries: [String: Element] {
    var all = shared?.entries ?? [:]
    for (name, element) in own { all[name] = element }
    return all
  }

  /// All names.
  /// - Complexity: O(n).
  var keys: [String] { Array(entries.keys) }
}
