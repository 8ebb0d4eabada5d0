public import FlowSource

/// An error of an evaluation.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The message in lower case, without a full stop.
  public var message: String
  /// The part of the expression that failed.
  public var range: SourceRange
  /// True when a limit stopped the evaluation, which no `||` absorbs.
  public var isLimit: Bool

  public init(_ message: String, at range: SourceRange, isLimit: Bool = false) {
    self.message = message
    self.range = range
    self.isLimit = isLimit
  }

  public var description: String { message }
}

/// An error as it is recorded during evaluation; its message is built only when it is read.
enum Fault {
  case noOverload(Builtin, [Slot.Tag])
  case divisionByZero
  case modulusByZero
  case overflow(Builtin)
  case noSuchKey(Slot)
  case noSuchField(String, type: String)
  case indexOutOfRange(Int64, count: Int)
  case unset(String)
  case notBool(Slot.Tag)
  case noFields(Slot.Tag)
  case duplicateKey(Slot)
  case badKey(Slot.Tag)
  case badPattern(String)
  case badTime(String)
  case unknownZone(String)
  case custom(String)
  case limit(String)

  /// The diagnostic code of an error that is certain before running.
  var code: String {
    switch self {
    case .divisionByZero, .modulusByZero: "F206"
    case .overflow: "F205"
    case .badPattern: "F207"
    case .badTime, .unknownZone: "F208"
    case .noSuchKey, .indexOutOfRange: "F209"
    default: "F204"
    }
  }

  var message: String {
    switch self {
    case .noOverload(let builtin, let tags):
      "`\(builtin.displayName)` does not take \(tags.map { "`\($0)`" }.joined(separator: " and "))"
    case .divisionByZero: "division by zero"
    case .modulusByZero: "remainder of a division by zero"
    case .overflow(let builtin): "the result of `\(builtin.displayName)` is out of range"
    case .noSuchKey(let key): "there is no key \(key.literal)"
    case .noSuchField(let field, let type): "`\(type)` has no field `\(field)`"
    case .indexOutOfRange(let index, let count):
      "index \(index) is out of range: the list has \(counted(count, "element"))"
    case .unset(let name): "`\(name)` has no value yet"
    case .notBool(let tag): "a condition is a bool, not `\(tag)`"
    case .noFields(let tag): "`\(tag)` has no fields"
    case .duplicateKey(let key): "the key \(key.literal) stands in the map twice"
    case .badKey(let tag): "a map key is a bool, int, uint or string, not `\(tag)`"
    case .badPattern(let reason): "the pattern is wrong: \(reason)"
    case .badTime(let text): text
    case .unknownZone(let name): "there is no time zone \"\(name.prefix(60))\""
    case .custom(let message), .limit(let message): message
    }
  }
}

extension Slot {
  /// A key or other scalar as it is written, for messages.
  var literal: String {
    switch tag {
    case .string: "\"" + String(string.prefix(60)) + "\""
    case .int: String(asInt)
    case .uint: "\(asUInt)u"
    case .double: String(asDouble)
    case .bool: String(asBool)
    default: "`\(tag)`"
    }
  }
}
