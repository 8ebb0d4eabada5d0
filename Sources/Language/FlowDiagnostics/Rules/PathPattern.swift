/// A pattern of paths: `*` is any run within a name, `?` one character of it, `**` any number of folders.
public struct PathPattern: Hashable, Sendable {
  private let parts: [Substring]

  public init(_ text: String) { parts = text.split(separator: "/") }

  /// Matches the whole path.
  /// - Complexity: O(path × pattern): of several `**` or `*` only the last one has to be tried again.
  public func matches(_ path: String) -> Bool {
    PathPattern.fits(path.split(separator: "/"), parts, isAny: { $0 == "**" }) { name, part in
      PathPattern.fits(Array(name), Array(part), isAny: { $0 == "*" }) { $1 == "?" || $0 == $1 }
    }
  }

  private static func fits<Item>(
    _ items: [Item], _ pattern: [Item], isAny: (Item) -> Bool, isOne: (Item, Item) -> Bool
  ) -> Bool {
    var item = 0
    var part = 0
    var retry: (item: Int, part: Int)?
    while item < items.count {
      if part < pattern.count, isAny(pattern[part]) {
        retry = (item, part)
        part += 1
      } else if part < pattern.count, isOne(items[item], pattern[part]) {
        item += 1
        part += 1
      } else if let last = retry {
        retry = (last.item + 1, last.part)
        item = last.item + 1
        part = last.part + 1
      } else {
        return false
      }
    }
    return pattern[part...].allSatisfy(isAny)
  }
}
