extension Evaluator {
  /// Executes any instruction, with any operands. A limit that is exceeded ends the program.
  /// - Returns: The next instruction; nil at the end of the program, whose result is in `ended`.
  @inline(never)
  func finishStep(_ ip: UnsafePointer<Instruction>, of code: Code) -> UnsafePointer<Instruction>? {
    running = Unmanaged.passUnretained(code)
    instruction = ip - code.instructions
    let step = ip.pointee
    guard step.opcode != .finish else {
      ended = abnormal(.unset, operand: step.a)
      return nil
    }
    let next = execute(step, at: instruction + 1)
    guard !isStopped else {
      ended = Slot(.error, payload: UInt64(faults.count - 1))
      return nil
    }
    return code.instructions + next
  }

  /// - Returns: The index of the next instruction.
  private func execute(_ step: Instruction, at pc: Int) -> Int {
    let registers = bases[0]
    let dst = Int(step.dst)
    @inline(__always) func operand(_ index: UInt32) -> Slot {
      bases[Int(index >> Operand.indexBits)][Int(index & Operand.indexMask)]
    }
    switch step.opcode {
    case .move: registers[dst] = checked(operand(step.a), operand: step.a)
    case .branch:
      registers[dst] = notBool(operand(step.a), operand: step.a)
      return Int(step.c)
    case .andStep, .orStep:
      registers[dst] = keep(registers[dst], notBool(operand(step.a), operand: step.a))
      return Int(step.c)
    case .lazy:
      if registers[dst].tag == .unset {
        registers[Int(step.a)].payload = UInt64(pc)
        return Int(step.b)
      }
    case .endLazy: return Int(registers[Int(step.a)].payload)
    case .unset: registers[dst] = .unset
    case .field:
      registers[dst] = select(checked(operand(step.a), operand: step.a), name: operand(step.c), mode: .plain)
    case .next: return next(step, at: pc, registers: registers)
    case .not, .call1: registers[dst] = call1(step, operand(step.a))
    case .equalIntStep, .notEqualIntStep, .lessIntStep, .lessOrEqualIntStep, .lessDoubleStep, .lessOrEqualDoubleStep,
      .equalStringStep, .notEqualStringStep:
      return slowStep(step, left: operand(step.a), right: operand(step.b), at: pc, registers: registers)
    case .addInt, .subtractInt, .multiplyInt, .divideInt, .moduloInt, .addUInt, .subtractUInt, .multiplyUInt,
      .addDouble,
      .subtractDouble, .multiplyDouble, .divideDouble, .equalInt, .notEqualInt, .lessInt, .lessOrEqualInt, .equalUInt,
      .lessUInt, .lessOrEqualUInt, .equalDouble, .notEqualDouble, .lessDouble, .lessOrEqualDouble, .equalString,
      .notEqualString, .equalBool, .call2:
      registers[dst] = call2(step, left: operand(step.a), right: operand(step.b))
    default: return executeRare(step, at: pc)
    }
    return pc
  }

  private func next(_ step: Instruction, at pc: Int, registers: UnsafeMutablePointer<Slot>) -> Int {
    charge(Int(step.c))
    let index = registers[Int(step.a) + 1].count
    let collection = registers[Int(step.a)]
    guard index < collection.count, fuel > 0 else { return Int(step.b) }
    registers[Int(step.a) + 1].count = index + 1
    registers[Int(step.dst)] = collection.elements[Int(index) * (collection.tag == .map ? 2 : 1)]
    return pc
  }

  private func call1(_ step: Instruction, _ a: Slot) -> Slot {
    if a.isAbnormal { return abnormal(a, operand: step.a) }
    pair[0] = a
    return call(step.builtin, arguments: pair, count: 1)
  }

  private func call2(_ step: Instruction, left a: Slot, right b: Slot) -> Slot {
    if a.isAbnormal || b.isAbnormal {
      if b.tag == .unknown || !a.isAbnormal { return abnormal(b, operand: step.b) }
      return abnormal(a, operand: step.a)
    }
    pair[0] = a
    pair[1] = b
    return call(step.builtin, arguments: pair, count: 2)
  }

  /// A comparison as a term of `&&` or `||`, when its operands are not of the expected type.
  @inline(never)
  private func slowStep(
    _ step: Instruction, left a: Slot, right b: Slot, at pc: Int, registers: UnsafeMutablePointer<Slot>
  ) -> Int {
    let term = call2(step, left: a, right: b)
    let isOr = step.c & Instruction.orFlag != 0
    let isFirst = step.c & Instruction.firstFlag != 0
    let dst = Int(step.dst)
    if term.tag == .bool {
      if term.asBool == isOr {
        registers[dst] = term
        return Int(step.c & Instruction.targetMask)
      }
      if isFirst { registers[dst] = term }
    } else {
      registers[dst] = isFirst ? term : keep(registers[dst], term)
    }
    return pc
  }

  /// The result of an operation on an abnormal operand: an error that names an unset variable, or the operand.
  @inline(never)
  func abnormal(_ slot: Slot, operand: UInt32) -> Slot {
    guard slot.tag == .unset else { return slot }
    let isVariable = operand >> Operand.indexBits == Operand.frame
    return fail(.unset(isVariable ? variableName(Int(operand & Operand.indexMask)) : "the value"))
  }

  @inline(__always)
  func checked(_ slot: Slot, operand: UInt32) -> Slot { slot.isAbnormal ? abnormal(slot, operand: operand) : slot }

  private func notBool(_ slot: Slot, operand: UInt32) -> Slot {
    slot.isAbnormal ? abnormal(slot, operand: operand) : fail(.notBool(slot.tag))
  }

  /// The intermediate result of `&&` and `||`: an unknown wins over an error, an error over a bool.
  private func keep(_ kept: Slot, _ new: Slot) -> Slot {
    kept.tag == .unknown || kept.tag == .error && new.tag == .error ? kept : new
  }
}
