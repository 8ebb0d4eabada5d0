/// The instances that a list includes.
public struct InstanceFilter: Hashable, Sendable {
  public var flow: String?
  public var status: InstanceStatus?
  /// The prefix of the key, byte for byte.
  public var keyPrefix: String?
  /// Milliseconds since 1970; exclusive.
  public var updatedAfter: Int64?
  public var updatedBefore: Int64?
  /// True to list instances with an incident only.
  public var hasIncident = false
  /// True to list the newest instances first.
  public var isNewestFirst = false

  public init(flow: String? = nil) { self.flow = flow }
}
