/// A run of bytes in the sources of one compilation.
///
/// Offsets count UTF-8 bytes over all files of a ``SourceSet`` laid end to end, so that a range alone names
/// its file. Text without a file, such as a single CEL expression, starts at offset 0.
public struct SourceRange: Hashable, Sendable {
  public var lower: UInt32
  public var upper: UInt32

  public init(_ lower: UInt32, _ upper: UInt32) {
    self.lower = lower
    self.upper = max(lower, upper)
  }

  public var isEmpty: Bool { lower == upper }

  /// The number of bytes.
  public var count: Int { Int(upper - lower) }

  /// The smallest range that holds both.
  public func union(_ other: SourceRange) -> SourceRange {
    SourceRange(min(lower, other.lower), max(upper, other.upper))
  }

  public func contains(_ offset: UInt32) -> Bool { lower <= offset && offset < upper }
}
