import CEL

/// The kind of the values of a slot or a term.
enum ValueKind: UInt8, Hashable, Sendable {
  case bool, int, uint, double, text, instant, length, choice
  /// A list or a map, known by its size.
  case sized
  /// Anything else.
  case other

  /// True when values are whole numbers in a fixed range that arithmetic may leave.
  var isWhole: Bool {
    switch self {
    case .bool, .int, .uint, .instant, .length, .choice, .sized: true
    case .double, .text, .other: false
    }
  }

  /// The numbers that a value of the kind may have.
  var range: ClosedRange<Int128>? {
    switch self {
    case .bool: 0...1
    case .int, .choice, .length: Int128(Int64.min)...Int128(Int64.max)
    case .uint: 0...Int128(UInt64.max)
    case .instant: ValueKind.instants
    case .sized: 0...Int128(UInt32.max)
    case .double, .text, .other: nil
    }
  }

  private static let instants =
    Int128(Timestamp.minimumSeconds) * 1_000_000_000...Int128(Timestamp.maximumSeconds) * 1_000_000_000 + 999_999_999

  init(_ type: ValueType) {
    self =
      switch type {
      case .bool: .bool
      case .int: .int
      case .uint: .uint
      case .double: .double
      case .string: .text
      case .timestamp: .instant
      case .duration: .length
      case .enumeration: .choice
      case .list, .map: .sized
      default: .other
      }
  }

  /// The kind of a number; nil for other values.
  init?(_ value: Value) {
    switch value {
    case .int: self = .int
    case .uint: self = .uint
    case .timestamp: self = .instant
    case .duration: self = .length
    default: return nil
    }
  }

  /// All values of the kind.
  var whole: ValueSet {
    switch self {
    case .double: .allDoubles
    case .text: .allTexts
    case .other: .anything
    default: range.map { .whole([$0]) } ?? .anything
    }
  }
}
