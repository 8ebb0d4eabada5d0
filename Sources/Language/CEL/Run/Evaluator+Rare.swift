extension Evaluator {
  /// Executes the instructions that do more than compare or add; returns the index of the next one.
  @inline(never)
  func executeRare(_ step: Instruction, at pc: Int) -> Int {
    let registers = bases[0]
    let dst = Int(step.dst)
    @inline(__always) func operand(_ index: UInt32) -> Slot {
      bases[Int(index >> Operand.indexBits)][Int(index & Operand.indexMask)]
    }
    switch step.opcode {
    case .callMany: registers[dst] = callMany(step.builtin, arguments: registers + Int(step.a), count: Int(step.c))
    case .matchConstant: registers[dst] = match(checked(operand(step.a), operand: step.a), Int(step.b))
    case .select: registers[dst] = select(step, from: operand(step.a), name: operand(step.c))
    case .loopStart:
      let collection = operand(step.a)
      guard collection.tag == .list || collection.tag == .map else {
        registers[Int(step.c)] = collection.isAbnormal ? abnormal(collection, operand: step.a) : notIterable(collection)
        return Int(step.b)
      }
      registers[dst] = collection
      registers[dst + 1] = Slot(.int)
    case .nextPair: return nextPair(step, at: pc, registers: registers)
    case .countStep:
      let condition = operand(step.a)
      guard condition.tag == .bool else {
        registers[dst] = condition.isAbnormal ? abnormal(condition, operand: step.a) : fail(.notBool(condition.tag))
        return Int(step.b)
      }
      registers[dst].payload += condition.payload
      return Int(step.c)
    case .isOne:
      if registers[dst].tag == .int { registers[dst] = .bool(registers[dst].payload == 1) }
    case .listStart, .mapStart: registers[dst] = startBlock(step.opcode == .mapStart, registers[Int(step.a)].count)
    case .append:
      let value = checked(operand(step.a), operand: step.a)
      guard !value.isAbnormal, registers[dst].tag == .list else {
        if value.isAbnormal { registers[dst] = value }
        return Int(step.b)
      }
      registers[dst].count += 1
      registers[dst].elements[Int(registers[dst].count) - 1] = value
    case .appendPair:
      return appendPair(step, at: pc, key: operand(step.a), value: operand(step.b), registers: registers)
    case .listEnd, .mapEnd: registers[dst] = seal(registers[dst])
    case .mergeMaps: registers[dst] = mergeMaps(checked(operand(step.a), operand: step.a))
    case .makeList: registers[dst] = makeList(UnsafeBufferPointer(start: registers + Int(step.a), count: Int(step.b)))
    case .makeMap: registers[dst] = makeMap(UnsafeBufferPointer(start: registers + Int(step.a), count: Int(step.b)))
    case .makeRecord: registers[dst] = makeRecord(Int(step.b), fields: Int(step.c), registers + Int(step.a))
    case .unwrapElement: registers[dst] = unwrapElement(checked(operand(step.a), operand: step.a))
    case .optionalStart: return optionalStart(step, at: pc, optional: operand(step.a), registers: registers)
    case .optionalWrap:
      let value = checked(operand(step.a), operand: step.a)
      registers[dst] = value.isAbnormal ? value : makeOptional(value)
    case .optionalCheck:
      let value = checked(operand(step.a), operand: step.a)
      registers[dst] = value.isAbnormal || value.tag == .optional ? value : fail(.noOverload(.optionalOf, [value.tag]))
    case .optionalOr: return optionalOr(step, at: pc, optional: operand(step.a), registers: registers)
    case .coerce:
      let value = checked(operand(step.a), operand: step.a)
      registers[dst] = value.isAbnormal ? value : coerce(value, to: Int(step.b))
    case .bound:
      let value = checked(operand(step.a), operand: step.a)
      registers[dst] = value.isAbnormal ? value : bounded(value, to: Int(step.b), name: operand(step.c).string)
    case .fail: registers[dst] = fail(operand(step.a).string)
    case .trace:
      if trace.indices.contains(Int(step.b)) { trace[Int(step.b)] = checked(operand(step.a), operand: step.a) }
    default: registers[dst] = fail("this instruction does not exist")
    }
    return pc
  }

  private func select(_ step: Instruction, from value: Slot, name: Slot) -> Slot {
    let mode = Expression.SelectMode(code: step.b)
    // A variable without a value has no members yet.
    if value.isUnset, mode != .plain { return mode == .test ? .bool(false) : .none }
    return select(checked(value, operand: step.a), name: name, mode: mode)
  }

  private func callMany(_ builtin: Builtin, arguments: UnsafeMutablePointer<Slot>, count: Int) -> Slot {
    var error: Slot?
    for index in 0..<count {
      if arguments[index].tag == .unknown { return arguments[index] }
      if arguments[index].isAbnormal, error == nil { error = arguments[index] }
    }
    return error ?? call(builtin, arguments: arguments, count: count)
  }

  private func notIterable(_ slot: Slot) -> Slot { fail("`\(slot.tag)` is neither a list nor a map") }

  private func nextPair(_ step: Instruction, at pc: Int, registers: UnsafeMutablePointer<Slot>) -> Int {
    charge(Int(step.c))
    let state = Int(step.a)
    let dst = Int(step.dst)
    let index = registers[state + 1].count
    let collection = registers[state]
    guard index < collection.count, fuel > 0 else { return Int(step.b) }
    registers[state + 1].count = index + 1
    if collection.tag == .map {
      registers[dst] = collection.elements[Int(index) * 2]
      registers[dst + 1] = collection.elements[Int(index) * 2 + 1]
    } else {
      registers[dst] = .int(Int64(index))
      registers[dst + 1] = collection.elements[Int(index)]
    }
    return pc
  }

  private func appendPair(
    _ step: Instruction, at pc: Int, key: Slot, value: Slot, registers: UnsafeMutablePointer<Slot>
  ) -> Int {
    let dst = Int(step.dst)
    guard registers[dst].tag == .map else { return Int(step.c) }
    if key.isAbnormal || value.isAbnormal {
      registers[dst] = key.isAbnormal ? abnormal(key, operand: step.a) : abnormal(value, operand: step.b)
      return Int(step.c)
    }
    registers[dst].count += 1
    let entries = registers[dst].elements
    entries[entries.count - 2] = key
    entries[entries.count - 1] = value
    return pc
  }

  private func optionalStart(
    _ step: Instruction, at pc: Int, optional: Slot, registers: UnsafeMutablePointer<Slot>
  ) -> Int {
    guard optional.tag == .optional else {
      registers[Int(step.c)] =
        optional.isAbnormal ? abnormal(optional, operand: step.a) : fail(.noOverload(.value, [optional.tag]))
      return Int(step.b)
    }
    guard let content = optional.content else {
      registers[Int(step.c)] = .none
      return Int(step.b)
    }
    registers[Int(step.dst)] = content
    return pc
  }

  private func optionalOr(
    _ step: Instruction, at pc: Int, optional: Slot, registers: UnsafeMutablePointer<Slot>
  ) -> Int {
    guard optional.tag == .optional else {
      registers[Int(step.dst)] =
        optional.isAbnormal ? abnormal(optional, operand: step.a) : fail(.noOverload(step.builtin, [optional.tag]))
      return Int(step.b)
    }
    guard let content = optional.content else { return pc }
    registers[Int(step.dst)] = step.builtin == .or ? optional : content
    return Int(step.b)
  }

  private func unwrapElement(_ value: Slot) -> Slot {
    if value.isAbnormal { return value }
    guard value.tag == .optional else { return fail(.noOverload(.value, [value.tag])) }
    return value.content ?? .unset
  }

  private func match(_ text: Slot, _ index: Int) -> Slot {
    if text.isAbnormal { return text }
    guard text.tag == .string else { return fail(.noOverload(.matches, [text.tag, .string])) }
    let pattern = pattern(index)
    charge(pattern.searchCost(bytes: text.utf8.count))
    return fuel > 0 ? .bool(pattern.isFound(in: text.utf8)) : .null
  }
}

extension Expression.SelectMode {
  init(code: UInt32) { self = code == 0 ? .plain : code == 1 ? .optional : .test }
  var code: UInt32 { self == .plain ? 0 : self == .optional ? 1 : 2 }
}
