/// Programs in a table, selected by index. Running one does not change any reference count.
///
/// Unchecked because of the pointer: it is written in `init` only, and `programs` keeps the instructions alive.
public final class ProgramTable: @unchecked Sendable {
  private let programs: [ExpressionProgram]
  fileprivate let codes: UnsafeMutablePointer<Unmanaged<Code>>
  public let count: Int

  public init(_ programs: [ExpressionProgram]) {
    self.programs = programs
    count = programs.count
    codes = .allocate(capacity: max(count, 1))
    for (index, program) in programs.enumerated() {
      (codes + index).initialize(to: Unmanaged.passUnretained(program.code))
    }
  }

  deinit { codes.deallocate() }

  public subscript(_ index: Int) -> ExpressionProgram { programs[index] }
}

extension Evaluator {
  /// Evaluates a program of a table over a frame.
  ///
  /// - Throws: `EvaluationError` when the expression fails or a limit is exceeded.
  public func evaluate(_ table: ProgramTable, _ index: Int, frame: Frame) throws(EvaluationError) -> Slot {
    precondition(index >= 0 && index < table.count, "a program that is not there")
    let result = table.codes[index]._withUnsafeGuaranteedRef { evaluateCode($0, frame: UnsafePointer(frame.slots)) }
    if _fastPath(result.tag.rawValue > Slot.Tag.error.rawValue) { return result }
    throw error(result, table[index].code)
  }

  /// Evaluates a condition of a table over a frame.
  ///
  /// - Throws: `EvaluationError` when the expression fails, its value is not a bool, or a limit is exceeded.
  public func isTrue(_ table: ProgramTable, _ index: Int, frame: Frame) throws(EvaluationError) -> Bool {
    precondition(index >= 0 && index < table.count, "a program that is not there")
    let result = table.codes[index]._withUnsafeGuaranteedRef { evaluateCode($0, frame: UnsafePointer(frame.slots)) }
    if _fastPath(result.tag == .bool) { return result.asBool }
    throw conditionError(result, table[index].code)
  }
}

extension FrozenSlots {
  /// Copies the frame's slots from `start` on: in place where only scalars differ and the block has no other owner,
  /// in a new block otherwise.
  /// - Throws: When it is more than ``maximumBytes``.
  public static func update(
    _ frozen: inout FrozenSlots, from frame: Frame, at start: Int, count: Int
  ) throws(EvaluationError) {
    precondition(start >= 0 && count >= 0 && start + count <= frame.count, "a slot that is not there")
    let new = UnsafePointer(frame.slots + start)
    if frozen.count == count, isKnownUniquelyReferenced(&frozen), frozen.assign(new) { return }
    frozen = try FrozenSlots(copying: new, count: count)
  }

  /// - Returns: False, with nothing changed, when a differing slot refers to memory.
  private func assign(_ new: UnsafePointer<Slot>) -> Bool {
    let old = UnsafeMutablePointer(mutating: slots)
    for index in 0..<count where !(old[index].isScalar && new[index].isScalar) && !old[index].isSame(new[index]) {
      return false
    }
    old.update(from: new, count: count)
    return true
  }
}

extension Slot {
  /// True when the slot holds the whole value, and the value is not an error.
  @inline(__always) fileprivate var isScalar: Bool {
    switch tag {
    case .unset, .null, .bool, .int, .uint, .double, .timestamp, .duration, .enumeration: true
    case .optional: payload == 0
    default: false
    }
  }
}
