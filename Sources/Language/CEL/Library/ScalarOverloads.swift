/// The overloads of an operator for two operands, each a scalar or `dyn`: their types decide on the result, so that no
/// overload has to be searched.
struct ScalarOverloads: Sendable {
  struct Match: Sendable {
    /// The only overload that accepts the types; nil when it is selected at run time.
    var overload: String?
    var result: ValueType
  }

  let builtin: Builtin
  private let table: [Match?]

  /// The operators of the library.
  static let byOperator: [String: ScalarOverloads] = {
    let operators = Environment.libraryOverloads.filter { $0.key.hasPrefix("_") && $0.key.hasSuffix("_") }
    return Dictionary(
      uniqueKeysWithValues: operators.compactMap { name, signatures in
        Builtin.named[name].map { (name, ScalarOverloads($0, signatures)) }
      })
  }()

  private init(_ builtin: Builtin, _ signatures: [Signature]) {
    self.builtin = builtin
    let types = ValueType.operands
    table = types.flatMap { left in types.map { ScalarOverloads.match([left, $0], signatures) } }
  }

  private static func match(_ types: [ValueType], _ signatures: [Signature]) -> Match? {
    let matches = signatures.compactMap { signature -> (id: String, result: ValueType)? in
      var trial = Substitution()
      return trial.unify(types, signature.parameters) ? (signature.id, trial.apply(signature.result)) : nil
    }
    guard let first = matches.first else { return nil }
    let isAgreed = matches.allSatisfy { $0.result == first.result }
    return Match(overload: matches.count == 1 ? first.id : nil, result: isAgreed ? first.result : .dyn)
  }

  /// The result for two types; nil for others than scalars and `dyn`, and when no overload accepts them.
  func match(_ left: ValueType, _ right: ValueType) -> Match? {
    guard let left = left.operandIndex, let right = right.operandIndex else { return nil }
    return table[left * ValueType.operands.count + right]
  }
}

extension ValueType {
  static let operands: [ValueType] = [
    .bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration, .dyn,
  ]

  /// The position in ``operands``.
  var operandIndex: Int? {
    switch self {
    case .bool: 0
    case .int: 1
    case .uint: 2
    case .double: 3
    case .string: 4
    case .bytes: 5
    case .timestamp: 6
    case .duration: 7
    case .dyn: 8
    default: nil
    }
  }

  var isScalar: Bool { self != .dyn && operandIndex != nil }
}
