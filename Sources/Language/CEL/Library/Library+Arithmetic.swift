extension Evaluator {
  func arithmetic(_ arguments: Arguments) -> Slot {
    let (a, b) = (arguments[0], arguments[1])
    switch (arguments.count, a.tag, b.tag) {
    case (1, _, _): return prefix(arguments, a)
    case (2, .int, .int): return integers(arguments.builtin, left: a.asInt, right: b.asInt)
    case (2, .uint, .uint): return unsigned(arguments.builtin, left: a.asUInt, right: b.asUInt)
    case (2, .double, .double): return doubles(arguments, left: a.asDouble, right: b.asDouble)
    case (2, .string, .string), (2, .bytes, .bytes):
      return arguments.builtin == .add ? concatenate(a, b) : noOverload(arguments)
    case (2, .list, .list):
      guard arguments.builtin == .add else { return noOverload(arguments) }
      if a.count == 0 { return b }
      if b.count == 0 { return a }
      return joinLists(a, b)
    default: return instants(arguments, left: a, right: b)
    }
  }

  private func prefix(_ arguments: Arguments, _ a: Slot) -> Slot {
    switch (arguments.builtin, a.tag) {
    case (.not, .bool): return .bool(!a.asBool)
    case (.negate, .int): return a.asInt == .min ? fail(.overflow(.negate)) : .int(-a.asInt)
    case (.negate, .double): return .double(-a.asDouble)
    default: return noOverload(arguments)
    }
  }

  private func integers(_ builtin: Builtin, left a: Int64, right b: Int64) -> Slot {
    if b == 0, builtin == .divide { return fail(.divisionByZero) }
    if b == 0, builtin == .modulo { return fail(.modulusByZero) }
    let (value, overflow) =
      switch builtin {
      case .add: a.addingReportingOverflow(b)
      case .subtract: a.subtractingReportingOverflow(b)
      case .multiply: a.multipliedReportingOverflow(by: b)
      case .divide: a.dividedReportingOverflow(by: b)
      default: a.remainderReportingOverflow(dividingBy: b)
      }
    return overflow ? fail(.overflow(builtin)) : .int(value)
  }

  private func unsigned(_ builtin: Builtin, left a: UInt64, right b: UInt64) -> Slot {
    if b == 0, builtin == .divide { return fail(.divisionByZero) }
    if b == 0, builtin == .modulo { return fail(.modulusByZero) }
    let (value, overflow) =
      switch builtin {
      case .add: a.addingReportingOverflow(b)
      case .subtract: a.subtractingReportingOverflow(b)
      case .multiply: a.multipliedReportingOverflow(by: b)
      case .divide: a.dividedReportingOverflow(by: b)
      default: a.remainderReportingOverflow(dividingBy: b)
      }
    return overflow ? fail(.overflow(builtin)) : .uint(value)
  }

  private func doubles(_ arguments: Arguments, left a: Double, right b: Double) -> Slot {
    switch arguments.builtin {
    case .add: .double(a + b)
    case .subtract: .double(a - b)
    case .multiply: .double(a * b)
    case .divide: .double(a / b)
    default: noOverload(arguments)
    }
  }

  private func instants(_ arguments: Arguments, left a: Slot, right b: Slot) -> Slot {
    switch (arguments.builtin, a.tag, b.tag) {
    case (.add, .timestamp, .duration):
      a.asTimestamp.adding(b.asDuration).map { .timestamp($0) } ?? fail(.overflow(.add))
    case (.add, .duration, .timestamp):
      b.asTimestamp.adding(a.asDuration).map { .timestamp($0) } ?? fail(.overflow(.add))
    case (.add, .duration, .duration):
      a.asDuration.adding(b.asDuration).map { .duration($0) } ?? fail(.overflow(.add))
    case (.subtract, .timestamp, .duration):
      a.asTimestamp.subtracting(b.asDuration).map { .timestamp($0) } ?? fail(.overflow(.subtract))
    case (.subtract, .timestamp, .timestamp):
      a.asTimestamp.since(b.asTimestamp).map { .duration($0) } ?? fail(.overflow(.subtract))
    case (.subtract, .duration, .duration):
      a.asDuration.subtracting(b.asDuration).map { .duration($0) } ?? fail(.overflow(.subtract))
    default: noOverload(arguments)
    }
  }

  private func concatenate(_ a: Slot, _ b: Slot) -> Slot {
    let total = Int(a.count) + Int(b.count)
    guard total <= limits.valueBytes, let target = arena.allocate(total) else { return outOfMemory() }
    charge(total / 16 + 1)
    if let source = a.address { target.copyMemory(from: source, byteCount: Int(a.count)) }
    if let source = b.address { (target + Int(a.count)).copyMemory(from: source, byteCount: Int(b.count)) }
    return Slot(
      a.tag, payload: UInt64(UInt(bitPattern: target)), count: UInt32(total), flags: a.flags & b.flags)
  }

  private func joinLists(_ a: Slot, _ b: Slot) -> Slot {
    let (first, second) = (a.elements, b.elements)
    guard let block = allocateBlock(slots: first.count + second.count) else { return outOfMemory() }
    for (index, element) in first.enumerated() { block[index] = element }
    for (index, element) in second.enumerated() { block[first.count + index] = element }
    return seal(
      Slot(.list, payload: UInt64(UInt(bitPattern: block)), count: UInt32(first.count + second.count)))
  }
}
