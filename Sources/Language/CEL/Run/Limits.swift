/// Limits of one evaluation.
public struct Limits: Hashable, Sendable {
  /// Steps: about one for each instruction inside a loop, and one for each 16 bytes or element that a function visits.
  public var fuel: Int
  /// Bytes of memory between two resets.
  public var memoryBytes: Int
  /// Bytes of a single value with all that it holds.
  public var valueBytes: Int

  public init(fuel: Int = 5_000_000, memoryBytes: Int = 64 << 20, valueBytes: Int = 16 << 20) {
    self.fuel = fuel
    self.memoryBytes = memoryBytes
    self.valueBytes = valueBytes
  }

  public static let `default` = Limits()
}
