import FlowIR

/// One way through a step as text of SMT-LIB 2: its condition, and the data after it.
struct StepFormula {
  var variables: [PathFormula.Variable]
  var assertions: [String]
  /// The parts of the data at the beginning of the step that the condition mentions.
  var leaves: Set<Int>
  /// The data after the step, as far as they are followed.
  var after: [Int: String]

  /// The way that was executed last.
  /// - Parameter wanted: The parts of the data whose values after the step matter.
  init(
    _ executor: Executor, prefix: String, texts: TextNumbers, hasDoubles: Bool = true, wanted: some Sequence<Int>
  ) {
    var formula = PathFormula(executor, prefix: prefix, texts: texts, hasDoubles: hasDoubles)
    var after: [Int: String] = [:]
    for leaf in wanted {
      after[leaf] = formula.after(leaf, kind: ValueKind(executor.layout.leafTypes[leaf]))
    }
    self.after = after
    variables = formula.variables
    assertions = formula.assertions
    leaves = formula.leaves
  }

  /// The name of a part of the data at the beginning of a step.
  static func name(of leaf: Int, prefix: String) -> String { "\(prefix)v\(leaf)" }

  static func sort(of kind: ValueKind) -> String {
    switch kind {
    case .double: "(_ FloatingPoint 11 53)"
    case .bool: "Bool"
    default: "Int"
    }
  }
}
