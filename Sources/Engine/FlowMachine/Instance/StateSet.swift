public import FlowIR

/// A set of states of one flow. Up to 64 states are held in one word, without an allocation.
public struct StateSet: Hashable, Sendable {
  private var bits = BitSet()

  public init() {}

  public init(_ states: some Sequence<StateIndex>) { for state in states { insert(state) } }

  @inline(__always) public var isEmpty: Bool { bits.isEmpty }

  @inline(__always) public func contains(_ state: StateIndex) -> Bool { bits.contains(state.position) }

  @inline(__always) public mutating func insert(_ state: StateIndex) { bits.insert(state.position) }

  @inline(__always) public mutating func remove(_ state: StateIndex) { bits.remove(state.position) }

  /// Copies another set, without reference counting when both are small.
  @inline(__always) mutating func assign(_ other: borrowing StateSet) { bits.assign(other.bits) }

  public mutating func formUnion(_ other: borrowing StateSet) { bits.formUnion(other.bits) }

  /// The number of members.
  public var count: Int { bits.count }

  /// The first member that is not before `start` in document order.
  @inline(__always) func next(from start: StateIndex) -> StateIndex? {
    bits.next(from: start.position).map { StateIndex($0) }
  }

  /// The last member before `end` in document order.
  @inline(__always) func last(before end: StateIndex) -> StateIndex? {
    bits.last(before: end.position).map { StateIndex($0) }
  }

  /// The members in document order.
  public var ascending: some Sequence<StateIndex> { bits.ascending.lazy.map { StateIndex($0) } }
}
