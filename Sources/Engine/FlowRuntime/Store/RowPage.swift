/// Rows that were read together: at most as many as were asked for, and fewer when they are large.
public struct RowPage<Row: Sendable>: RandomAccessCollection, Sendable {
  /// The bytes of contents after which a page ends.
  public static var maximumBytes: Int { 8 << 20 }

  public private(set) var rows: [Row] = []
  /// True if more rows may follow the last one.
  public private(set) var hasMore = false
  private let limit: Int
  private var bytes = 0

  /// An empty page.
  /// - Parameter limit: The highest number of rows.
  public init(limit: Int) { self.limit = limit }

  public var startIndex: Int { 0 }
  public var endIndex: Int { rows.count }

  public subscript(index: Int) -> Row { rows[index] }

  /// Adds a row.
  /// - Parameter count: The bytes of its contents.
  /// - Returns: Whether there is room for another one.
  public mutating func add(_ row: Row, bytes count: Int) -> Bool {
    rows.append(row)
    bytes += count
    hasMore = rows.count >= limit || bytes >= Self.maximumBytes
    return !hasMore
  }
}
