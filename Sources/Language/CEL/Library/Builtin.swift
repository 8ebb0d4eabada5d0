/// The built-in functions of the evaluator; the raw value is the name in an expression.
///
/// One case represents all overloads of a name, global and as a member: arguments select the overload at run time.
public enum Builtin: String, Hashable, Sendable, CaseIterable, BitwiseCopyable {
  // Operators.
  case not = "!_"
  case negate = "-_"
  case add = "_+_"
  case subtract = "_-_"
  case multiply = "_*_"
  case divide = "_/_"
  case modulo = "_%_"
  case less = "_<_"
  case lessOrEqual = "_<=_"
  case greater = "_>_"
  case greaterOrEqual = "_>=_"
  case equal = "_==_"
  case notEqual = "_!=_"
  case isIn = "@in"
  case index = "_[_]"
  case optionalIndex = "_[?_]"
  // Standard library.
  case size, contains, startsWith, endsWith, matches
  case type, dyn, bool, bytes, double, duration, int, string, timestamp, uint
  case getFullYear, getMonth, getDate, getDayOfMonth, getDayOfWeek, getDayOfYear
  case getHours, getMinutes, getSeconds, getMilliseconds
  // Strings.
  case charAt, indexOf, lastIndexOf, join, lowerAscii, upperAscii, replace, split, substring, trim, reverse, format
  case quote = "strings.quote"
  // Math.
  case greatest = "math.@max"
  case least = "math.@min"
  case ceil = "math.ceil"
  case floor = "math.floor"
  case round = "math.round"
  case trunc = "math.trunc"
  case abs = "math.abs"
  case sign = "math.sign"
  case isNaN = "math.isNaN"
  case isInf = "math.isInf"
  case isFinite = "math.isFinite"
  case bitAnd = "math.bitAnd"
  case bitOr = "math.bitOr"
  case bitXor = "math.bitXor"
  case bitNot = "math.bitNot"
  case bitShiftLeft = "math.bitShiftLeft"
  case bitShiftRight = "math.bitShiftRight"
  case sqrt = "math.sqrt"
  // Encoders.
  case base64Encode = "base64.encode"
  case base64Decode = "base64.decode"
  // Optionals.
  case optionalOf = "optional.of"
  case optionalNone = "optional.none"
  case optionalOfNonZero = "optional.ofNonZeroValue"
  case value, hasValue, or, orValue, first, last, unwrapOpt
  case unwrap = "optional.unwrap"
  // Lists and sets.
  case distinct, flatten, slice, sort, sum, min, max
  case range = "lists.range"
  case sortByKeys = "@sortByKeys"
  case setsContains = "sets.contains"
  case setsEquivalent = "sets.equivalent"
  case setsIntersects = "sets.intersects"
  // Regular expressions.
  case regexExtract = "regex.extract"
  case regexExtractAll = "regex.extractAll"
  case regexReplace = "regex.replace"
  // Network.
  case ip, cidr, isIP, isCIDR, family, isUnspecified, isLoopback, isGlobalUnicast, isLinkLocalUnicast
  case isLinkLocalMulticast, containsIP, containsCIDR, masked, prefixLength
  case isCanonical = "ip.isCanonical"
  // URLs.
  case urlEncode = "url.encode"
  // Local time.
  case nextLocal = "next_local"
  // Conversion of an int or a name to a strong enum; the first argument is the enum's type.
  case toEnum = "@enum"

  /// The source form for messages: `+` for `_+_`.
  public var displayName: String {
    switch self {
    case .isIn: "in"
    case .index, .optionalIndex: "[]"
    case .greatest: "math.greatest"
    case .least: "math.least"
    default: isOperator ? String(rawValue.filter { $0 != "_" }) : rawValue
    }
  }

  /// True for an operator, which is written between or before its operands.
  public var isOperator: Bool {
    switch self {
    case .not, .negate, .add, .subtract, .multiply, .divide, .modulo, .less, .lessOrEqual, .greater, .greaterOrEqual,
      .equal, .notEqual, .isIn, .index, .optionalIndex:
      true
    default: false
    }
  }

  /// Reads the name of a function.
  static let named: [String: Builtin] = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
}
