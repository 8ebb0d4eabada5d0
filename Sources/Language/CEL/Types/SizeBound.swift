import FlowSource

/// The largest size of the values of a field: elements of a list, entries of a map, characters of a string, or bytes.
public struct SizeBound: Hashable, Sendable {
  /// The name of the field, for messages.
  public var name: String
  public var maximum: Int

  public init(name: String, maximum: Int) {
    self.name = name
    self.maximum = maximum
  }

  /// True for types whose values have a size: lists, maps, strings, bytes, and optionals of them.
  public static func isPossible(for type: ValueType) -> Bool {
    switch type {
    case .list, .map, .string, .bytes: true
    case .optional(let wrapped): isPossible(for: wrapped)
    default: false
    }
  }

  /// The message for a value that is larger than the bound.
  func message(_ excess: SizeExcess) -> String { "`\(name)` holds \(excess)" }
}

/// The size of a value that is larger than its bound; as text `at most 100 elements, not 101`.
public struct SizeExcess: Hashable, Sendable, CustomStringConvertible {
  enum Unit: Hashable, Sendable { case element, entry, character, byte }

  var size: Int
  var maximum: Int
  var unit: Unit

  /// Nil for a size within the maximum.
  init?(_ size: Int, _ unit: Unit, maximum: Int) {
    guard size > maximum else { return nil }
    self.size = size
    self.maximum = maximum
    self.unit = unit
  }

  public var description: String {
    let units =
      switch unit {
      case .element: counted(maximum, "element")
      case .entry: maximum == 1 ? "1 entry" : "\(maximum) entries"
      case .character: counted(maximum, "character")
      case .byte: counted(maximum, "byte")
      }
    return "at most \(units), not \(size)"
  }
}

extension Value {
  /// The size of a value that is larger than a maximum; nil for other values and for those without a size.
  public func excess(over maximum: Int) -> SizeExcess? {
    switch self {
    case .list(let values): SizeExcess(values.count, .element, maximum: maximum)
    case .map(let map): SizeExcess(map.entries.count, .entry, maximum: maximum)
    case .string(let text): SizeExcess(text.unicodeScalars.count, .character, maximum: maximum)
    case .bytes(let bytes): SizeExcess(bytes.count, .byte, maximum: maximum)
    case .optional(let content): content.flatMap { $0.excess(over: maximum) }
    default: nil
    }
  }

  /// The value without the elements, entries, characters or bytes beyond a maximum.
  public func truncated(to maximum: Int?) -> Value {
    guard let maximum, excess(over: maximum) != nil else { return self }
    switch self {
    case .list(let values): return .list(Array(values.prefix(maximum)))
    case .map(let map): return .map(MapValue(Array(map.entries.prefix(maximum))))
    case .string(let text): return .string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(maximum))))
    case .bytes(let bytes): return .bytes(Array(bytes.prefix(maximum)))
    case .optional(let content): return .optional(content.map { $0.truncated(to: maximum) })
    default: return self
    }
  }
}

extension TypedExpression {
  /// The size of a value that is written out and larger than a maximum; nil for a size that is not known.
  public func excess(over maximum: Int) -> SizeExcess? {
    if let constant { return constant.excess(over: maximum) }
    switch kind {
    case .list(let elements):
      return SizeExcess(elements.count { !$0.isOptional }, .element, maximum: maximum)
    case .map(let entries): return SizeExcess(entries.count { !$0.isOptional }, .entry, maximum: maximum)
    case .coerce(let operand): return operand.excess(over: maximum)
    default: return nil
    }
  }
}

extension Evaluator {
  /// Checks the size of a value that a field is assigned.
  ///
  /// - Throws: `EvaluationError` when the value is larger than the bound.
  /// - Complexity: O(1), except for strings that are not ASCII and have more bytes than the bound has characters.
  public func require(_ slot: Slot, within bound: SizeBound) throws(EvaluationError) {
    guard let excess = excess(of: slot, over: bound.maximum) else { return }
    throw EvaluationError(bound.message(excess), at: SourceRange(0, 0))
  }

  /// The size of a value that is larger than a maximum; nil for other values.
  func excess(of slot: Slot, over maximum: Int) -> SizeExcess? {
    switch slot.tag {
    case .list: SizeExcess(Int(slot.count), .element, maximum: maximum)
    case .map: SizeExcess(Int(slot.count), .entry, maximum: maximum)
    case .bytes: SizeExcess(Int(slot.count), .byte, maximum: maximum)
    // A string has no more characters than bytes.
    case .string where Int(slot.count) > maximum: SizeExcess(codePoints(slot), .character, maximum: maximum)
    case .optional: slot.content.flatMap { excess(of: $0, over: maximum) }
    default: nil
    }
  }

  /// The value, or an error when it is larger than the bound of a field.
  func bounded(_ value: Slot, to maximum: Int, name: @autoclosure () -> String) -> Slot {
    guard let excess = excess(of: value, over: maximum) else { return value }
    return fail(SizeBound(name: name(), maximum: maximum).message(excess))
  }
}
