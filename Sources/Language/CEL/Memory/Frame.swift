/// The slots that the expressions of one program share: written by the caller, read by the code.
///
/// The memory that a slot points to belongs to an arena or a ``FrozenSlots``, which must outlive its use here.
public final class Frame {
  let slots: UnsafeMutablePointer<Slot>
  public let count: Int

  public init(count: Int) {
    self.count = max(count, 1)
    slots = .allocate(capacity: self.count)
    slots.initialize(repeating: .unset, count: self.count)
  }

  deinit { slots.deallocate() }

  public subscript(_ index: Int) -> Slot {
    @inline(__always) get {
      precondition(index >= 0 && index < count, "a slot that is not there")
      return slots[index]
    }
    @inline(__always) set {
      precondition(index >= 0 && index < count, "a slot that is not there")
      slots[index] = newValue
    }
  }

  /// Makes every slot unset.
  public func clear() { slots.update(repeating: .unset, count: count) }

  /// Copies frozen slots to the indices from `start` on, as far as there is room.
  public func load(_ frozen: FrozenSlots, at start: Int) {
    precondition(start >= 0 && start <= count, "a slot that is not there")
    (slots + start).update(from: frozen.slots, count: min(frozen.count, count - start))
  }
}

extension Frame {
  /// Copies frozen slots to the indices from `start` on and makes all others below `end` unset.
  public func reload(_ frozen: FrozenSlots, at start: Int, end: Int) {
    precondition(start >= 0 && start <= end && end <= count, "a slot that is not there")
    let copied = min(frozen.count, end - start)
    slots.update(repeating: .unset, count: start)
    (slots + start).update(from: frozen.slots, count: copied)
    (slots + start + copied).update(repeating: .unset, count: end - start - copied)
  }
}

extension FrozenSlots {
  /// Copies a part of a frame, deep.
  /// - Throws: When it is more than ``maximumBytes``.
  public convenience init(copying frame: Frame, range: Range<Int>) throws(EvaluationError) {
    let range = range.clamped(to: 0..<frame.count)
    try self.init(copying: UnsafePointer(frame.slots + range.lowerBound), count: range.count)
  }

  public func isSet(_ index: Int) -> Bool { index >= 0 && index < count && !self[index].isUnset }
}

extension Evaluator {
  /// Evaluates a program over a frame.
  ///
  /// - Throws: `EvaluationError` when the expression fails or a limit is exceeded.
  public func evaluate(_ program: ExpressionProgram, frame: Frame) throws(EvaluationError) -> Slot {
    try evaluate(program, frame: UnsafePointer(frame.slots))
  }

  /// Evaluates a condition over a frame.
  ///
  /// - Throws: `EvaluationError` when the expression fails, its value is not a bool, or a limit is exceeded.
  @inline(__always)
  public func isTrue(_ program: ExpressionProgram, frame: Frame) throws(EvaluationError) -> Bool {
    try isTrue(program, frame: UnsafePointer(frame.slots))
  }

  /// Evaluates a program over a frame and keeps the value of each part.
  public func explain(_ program: ExpressionProgram, frame: Frame) -> Explanation {
    explain(program, frame: UnsafePointer(frame.slots))
  }
}

extension Slot {
  /// The milliseconds since 1970 of a timestamp, or the milliseconds of a duration, rounded up, so that no timer is
  /// early and a positive duration is not zero; 0 for any other value.
  public var milliseconds: Int64 {
    switch tag {
    case .timestamp: asTimestamp.milliseconds
    case .duration:
      asDuration.nanoseconds / 1_000_000 + (asDuration.nanoseconds % 1_000_000 > 0 ? 1 : 0)
    default: 0
    }
  }
}

extension Timestamp {
  /// The instant `milliseconds` after 1970, clamped to the years 1 to 9999.
  public init(milliseconds: Int64) {
    let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
    let rest = UInt32((milliseconds - seconds * 1000) * 1_000_000)
    self.init(
      seconds: min(max(seconds, Timestamp.minimumSeconds), Timestamp.maximumSeconds), nanoseconds: rest)
  }

  /// Milliseconds since 1970, rounded down.
  public var milliseconds: Int64 { seconds * 1000 + Int64(nanoseconds) / 1_000_000 }
}
