/// A set of transitions of one flow, by index. Up to 64 transitions are held in one word, without an allocation.
public struct TransitionSet: Hashable, Sendable {
  private(set) var bits = BitSet()

  public init() {}

  @inline(__always) public func contains(_ transition: Int) -> Bool { bits.contains(transition) }

  /// - Returns: True if the transition was not a member.
  @discardableResult @inline(__always) public mutating func insert(_ transition: Int) -> Bool {
    guard !bits.contains(transition) else { return false }
    bits.insert(transition)
    return true
  }

  @inline(__always) mutating func assign(_ other: borrowing BitSet) { bits.assign(other) }

  public mutating func formUnion(_ other: borrowing TransitionSet) { bits.formUnion(other.bits) }

  /// The number of members.
  public var count: Int { bits.count }
}
