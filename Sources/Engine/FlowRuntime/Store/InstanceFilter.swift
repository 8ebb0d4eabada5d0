/// Which instances a list is about.
public struct InstanceFilter: Hashable, Sendable {
  public var flow: String?
  /// The index of one of ``InstanceRow/statusNames``.
  public var status: Int?
  /// What the key begins with, byte for byte.
  public var keyPrefix: String?
  /// Milliseconds since 1970; the bounds themselves are out.
  public var updatedAfter: Int64?
  public var updatedBefore: Int64?
  /// By their number from the newest to the oldest, instead of the other way round.
  public var isNewestFirst = false

  public init(flow: String? = nil) { self.flow = flow }
}
