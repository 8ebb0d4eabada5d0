/// The operation of an instruction. `a`, `b`, `c` are operands, code addresses, or numbers.
///
/// The typed ones handle their types only and leave everything else to the function in the same instruction,
/// so types found while checking choose speed, never the result.
enum Opcode: UInt8 {
  /// Ends the program with `a`.
  case finish
  case move
  case jump
  /// Branches on the bool `a`: true continues, false jumps to `b`, any other value jumps to `c` with `dst` set.
  case branch
  /// A term of `&&`: `dst` false and to `b`, or to `c`; errors are kept in `dst`.
  case andStep
  case orStep
  /// Jumps to `b` unless `dst` is already set; stores the return address in `a`.
  case lazy
  case endLazy
  case unset
  case addInt, subtractInt, multiplyInt, divideInt, moduloInt
  case addUInt, subtractUInt, multiplyUInt
  case addDouble, subtractDouble, multiplyDouble, divideDouble
  case equalInt, notEqualInt, lessInt, lessOrEqualInt
  case equalUInt, lessUInt, lessOrEqualUInt
  case equalDouble, notEqualDouble, lessDouble, lessOrEqualDouble
  case equalString, notEqualString, equalBool, not
  // Comparisons that are terms of `&&` or `||`: the target and two flags are in `c`.
  case equalIntStep, notEqualIntStep, lessIntStep, lessOrEqualIntStep
  case lessDoubleStep, lessOrEqualDoubleStep, equalStringStep, notEqualStringStep
  case call1, call2
  /// A function of the `c` arguments from register `a` on.
  case callMany
  /// Tests string `a` against pattern `b`.
  case matchConstant
  /// A field of a record whose type is known: type and field index in `b`, name in `c`.
  case field
  /// A field by name `c`, in mode `b`.
  case select
  /// Starts a loop over `a` with its state from register `dst` on; to `b` when it can't, with `c` set.
  case loopStart
  /// The next element of loop `a` into `dst`; to `b` at the end.
  case next
  case nextPair
  case countStep
  case isOne
  case listStart
  case append
  case listEnd
  case mapStart
  case appendPair
  case mapEnd
  case mergeMaps
  /// Registers from `a` on, `b` of them, as a list; unset ones are left out.
  case makeList
  /// The same with keys and values in turn.
  case makeMap
  /// Values from register `a` on for the fields of list `c` of record type `b`.
  case makeRecord
  /// The content of optional `a`, or unset.
  case unwrapElement
  /// Stores the content of optional `a` in `dst`, or jumps to `b` with register `c` set.
  case optionalStart
  case optionalWrap
  case optionalCheck
  /// `or` and `orValue`: to `b` with `dst` set when `a` holds a value.
  case optionalOr
  case coerce
  /// `a`, unless its size exceeds `b`; the name of the field is in `c`.
  case bound
  case fail
  case trace
}

struct Instruction: BitwiseCopyable {
  var opcode: Opcode
  /// The function that the operation implements.
  var builtin: Builtin
  /// A register.
  var dst: UInt16
  var a: UInt32
  var b: UInt32
  var c: UInt32

  /// In `c` of a comparison that is a term: it belongs to `||`.
  static let orFlag: UInt32 = 1 << 31
  /// It is the first term, so `dst` has no value yet.
  static let firstFlag: UInt32 = 1 << 30
  static let targetMask: UInt32 = (1 << 30) - 1

  init(_ opcode: Opcode, _ builtin: Builtin = .dyn, dst: Int = 0, a: UInt32 = 0, b: UInt32 = 0, c: UInt32 = 0) {
    self.opcode = opcode
    self.builtin = builtin
    self.dst = UInt16(truncatingIfNeeded: dst)
    self.a = a
    self.b = b
    self.c = c
  }
}

extension Opcode {
  /// The comparison as a term of `&&` or `||`.
  var asStep: Opcode? {
    switch self {
    case .equalInt: .equalIntStep
    case .notEqualInt: .notEqualIntStep
    case .lessInt: .lessIntStep
    case .lessOrEqualInt: .lessOrEqualIntStep
    case .lessDouble: .lessDoubleStep
    case .lessOrEqualDouble: .lessOrEqualDoubleStep
    case .equalString: .equalStringStep
    case .notEqualString: .notEqualStringStep
    default: nil
    }
  }

  var isComparisonStep: Bool {
    switch self {
    case .equalIntStep, .notEqualIntStep, .lessIntStep, .lessOrEqualIntStep, .lessDoubleStep, .lessOrEqualDoubleStep,
      .equalStringStep, .notEqualStringStep:
      true
    default: false
    }
  }
}

/// The address of an operand: two bits select the memory, the rest is the index in it.
enum Operand {
  static let register: UInt32 = 0
  static let frame: UInt32 = 1
  static let constant: UInt32 = 2
  static let indexBits: UInt32 = 28
  static let indexMask: UInt32 = (1 << indexBits) - 1

  static func register(_ index: Int) -> UInt32 { UInt32(index) }
  static func frame(_ index: Int) -> UInt32 { frame << indexBits | UInt32(index) }
  static func constant(_ index: Int) -> UInt32 { constant << indexBits | UInt32(index) }
}
