/// A page of the running instances of a flow, by number.
public struct InstancePage: Hashable, Sendable {
  public var ids: [Int64]
  /// The number after which the next page starts; nil when this is the last one.
  public var end: Int64?

  /// - Parameters:
  ///   - lists: The instances of each status in ascending order. `end` is the last number that was visited if there may
  ///     be more, and nil otherwise.
  ///   - limit: The number of instances of the page.
  public init(_ lists: [(ids: [Int64], end: Int64?)], limit: Int) {
    let visited = lists.compactMap(\.end).min()
    let found = lists.flatMap(\.ids).filter { id in visited.map { id <= $0 } ?? true }.sorted()
    ids = Array(found.prefix(limit))
    end = found.count > limit ? ids.last : visited
  }
}
