/// One value during evaluation: 16 bytes, copied freely, valid until its arena is reset.
///
/// Scalars are stored in the slot; strings, lists, maps and records are addresses of blocks in an arena or in a
/// ``FrozenSlots``. Every reader checks the tag first, so that a wrong slot causes an error and never an invalid
/// access.
public struct Slot: BitwiseCopyable, Sendable {
  /// The number, or the address of the content.
  var payload: UInt64
  /// From the lowest bit: 32 of ``count``, 16 of ``extra``, 8 of ``tag``, 8 of ``flags``. One word is copied faster.
  private var description: UInt64

  public enum Tag: UInt8, Sendable, BitwiseCopyable {
    /// No value yet.
    case unset = 0
    case error = 1
    /// Not known in this evaluation.
    case unknown = 2
    case null, bool, int, uint, double, string, bytes, timestamp, duration, list, map, record, enumeration, optional
    case type, ip, cidr
  }

  static let asciiFlag: UInt8 = 1

  @inline(__always)
  init(_ tag: Tag, payload: UInt64 = 0, count: UInt32 = 0, extra: UInt16 = 0, flags: UInt8 = 0) {
    self.payload = payload
    description = UInt64(count) | UInt64(extra) << 32 | UInt64(tag.rawValue) << 48 | UInt64(flags) << 56
  }

  @inline(__always) public var tag: Tag {
    // Only written from a tag; the raw values of the tags are its memory.
    unsafeBitCast(UInt8(truncatingIfNeeded: description >> 48), to: Tag.self)
  }

  /// Bytes of a string, elements of a list, entries of a map, fields of a record, nanoseconds of an instant.
  @inline(__always) var count: UInt32 {
    get { UInt32(truncatingIfNeeded: description) }
    set { description = description & ~0xFFFF_FFFF | UInt64(newValue) }
  }

  /// The number of a record's or enum's type, the prefix length of a network.
  @inline(__always) var extra: UInt16 {
    get { UInt16(truncatingIfNeeded: description >> 32) }
    set { description = description & ~0xFFFF_0000_0000 | UInt64(newValue) << 32 }
  }

  @inline(__always) var flags: UInt8 { UInt8(truncatingIfNeeded: description >> 56) }

  /// A slot without a value; reading it is an error that names the variable.
  public static let unset = Slot(.unset)
  /// Marks a variable as unknown: a result that depends on it is unknown, too.
  public static let unknown = Slot(.unknown)
  public static let null = Slot(.null)
  public static let none = Slot(.optional)

  @inline(__always) public static func bool(_ value: Bool) -> Slot { Slot(.bool, payload: value ? 1 : 0) }
  @inline(__always) public static func int(_ value: Int64) -> Slot {
    Slot(.int, payload: UInt64(bitPattern: value))
  }
  @inline(__always) public static func uint(_ value: UInt64) -> Slot { Slot(.uint, payload: value) }
  @inline(__always) public static func double(_ value: Double) -> Slot { Slot(.double, payload: value.bitPattern) }
  public static func timestamp(_ value: Timestamp) -> Slot {
    Slot(.timestamp, payload: UInt64(bitPattern: value.seconds), count: value.nanoseconds)
  }
  public static func duration(_ value: Duration) -> Slot {
    Slot(.duration, payload: UInt64(bitPattern: value.nanoseconds))
  }

  public var isUnset: Bool { tag == .unset }

  /// Compares the bits: the same scalar, or the same address.
  @inline(__always) func isSame(_ other: Slot) -> Bool {
    payload == other.payload && description == other.description
  }
  public var isUnknown: Bool { tag == .unknown }

  /// True when the slot has no value: unset, unknown or an error.
  @inline(__always) var isAbnormal: Bool { tag.rawValue < 3 }
}

// MARK: - Content

extension Slot {
  @inline(__always) var asBool: Bool { payload != 0 }
  @inline(__always) var asInt: Int64 { Int64(bitPattern: payload) }
  @inline(__always) var asUInt: UInt64 { payload }
  @inline(__always) var asDouble: Double { Double(bitPattern: payload) }
  var asTimestamp: Timestamp { Timestamp(seconds: Int64(bitPattern: payload), nanoseconds: count) }
  var asDuration: Duration { Duration(nanoseconds: Int64(bitPattern: payload)) }

  var isASCII: Bool { flags & Slot.asciiFlag != 0 }

  @inline(__always) var address: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: UInt(payload)) }

  /// The bytes of a string, of bytes, of a type's name or of an address.
  @inline(__always) var utf8: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: address.map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }, count: Int(count))
  }

  /// The elements of a list, the fields of a record; alternating keys and values of a map; the content of an optional.
  @inline(__always) var elements: UnsafeMutableBufferPointer<Slot> {
    UnsafeMutableBufferPointer(start: address?.assumingMemoryBound(to: Slot.self), count: elementCount)
  }

  @inline(__always) var elementCount: Int {
    switch tag {
    case .list, .record: Int(count)
    case .map: Int(count) * 2
    case .optional: payload == 0 ? 0 : 1
    default: 0
    }
  }

  /// The content of an optional.
  var content: Slot? { tag == .optional && payload != 0 ? elements[0] : nil }

  var string: String { String(decoding: utf8, as: UTF8.self) }

  /// The bytes of memory that the slot points to, including nested values.
  var deepBytes: Int {
    switch tag {
    case .string, .bytes, .type, .ip, .cidr: (Int(utf8.count) + 15) & ~15
    case .list, .map, .record, .optional: address.map { BlockHeader.of($0).pointee.bytes } ?? 0
    default: 0
    }
  }

  var depth: Int {
    switch tag {
    case .list, .map, .record, .optional: address.map { Int(BlockHeader.of($0).pointee.depth) } ?? 1
    default: 0
    }
  }
}

/// The header before the slots of every list, map, record and optional.
struct BlockHeader: BitwiseCopyable {
  /// The size of this block with all values that it refers to; bounds every traversal of the value.
  var bytes: Int
  var depth: UInt32
  var reserved: UInt32 = 0

  static let size = 16

  @inline(__always) static func of(_ elements: UnsafeMutableRawPointer) -> UnsafeMutablePointer<BlockHeader> {
    (elements - size).assumingMemoryBound(to: BlockHeader.self)
  }
}
