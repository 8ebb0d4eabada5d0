import FlowSource

/// A checked expression as code: compiled once, run many times, by any number of evaluators.
public struct ExpressionProgram: Sendable {
  let code: Code
  /// The typed expression it was compiled from, for explanations.
  public let typed: TypedExpression
  let types: TypeRegistry

  /// - Parameters:
  ///   - types: The registry of the environment that checked the expression.
  ///   - slotCount: The size of the frames it will run on; a variable beyond it is rejected.
  ///   - bound: The bound of the field that is assigned the value: the evaluation of a larger value fails.
  /// - Throws: When the expression does not fit the types or is too large.
  public init(
    _ typed: TypedExpression, types: TypeRegistry, slotCount: Int = 1 << 28, bound: SizeBound? = nil
  ) throws(LoadError) {
    var builder = ProgramBuilder(types: types, slotCount: slotCount)
    self.code = try builder.build(typed, within: bound)
    self.typed = typed
    self.types = types
  }

  /// The number of instructions.
  public var instructionCount: Int { code.instructionCount }
}

/// The instructions of a program and all objects that they refer to.
///
/// Unchecked because of the pointers, which are written in `init` only.
final class Code: @unchecked Sendable {
  let instructions: UnsafePointer<Instruction>
  let instructionCount: Int
  let constants: UnsafeMutablePointer<Slot>
  let registerCount: Int
  let range: SourceRange
  private let ranges: [SourceRange]
  private let frozen: FrozenSlots
  let patterns: [CompiledPattern]
  let fieldLists: [[Int]]
  let types: [ValueType]
  let variableNames: [Int: String]
  let tracer: ExplanationRecorder
  var traceCount: Int { tracer.nodes.count }

  init(_ builder: ProgramBuilder, constants frozen: FrozenSlots, range: SourceRange) {
    let memory = UnsafeMutablePointer<Instruction>.allocate(capacity: builder.code.count)
    for (index, instruction) in builder.code.enumerated() { (memory + index).initialize(to: instruction) }
    instructions = UnsafePointer(memory)
    instructionCount = builder.code.count
    constants = UnsafeMutablePointer(mutating: frozen.slots)
    registerCount = builder.highWater + 2
    self.range = range
    ranges = builder.ranges
    self.frozen = frozen
    patterns = builder.patterns
    fieldLists = builder.fieldLists
    types = builder.coercions
    variableNames = builder.variableNames
    tracer = builder.tracer
  }

  deinit { instructions.deallocate() }

  func range(_ instruction: Int) -> SourceRange {
    ranges.indices.contains(instruction) ? ranges[instruction] : range
  }
}

extension Evaluator {
  func variableName(_ slot: Int) -> String { current?.variableNames[slot] ?? "a variable" }

  func pattern(_ index: Int) -> CompiledPattern {
    guard let code = current, code.patterns.indices.contains(index) else {
      preconditionFailure("a pattern without code")
    }
    return code.patterns[index]
  }

  func fieldList(_ index: Int) -> [Int] {
    guard let code = current, code.fieldLists.indices.contains(index) else { return [] }
    return code.fieldLists[index]
  }

  func coercionType(_ index: Int) -> ValueType {
    guard let code = current, code.types.indices.contains(index) else { return .dyn }
    return code.types[index]
  }
}
