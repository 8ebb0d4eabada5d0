/// The functions of the library, by subject.
extension Evaluator {
  /// Calls a function on arguments that are values. Types are checked here, because those found statically only select
  /// speed.
  func call(_ builtin: Builtin, arguments: UnsafeMutablePointer<Slot>, count: Int) -> Slot {
    let list = Arguments(builtin: builtin, start: arguments, count: count)
    switch builtin {
    case .add, .subtract, .multiply, .divide, .modulo, .negate, .not: return arithmetic(list)
    case .less, .lessOrEqual, .greater, .greaterOrEqual, .equal, .notEqual, .isIn: return comparison(list)
    case .index, .optionalIndex: return index(list)
    case .size: return size(list)
    case .type, .dyn, .bool, .bytes, .double, .duration, .int, .string, .timestamp, .uint, .toEnum:
      return conversion(list)
    case .getFullYear, .getMonth, .getDate, .getDayOfMonth, .getDayOfWeek, .getDayOfYear, .getHours, .getMinutes,
      .getSeconds, .getMilliseconds:
      return timeAccess(list)
    case .nextLocal: return nextLocal(list)
    case .contains, .startsWith, .endsWith, .matches, .charAt, .indexOf, .lastIndexOf, .join, .lowerAscii, .upperAscii,
      .replace, .split, .substring, .trim, .quote:
      return stringFunction(list)
    case .format: return format(list)
    case .reverse: return list[0].tag == .string ? reverseString(list[0]) : listFunction(list)
    case .greatest, .least, .ceil, .floor, .round, .trunc, .abs, .sign, .isNaN, .isInf, .isFinite, .bitAnd, .bitOr,
      .bitXor, .bitNot, .bitShiftLeft, .bitShiftRight, .sqrt:
      return mathFunction(list)
    case .base64Encode, .base64Decode, .urlEncode: return encoding(list)
    case .optionalOf, .optionalNone, .optionalOfNonZero, .value, .hasValue, .or, .orValue, .unwrapOpt, .unwrap:
      return optionalFunction(list)
    case .distinct, .flatten, .slice, .sort, .sum, .min, .max, .range, .sortByKeys, .first, .last:
      return listFunction(list)
    case .setsContains, .setsEquivalent, .setsIntersects: return setFunction(list)
    case .regexExtract, .regexExtractAll, .regexReplace: return regexFunction(list)
    case .ip, .cidr, .isIP, .isCIDR, .family, .isUnspecified, .isLoopback, .isGlobalUnicast, .isLinkLocalUnicast,
      .isLinkLocalMulticast, .containsIP, .containsCIDR, .masked, .prefixLength, .isCanonical:
      return networkFunction(list)
    }
  }

  func noOverload(_ arguments: Arguments) -> Slot {
    fail(.noOverload(arguments.builtin, (0..<arguments.count).map { arguments[$0].tag }))
  }
}

/// The arguments of a call. A missing argument reads as unset, which no function accepts.
struct Arguments {
  let builtin: Builtin
  private let start: UnsafeMutablePointer<Slot>
  let count: Int

  init(builtin: Builtin, start: UnsafeMutablePointer<Slot>, count: Int) {
    self.builtin = builtin
    self.start = start
    self.count = count
  }

  subscript(_ index: Int) -> Slot { index < count ? start[index] : .unset }

  /// True when the types are exactly these.
  func have(_ tags: Slot.Tag...) -> Bool {
    tags.count == count && tags.enumerated().allSatisfy { self[$0.offset].tag == $0.element }
  }
}
