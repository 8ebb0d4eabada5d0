import FlowSource

/// Runs programs: owns the registers, the memory and the fuel of one thread.
///
/// Slots that it creates are valid until ``reset()``.
public final class Evaluator {
  public let types: TypeRegistry
  public let limits: Limits
  @exclusivity(unchecked) var arena: Arena
  @exclusivity(unchecked) var fuel: Int
  /// The errors of the current evaluation with their instructions; error slots hold their index.
  @exclusivity(unchecked) var faults: [(fault: Fault, instruction: Int)] = []
  /// Set when a limit was passed: nothing absorbs that.
  @exclusivity(unchecked) var isStopped = false
  /// The instruction whose function is running.
  @exclusivity(unchecked) var instruction = 0
  @exclusivity(unchecked) var registers: UnsafeMutablePointer<Slot>
  @exclusivity(unchecked) private var registerCount = 64
  /// The registers that a program may use at once: none while faults are left from an earlier evaluation.
  @exclusivity(unchecked) var readyRegisters = 64
  /// The starts of registers, frame and constants, by the upper bits of an operand.
  let bases: UnsafeMutablePointer<UnsafeMutablePointer<Slot>>
  /// Arguments of a function of two.
  let pair: UnsafeMutablePointer<Slot>
  var patterns = PatternCache()
  /// The running code; its caller keeps it alive.
  @exclusivity(unchecked) var running: Unmanaged<Code>?
  /// The result of a program that does not end in the fast loop.
  @exclusivity(unchecked) var ended = Slot.unset
  /// The index of the type of the last literal record: many follow one of the same type.
  @exclusivity(unchecked) var literalRecord = 0
  /// Values of sub-expressions, by node, while explaining.
  var trace: [Slot?] = []

  public init(types: TypeRegistry, limits: Limits = .default) {
    self.types = types
    self.limits = limits
    arena = Arena(limit: limits.memoryBytes)
    fuel = limits.fuel
    registers = .allocate(capacity: registerCount)
    registers.initialize(repeating: .unset, count: registerCount)
    bases = .allocate(capacity: 4)
    bases.initialize(repeating: registers, count: 4)
    pair = .allocate(capacity: 4)
    pair.initialize(repeating: .unset, count: 4)
  }

  deinit {
    registers.deallocate()
    bases.deallocate()
    pair.deallocate()
  }

  /// Frees the memory; all slots created since the last call become invalid.
  public func reset() { arena.reset() }

  /// The bytes of memory in use since the last reset.
  public var memoryBytes: Int { arena.total }

  /// Evaluates a program over a frame of variables.
  ///
  /// - Parameter frame: A slot for each variable that the program uses.
  /// - Returns: A slot that is valid until ``reset()``; unknown when it depends on an unknown variable.
  /// - Throws: `EvaluationError` when the expression fails or a limit is exceeded.
  public func evaluate(_ program: ExpressionProgram, frame: UnsafePointer<Slot>) throws(EvaluationError) -> Slot {
    let result = evaluateCode(program.code, frame: frame)
    if _fastPath(result.tag.rawValue > Slot.Tag.error.rawValue) { return result }
    throw error(result, program.code)
  }

  /// Evaluates a condition. Allocates nothing for scalar guards.
  ///
  /// - Throws: `EvaluationError` when the expression fails, its value is not a bool, or a limit is exceeded.
  @inline(__always)
  public func isTrue(_ program: ExpressionProgram, frame: UnsafePointer<Slot>) throws(EvaluationError) -> Bool {
    let result = evaluateCode(program.code, frame: frame)
    if _fastPath(result.tag == .bool) { return result.asBool }
    throw conditionError(result, program.code)
  }

  func conditionError(_ result: Slot, _ code: Code) -> EvaluationError {
    if result.tag == .unknown { return EvaluationError("the condition depends on an unknown value", at: code.range) }
    return result.tag == .error
      ? error(result, code) : EvaluationError(Fault.notBool(result.tag).message, at: code.range)
  }

