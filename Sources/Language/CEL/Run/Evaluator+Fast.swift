extension Evaluator {
  /// Runs a program to its end: instructions that need only their operands here, all others in ``finishStep(_:of:)``.
  ///
  /// It keeps its state in machine registers and calls a function only for those others, so that small guards are fast.
  @inline(never)
  func evaluateCode(_ code: Code, frame: UnsafePointer<Slot>) -> Slot {
    if _slowPath(code.registerCount > readyRegisters) { prepare(code.registerCount) }
    fuel = limits.fuel
    let bases = bases
    bases[1] = UnsafeMutablePointer(mutating: frame)
    bases[2] = code.constants
    let registers = bases[0]
    let first = code.instructions
    var ip = first
    @inline(__always) func operand(_ index: UInt32) -> Slot {
      bases[Int(index >> Operand.indexBits)][Int(index & Operand.indexMask)]
    }
    @inline(__always) func integers(_ step: Instruction, _ operation: (Int64, Int64) -> (Int64, Bool)) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.tag == .int && b.tag == .int) else { return false }
      let (value, overflow) = operation(a.asInt, b.asInt)
      registers[Int(step.dst)] = .int(value)
      return !overflow
    }
    @inline(__always) func unsigned(_ step: Instruction, _ operation: (UInt64, UInt64) -> (UInt64, Bool)) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.tag == .uint && b.tag == .uint) else { return false }
      let (value, overflow) = operation(a.asUInt, b.asUInt)
      if !overflow { registers[Int(step.dst)] = .uint(value) }
      return !overflow
    }
    @inline(__always) func doubles(_ step: Instruction, _ operation: (Double, Double) -> Double) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.tag == .double && b.tag == .double) else { return false }
      registers[Int(step.dst)] = .double(operation(a.asDouble, b.asDouble))
      return true
    }
    @inline(__always) func compare(_ step: Instruction, tag: Slot.Tag, test: (Slot, Slot) -> Bool) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.tag == tag && b.tag == tag) else { return false }
      registers[Int(step.dst)] = .bool(test(a, b))
      return true
    }
    @inline(__always) func compareStep(_ step: Instruction, tag: Slot.Tag, test: (Slot, Slot) -> Bool) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.tag == tag && b.tag == tag) else { return false }
      let isTrue = test(a, b)
      if isTrue == (step.c & Instruction.orFlag != 0) {
        registers[Int(step.dst)] = .bool(isTrue)
        ip = first + Int(step.c & Instruction.targetMask)
      } else {
        if step.c & Instruction.firstFlag != 0 { registers[Int(step.dst)] = .bool(isTrue) }
        ip += 1
      }
      return true
    }
    @inline(__always) func compareStrings(_ step: Instruction, _ isEqual: Bool) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.tag == .string && b.tag == .string && a.count | b.count <= shortStringBytes) else {
        return false
      }
      registers[Int(step.dst)] = .bool(equalShort(a, b) == isEqual)
      return true
    }
    @inline(__always) func compareStringsStep(_ step: Instruction, _ isEqual: Bool) -> Bool {
      let (a, b) = (operand(step.a), operand(step.b))
      guard _fastPath(a.count | b.count <= shortStringBytes) else { return false }
      return compareStep(step, tag: .string) { equalShort($0, $1) == isEqual }
    }
    while true {
      let step = ip.pointee
      var isDone = false
      switch step.opcode {
      case .finish:
        let result = operand(step.a)
        if _fastPath(result.tag != .unset) { return result }
      case .equalIntStep:
        if compareStep(step, tag: .int, test: { $0.payload == $1.payload }) { continue }
      case .notEqualIntStep:
        if compareStep(step, tag: .int, test: { $0.payload != $1.payload }) { continue }
      case .lessIntStep:
        if compareStep(step, tag: .int, test: { $0.asInt < $1.asInt }) { continue }
      case .lessOrEqualIntStep:
        if compareStep(step, tag: .int, test: { $0.asInt <= $1.asInt }) { continue }
      case .lessDoubleStep:
        if compareStep(step, tag: .double, test: { $0.asDouble < $1.asDouble }) { continue }
      case .lessOrEqualDoubleStep:
        if compareStep(step, tag: .double, test: { $0.asDouble <= $1.asDouble }) { continue }
      case .equalStringStep:
        if compareStringsStep(step, true) { continue }
      case .notEqualStringStep:
        if compareStringsStep(step, false) { continue }

      case .addInt: isDone = integers(step) { $0.addingReportingOverflow($1) }
      case .subtractInt: isDone = integers(step) { $0.subtractingReportingOverflow($1) }
      case .multiplyInt: isDone = integers(step) { $0.multipliedReportingOverflow(by: $1) }
      case .divideInt: isDone = integers(step) { $1 > 0 ? ($0 / $1, false) : ($0, true) }
      case .moduloInt: isDone = integers(step) { $1 > 0 ? ($0 % $1, false) : ($0, true) }
      case .addUInt: isDone = unsigned(step) { $0.addingReportingOverflow($1) }
      case .subtractUInt: isDone = unsigned(step) { $0.subtractingReportingOverflow($1) }
      case .multiplyUInt: isDone = unsigned(step) { $0.multipliedReportingOverflow(by: $1) }
      case .addDouble: isDone = doubles(step) { $0 + $1 }
      case .subtractDouble: isDone = doubles(step) { $0 - $1 }
      case .multiplyDouble: isDone = doubles(step) { $0 * $1 }
      case .divideDouble: isDone = doubles(step) { $0 / $1 }
      case .equalInt: isDone = compare(step, tag: .int) { $0.payload == $1.payload }
      case .notEqualInt: isDone = compare(step, tag: .int) { $0.payload != $1.payload }
      case .lessInt: isDone = compare(step, tag: .int) { $0.asInt < $1.asInt }
      case .lessOrEqualInt: isDone = compare(step, tag: .int) { $0.asInt <= $1.asInt }
      case .equalUInt: isDone = compare(step, tag: .uint) { $0.payload == $1.payload }
      case .lessUInt: isDone = compare(step, tag: .uint) { $0.asUInt < $1.asUInt }
      case .lessOrEqualUInt: isDone = compare(step, tag: .uint) { $0.asUInt <= $1.asUInt }
      case .equalDouble: isDone = compare(step, tag: .double) { $0.asDouble == $1.asDouble }
      case .notEqualDouble: isDone = compare(step, tag: .double) { $0.asDouble != $1.asDouble }
      case .lessDouble: isDone = compare(step, tag: .double) { $0.asDouble < $1.asDouble }
      case .lessOrEqualDouble: isDone = compare(step, tag: .double) { $0.asDouble <= $1.asDouble }
      case .equalString: isDone = compareStrings(step, true)
      case .notEqualString: isDone = compareStrings(step, false)
      case .equalBool: isDone = compare(step, tag: .bool) { $0.payload == $1.payload }
      case .not:
        let value = operand(step.a)
        isDone = value.tag == .bool
        if isDone { registers[Int(step.dst)] = .bool(!value.asBool) }
      case .move:
        let value = operand(step.a)
        isDone = value.tag != .unset
        if isDone { registers[Int(step.dst)] = value }
      case .field:
        let record = operand(step.a)
        let index = Int(step.b & 0xFFFF)
        guard _fastPath(record.tag == .record && UInt32(record.extra) == step.b >> 16 && index < record.count),
          let value = record.address?.assumingMemoryBound(to: Slot.self)[index], _fastPath(value.tag != .unset)
        else { break }
        registers[Int(step.dst)] = value
        isDone = true

      case .select:
        let (map, name) = (operand(step.a), operand(step.c))
        guard map.tag == .map, step.b == 0, map.count <= 8, name.count <= shortStringBytes,
          let entries = map.address?.assumingMemoryBound(to: Slot.self)
        else { break }
        var index = 0
        while index < Int(map.count), entries[2 * index].tag != .string || !equalShort(entries[2 * index], name) {
          index += 1
        }
        if _slowPath(index == Int(map.count)) { break }
        registers[Int(step.dst)] = entries[2 * index + 1]
        isDone = true

      case .jump:
        ip = first + Int(step.b)
        continue
      case .branch:
        let condition = operand(step.a)
        if _slowPath(condition.tag != .bool) { break }
        ip = condition.asBool ? ip + 1 : first + Int(step.b)
        continue
      case .andStep, .orStep:
        let term = operand(step.a)
        if _slowPath(term.tag != .bool) { break }
        if term.asBool == (step.opcode == .orStep) {
          registers[Int(step.dst)] = term
          ip = first + Int(step.b)
        } else {
          ip = first + Int(step.c)
        }
        continue
      case .next:
        let index = registers[Int(step.a) + 1].count
        let collection = registers[Int(step.a)]
        let left = fuel &- Int(step.c)
        guard _fastPath(left > 0), let elements = collection.address?.assumingMemoryBound(to: Slot.self) else { break }
        fuel = left
        if index < collection.count {
          registers[Int(step.a) + 1].count = index + 1
          registers[Int(step.dst)] = elements[collection.tag == .map ? Int(index) * 2 : Int(index)]
          ip += 1
        } else {
          ip = first + Int(step.b)
        }
        continue
      default: break
      }
      if _fastPath(isDone) {
        ip += 1
        continue
      }
      guard let following = finishStep(ip, of: code) else { return ended }
      ip = following
    }
  }
}
