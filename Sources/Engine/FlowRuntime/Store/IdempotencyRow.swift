/// The record of a used idempotency key.
public struct IdempotencyRow: Hashable, Sendable {
  public var scope: String
  public var key: String
  /// A digest of the request.
  public var digest: Int64
  /// The journal entry of the step, from which the answer is reconstructed.
  public var sequence: Int64
  /// Milliseconds since 1970.
  public var at: Int64

  public init(scope: String, key: String, digest: Int64, sequence: Int64, at: Int64) {
    self.scope = scope
    self.key = key
    self.digest = digest
    self.sequence = sequence
    self.at = at
  }
}
