/// A reference to a part of a program: the position of that part in its list.
///
/// Each kind of part has an index type of its own, so that a state can't be looked up by the index of an event.
/// Documents hold the plain number.
public protocol ProgramIndex: BitwiseCopyable, Hashable, Sendable, Strideable, CustomStringConvertible,
  ExpressibleByIntegerLiteral
where Stride == Int {
  /// The position in the list, from 0.
  var rawValue: Int32 { get }

  init(rawValue: Int32)
}

extension ProgramIndex {
  /// The index of the part at a position.
  ///
  /// - Precondition: `position` fits in 32 bits, as the lists of a validated program do.
  @inlinable public init(_ position: Int) { self.init(rawValue: Int32(position)) }

  @inlinable public init(integerLiteral value: Int32) { self.init(rawValue: value) }

  /// The position in the list, from 0.
  @inlinable public var position: Int { Int(rawValue) }

  /// The index of the part that follows in the list.
  @inlinable public var next: Self { Self(rawValue: rawValue &+ 1) }

  @inlinable public static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }

  @inlinable public static func == (one: Self, other: Self) -> Bool { one.rawValue == other.rawValue }

  @inlinable public func distance(to other: Self) -> Int { other.position - position }

  @inlinable public func advanced(by distance: Int) -> Self { Self(position + distance) }

  public var description: String { "\(rawValue)" }
}

/// The index of a state in ``Flow/states``, in document order.
@frozen public struct StateIndex: ProgramIndex {
  /// The flow itself, around all other states.
  public static let root = StateIndex(rawValue: 0)

  public let rawValue: Int32

  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// The index of an event in ``Program/events``.
@frozen public struct EventIndex: ProgramIndex {
  public let rawValue: Int32

  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// The index of a flow in ``Program/flows``.
@frozen public struct FlowIndex: ProgramIndex {
  public let rawValue: Int32

  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// The index of a call or a step in ``Flow/calls``.
@frozen public struct CallIndex: ProgramIndex {
  public let rawValue: Int32

  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
}
