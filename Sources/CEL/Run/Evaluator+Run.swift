extension Evaluator {
  /// The loop: one turn is one instruction.
  func run(_ code: UnsafePointer<Instruction>, _ bases: UnsafeMutablePointer<UnsafeMutablePointer<Slot>>) -> Slot {
    let registers = bases[0]
    var pc = 0
    @inline(__always) func operand(_ place: UInt32) -> Slot {
      bases[Int(place >> Operand.placeBits)][Int(place & Operand.placeMask)]
    }
    while true {
      let step = code[pc]
      pc &+= 1
      let dst = Int(step.dst)
      switch step.opcode {
      case .finish:
        let result = operand(step.a)
        if _fastPath(result.tag != .unset) { return result }
        place = pc - 1
        return abnormal(result, step.a)
      case .move:
        let value = operand(step.a)
        place = pc - 1
        registers[dst] = _fastPath(value.tag != .unset) ? value : abnormal(value, step.a)
      case .jump: pc = Int(step.b)
      case .branch:
        let condition = operand(step.a)
        if _fastPath(condition.tag == .bool) {
          if !condition.asBool { pc = Int(step.b) }
        } else {
          place = pc - 1
          registers[dst] = notBool(condition, step.a)
          pc = Int(step.c)
        }
      case .andStep, .orStep:
        let term = operand(step.a)
        if _fastPath(term.tag == .bool) {
          if term.asBool == (step.opcode == .orStep) {
            registers[dst] = term
            pc = Int(step.b)
          } else {
            pc = Int(step.c)
          }
        } else {
          place = pc - 1
          registers[dst] = keep(registers[dst], notBool(term, step.a))
          pc = Int(step.c)
        }
      case .lazy:
        if registers[dst].tag == .unset {
          registers[Int(step.a)].payload = UInt64(pc)
          pc = Int(step.b)
        }
      case .endLazy: pc = Int(registers[Int(step.a)].payload)
      case .unset: registers[dst] = .unset

      case .addInt, .subtractInt, .multiplyInt:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .int && b.tag == .int) {
          let (value, overflow) =
            step.opcode == .addInt
            ? a.asInt.addingReportingOverflow(b.asInt)
            : step.opcode == .subtractInt
              ? a.asInt.subtractingReportingOverflow(b.asInt) : a.asInt.multipliedReportingOverflow(by: b.asInt)
          if _fastPath(!overflow) {
            registers[dst] = .int(value)
            continue
          }
        }
        registers[dst] = call2(step, a, b, pc)
      case .divideInt, .moduloInt:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .int && b.tag == .int && b.asInt > 0) {
          registers[dst] = .int(step.opcode == .divideInt ? a.asInt / b.asInt : a.asInt % b.asInt)
        } else {
          registers[dst] = call2(step, a, b, pc)
        }
      case .addUInt, .subtractUInt, .multiplyUInt:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .uint && b.tag == .uint) {
          let (value, overflow) =
            step.opcode == .addUInt
            ? a.asUInt.addingReportingOverflow(b.asUInt)
            : step.opcode == .subtractUInt
              ? a.asUInt.subtractingReportingOverflow(b.asUInt) : a.asUInt.multipliedReportingOverflow(by: b.asUInt)
          if _fastPath(!overflow) {
            registers[dst] = .uint(value)
            continue
          }
        }
        registers[dst] = call2(step, a, b, pc)
      case .addDouble, .subtractDouble, .multiplyDouble, .divideDouble:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .double && b.tag == .double) {
          switch step.opcode {
          case .addDouble: registers[dst] = .double(a.asDouble + b.asDouble)
          case .subtractDouble: registers[dst] = .double(a.asDouble - b.asDouble)
          case .multiplyDouble: registers[dst] = .double(a.asDouble * b.asDouble)
          default: registers[dst] = .double(a.asDouble / b.asDouble)
          }
        } else {
          registers[dst] = call2(step, a, b, pc)
        }

      case .equalInt, .notEqualInt, .lessInt, .lessOrEqualInt:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .int && b.tag == .int) {
          switch step.opcode {
          case .equalInt: registers[dst] = .bool(a.payload == b.payload)
          case .notEqualInt: registers[dst] = .bool(a.payload != b.payload)
          case .lessInt: registers[dst] = .bool(a.asInt < b.asInt)
          default: registers[dst] = .bool(a.asInt <= b.asInt)
          }
        } else {
          registers[dst] = call2(step, a, b, pc)
        }
      case .equalUInt, .lessUInt, .lessOrEqualUInt:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .uint && b.tag == .uint) {
          switch step.opcode {
          case .equalUInt: registers[dst] = .bool(a.payload == b.payload)
          case .lessUInt: registers[dst] = .bool(a.asUInt < b.asUInt)
          default: registers[dst] = .bool(a.asUInt <= b.asUInt)
          }
        } else {
          registers[dst] = call2(step, a, b, pc)
        }
      case .equalDouble, .notEqualDouble, .lessDouble, .lessOrEqualDouble:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .double && b.tag == .double) {
          switch step.opcode {
          case .equalDouble: registers[dst] = .bool(a.asDouble == b.asDouble)
          case .notEqualDouble: registers[dst] = .bool(a.asDouble != b.asDouble)
          case .lessDouble: registers[dst] = .bool(a.asDouble < b.asDouble)
          default: registers[dst] = .bool(a.asDouble <= b.asDouble)
          }
        } else {
          registers[dst] = call2(step, a, b, pc)
        }
      case .equalString, .notEqualString:
        let (a, b) = (operand(step.a), operand(step.b))
        if _fastPath(a.tag == .string && b.tag == .string) {
          registers[dst] = .bool(equalBytes(a, b) == (step.opcode == .equalString))
        } else {
          registers[dst] = call2(step, a, b, pc)
        }
      case .equalBool:
        let (a, b) = (operand(step.a), operand(step.b))
        registers[dst] =
          _fastPath(a.tag == .bool && b.tag == .bool) ? .bool(a.payload == b.payload) : call2(step, a, b, pc)
      case .not:
        let a = operand(step.a)
        registers[dst] = _fastPath(a.tag == .bool) ? .bool(!a.asBool) : call1(step, a, pc)
      case .call1: registers[dst] = call1(step, operand(step.a), pc)
      case .call2: registers[dst] = call2(step, operand(step.a), operand(step.b), pc)
      case .field:
        let record = operand(step.a)
        let index = Int(step.b & 0xFFFF)
        if _fastPath(record.tag == .record && UInt32(record.extra) == step.b >> 16 && index < record.count) {
          let value = record.elements[index]
          if _fastPath(value.tag != .unset) {
            registers[dst] = value
            continue
          }
        }
        place = pc - 1
        registers[dst] = select(checked(record, step.a), operand(step.c), .plain)
      case .next:
        charge(Int(step.c))
        let index = registers[Int(step.a) + 1].count
        let collection = registers[Int(step.a)]
        if index < collection.count, fuel > 0 {
          registers[Int(step.a) + 1].count = index + 1
          let stride = collection.tag == .map ? 2 : 1
          registers[dst] = collection.elements[Int(index) * stride]
        } else {
          pc = Int(step.b)
        }
      default:
        place = pc - 1
        pc = runRare(step, pc, bases)
      }
    }
  }

  @inline(never)
  private func call1(_ step: Instruction, _ a: Slot, _ pc: Int) -> Slot {
    place = pc - 1
    if a.isAbnormal { return abnormal(a, step.a) }
    pair[0] = a
    return call(step.builtin, pair, 1)
  }

  @inline(never)
  private func call2(_ step: Instruction, _ a: Slot, _ b: Slot, _ pc: Int) -> Slot {
    place = pc - 1
    if a.isAbnormal || b.isAbnormal {
      if b.tag == .unknown || !a.isAbnormal { return abnormal(b, step.b) }
      return abnormal(a, step.a)
    }
    pair[0] = a
    pair[1] = b
    return call(step.builtin, pair, 2)
  }

  /// What an abnormal operand makes of an operation: an error that names an unset variable, or itself.
  @inline(never)
  func abnormal(_ slot: Slot, _ place: UInt32) -> Slot {
    guard slot.tag == .unset else { return slot }
    let isVariable = place >> Operand.placeBits == Operand.frame
    return fail(.unset(isVariable ? variableName(Int(place & Operand.placeMask)) : "the value"))
  }

  @inline(__always)
  func checked(_ slot: Slot, _ place: UInt32) -> Slot { slot.isAbnormal ? abnormal(slot, place) : slot }

  private func notBool(_ slot: Slot, _ place: UInt32) -> Slot {
    slot.isAbnormal ? abnormal(slot, place) : fail(.notBool(slot.tag))
  }

  /// What `&&` and `||` remember of their terms: an unknown before an error, an error before a bool.
  private func keep(_ kept: Slot, _ new: Slot) -> Slot {
    kept.tag == .unknown || kept.tag == .error && new.tag == .error ? kept : new
  }
}
