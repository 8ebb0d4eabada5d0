/// A process that serves a store together with others.
public struct NodeRow: Hashable, Sendable {
  /// The random identity of the process.
  public var id: String
  /// The URL of its API.
  public var address: String
  /// The version of Flow.
  public var version: String
  /// `owner`, `standby` or `draining`.
  public var role: String
  /// The versions of the tables that it can open.
  public var formats: ClosedRange<Int64>
  /// The instant at which it was last seen, in milliseconds since 1970 by the clock of the database.
  public var seenAt: Int64
  /// True if it was seen recently.
  public var isAlive: Bool
  /// The instant at which the owner has claimed the store, in milliseconds since 1970; nil for other nodes.
  public var ownerSince: Int64?
  /// The number of calls of actions that it runs; nil for a node that runs none for the owner.
  public var calls: Int?

  public init(
    id: String, address: String, version: String, role: String, formats: ClosedRange<Int64>, seenAt: Int64,
    isAlive: Bool
  ) {
    self.id = id
    self.address = address
    self.version = version
    self.role = role
    self.formats = formats
    self.seenAt = seenAt
    self.isAlive = isAlive
  }
}
