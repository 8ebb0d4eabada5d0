/// The first parts of qualified names: `a` of `a.b`.
struct NameRoots: Sendable {
  private var roots: Set<String> = []

  init(_ names: some Sequence<String> = []) {
    for name in names { add(name) }
  }

  /// Adds the first part of a name that has several.
  mutating func add(_ name: String) {
    if let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")) { roots.insert(String(name[..<dot])) }
  }

  func contains(_ name: String) -> Bool { roots.contains(name) }
}
