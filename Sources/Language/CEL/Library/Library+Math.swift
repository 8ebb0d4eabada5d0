extension Evaluator {
  func mathFunction(_ arguments: Arguments) -> Slot {
    let (a, b) = (arguments[0], arguments[1])
    if arguments.builtin == .greatest || arguments.builtin == .least { return extreme(arguments) }
    switch (arguments.count, a.tag) {
    case (1, .double): return doubleFunction(arguments, a.asDouble)
    case (1, .int): return intFunction(arguments, a.asInt)
    case (1, .uint): return uintFunction(arguments, a.asUInt)
    case (2, .int), (2, .uint): return bits(arguments, left: a, right: b)
    default: return noOverload(arguments)
    }
  }

  private func doubleFunction(_ arguments: Arguments, _ value: Double) -> Slot {
    switch arguments.builtin {
    case .ceil: .double(value.rounded(.up))
    case .floor: .double(value.rounded(.down))
    case .round: .double(value.rounded(.toNearestOrAwayFromZero))
    case .trunc: .double(value.rounded(.towardZero))
    case .abs: .double(value.magnitude)
    case .sign: .double(value.isNaN ? .nan : value > 0 ? 1 : value < 0 ? -1 : 0)
    case .isNaN: .bool(value.isNaN)
    case .isInf: .bool(value.isInfinite)
    case .isFinite: .bool(value.isFinite)
    case .sqrt: .double(value.squareRoot())
    default: noOverload(arguments)
    }
  }

  private func intFunction(_ arguments: Arguments, _ value: Int64) -> Slot {
    switch arguments.builtin {
    case .abs: value == .min ? fail(.overflow(.abs)) : .int(Swift.abs(value))
    case .sign: .int(value.signum())
    case .bitNot: .int(~value)
    case .sqrt: .double(Double(value).squareRoot())
    default: noOverload(arguments)
    }
  }

  private func uintFunction(_ arguments: Arguments, _ value: UInt64) -> Slot {
    switch arguments.builtin {
    case .abs: .uint(value)
    case .sign: .uint(value == 0 ? 0 : 1)
    case .bitNot: .uint(~value)
    case .sqrt: .double(Double(value).squareRoot())
    default: noOverload(arguments)
    }
  }

  private func bits(_ arguments: Arguments, left a: Slot, right b: Slot) -> Slot {
    switch arguments.builtin {
    case .bitShiftLeft, .bitShiftRight:
      guard b.tag == .int else { return noOverload(arguments) }
      guard b.asInt >= 0 else { return fail("a shift by \(b.asInt) bits: it must not be negative") }
      let isLeft = arguments.builtin == .bitShiftLeft
      let shifted = b.asInt >= 64 ? 0 : isLeft ? a.payload << UInt64(b.asInt) : a.payload >> UInt64(b.asInt)
      return Slot(a.tag, payload: shifted)
    case .bitAnd: return a.tag == b.tag ? Slot(a.tag, payload: a.payload & b.payload) : noOverload(arguments)
    case .bitOr: return a.tag == b.tag ? Slot(a.tag, payload: a.payload | b.payload) : noOverload(arguments)
    case .bitXor: return a.tag == b.tag ? Slot(a.tag, payload: a.payload ^ b.payload) : noOverload(arguments)
    default: return noOverload(arguments)
    }
  }

  /// The winner keeps its own type.
  private func extreme(_ arguments: Arguments) -> Slot {
    var values = (0..<arguments.count).map { arguments[$0] }
    if values.count == 1, values[0].tag == .list {
      guard values[0].count > 0 else { return fail("an empty list has no extreme") }
      values = Array(values[0].elements)
      charge(values.count)
    }
    guard values.allSatisfy({ isNumber($0) }) else { return noOverload(arguments) }
    var best = values[0]
    for value in values.dropFirst() {
      guard let order = compareNumbers(value, best) else { continue }
      if arguments.builtin == .greatest ? order > 0 : order < 0 { best = value }
    }
    return best
  }
}
