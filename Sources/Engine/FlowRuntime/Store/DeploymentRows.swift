/// The program of new instances of a flow.
public struct DeploymentRow: Hashable, Sendable {
  public var flow: String
  /// The hash of the program.
  public var definition: String
  /// `files` or `api`.
  public var origin: String
  /// Milliseconds since 1970.
  public var at: Int64
  public var isRetired: Bool

  public init(flow: String, definition: String, origin: String, at: Int64, isRetired: Bool) {
    self.flow = flow
    self.definition = definition
    self.origin = origin
    self.at = at
    self.isRetired = isRetired
  }
}