  var current: Code? { running?.takeUnretainedValue() }

  @inline(never)
  func prepare(_ count: Int) {
    faults.removeAll(keepingCapacity: true)
    isStopped = false
    if count > registerCount { grow(count) }
    readyRegisters = registerCount
  }

  private func grow(_ count: Int) {
    registers.deallocate()
    registers = .allocate(capacity: count)
    registers.initialize(repeating: .unset, count: count)
    registerCount = count
    bases[0] = registers
  }

  /// Prepares an evaluation without a program.
  func prepareForFolding() {
    fuel = limits.fuel
    running = nil
    prepare(0)
  }

  /// The fault of an error slot.
  func fault(_ slot: Slot) -> Fault? {
    let index = Int(truncatingIfNeeded: slot.payload)
    return slot.tag == .error && faults.indices.contains(index) ? faults[index].fault : nil
  }

  func error(_ result: Slot, _ code: Code) -> EvaluationError {
    if isStopped, let last = faults.last(where: { if case .limit = $0.fault { true } else { false } }) {
      return EvaluationError(last.fault.message, at: code.range(last.instruction), isLimit: true)
    }
    let index = Int(truncatingIfNeeded: result.payload)
    guard result.tag == .error, faults.indices.contains(index) else {
      return EvaluationError("a value is larger than the limits allow", at: code.range)
    }
    return EvaluationError(faults[index].fault.message, at: code.range(faults[index].instruction))
  }
}

// MARK: - Faults and limits

extension Evaluator {
  /// Records an error and returns its slot.
  @inline(never)
  func fail(_ fault: Fault) -> Slot {
    charge(20)
    readyRegisters = -1
    faults.append((fault, instruction))
    return Slot(.error, payload: UInt64(faults.count - 1))
  }

  func fail(_ message: String) -> Slot { fail(.custom(message)) }

  /// Stops the whole evaluation.
  @inline(never)
  func stop(_ message: String) -> Slot {
    isStopped = true
    readyRegisters = -1
    fuel = 0
    faults.append((.limit(message), instruction))
    return Slot(.error, payload: UInt64(faults.count - 1))
  }

  /// Subtracts `steps` from the fuel.
  @inline(__always)
  func charge(_ steps: Int) {
    fuel &-= steps
    if _slowPath(fuel < 0) { runOut() }
  }

  @inline(never)
  private func runOut() {
    if !isStopped { _ = stop("the expression takes more than \(limits.fuel) steps") }
  }
}

// MARK: - Patterns

extension Evaluator {
  /// Runs `search` with a pattern that is not compiled with the program; charges for compiling and searching `text`.
  func withPattern(_ pattern: Slot, text: Slot, search: (CompiledPattern) -> Slot) -> Slot {
    switch patterns.pattern(pattern.utf8) {
    case .failure(let error):
      charge(CompiledPattern.failedCompilationCost)
      return fail(.badPattern(error.reason))
    case .success(let (compiled, isNew)):
      if isNew { charge(compiled.compilationCost) }
      charge(compiled.searchCost(bytes: text.utf8.count))
      return fuel > 0 ? search(compiled) : .null
    }
  }
}

/// The most recently used patterns that are not constant.
struct PatternCache {
  private static let capacity = 16
  private var entries: [(text: [UInt8], compiled: CompiledPattern)] = []
  private var next = 0

  mutating func pattern(
    _ text: UnsafeBufferPointer<UInt8>
  ) -> Result<(compiled: CompiledPattern, isNew: Bool), RegexError> {
    if let known = entries.first(where: { $0.text.elementsEqual(text) }) { return .success((known.compiled, false)) }
    return CompiledPattern.compile(text).map { compiled in
      if entries.count < Self.capacity {
        entries.append((Array(text), compiled))
      } else {
        entries[next] = (Array(text), compiled)
        next = (next + 1) % Self.capacity
      }
      return (compiled, true)
    }
  }
}
