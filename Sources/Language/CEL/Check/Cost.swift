/// Bounds of a number that is not known exactly; all sums and products stay within 64 bits.
public struct CostRange: Hashable, Sendable {
  public var minimum: UInt64
  public var maximum: UInt64

  public init(_ minimum: UInt64, _ maximum: UInt64) {
    self.minimum = minimum
    self.maximum = max(minimum, maximum)
  }

  public init(exactly value: UInt64) { self.init(value, value) }

  /// The unknown number.
  public static let unknown = CostRange(0, .max)
  static let zero = CostRange(exactly: 0)
  static let one = CostRange(exactly: 1)

  static func + (left: CostRange, right: CostRange) -> CostRange {
    CostRange(left.minimum.addingClamped(right.minimum), left.maximum.addingClamped(right.maximum))
  }

  static func * (left: CostRange, right: CostRange) -> CostRange {
    CostRange(left.minimum.multipliedClamped(right.minimum), left.maximum.multipliedClamped(right.maximum))
  }

  /// From the smaller to the larger of both.
  func union(_ other: CostRange) -> CostRange {
    CostRange(min(minimum, other.minimum), max(maximum, other.maximum))
  }

  /// A tenth, rounded up: the cost of reading this number of bytes.
  var scaled: CostRange { CostRange(minimum.tenth, maximum.tenth) }
}

extension UInt64 {
  fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  fileprivate func multipliedClamped(_ other: UInt64) -> UInt64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }

  fileprivate var tenth: UInt64 { self == .max ? .max : self / 10 + (self % 10 == 0 ? 0 : 1) }
}

extension TypedExpression {
  /// The lowest and highest cost of an evaluation, estimated before it runs.
  ///
  /// The unit is about one access to one value: a name, a field, a call. Macros multiply the cost of their bodies by
  /// the size of their ranges.
  /// - Parameter size: Returns the number of elements, entries or bytes of a variable, or of a field of any value. Nil
  ///   when unknown.
  public func cost(size: @escaping (SizedValue) -> CostRange? = { _ in nil }) -> CostRange {
    var estimator = CostEstimator(size: size)
    return estimator.estimate(self).cost
  }
}

/// A value whose size is needed to estimate a cost.
public struct SizedValue: Hashable, Sendable {
  /// The name of a variable and the fields; elements of a list or map are the step `@items`, keys `@keys`. Any other
  /// value is the first step `@value`.
  public var path: [String]
  public var type: ValueType
  /// The record that declares the last step of the path as a field; nil for other steps.
  public var record: String?
}

private struct CostEstimator {
  /// The estimate for a sub-expression.
  struct Estimate {
    var cost: CostRange
    var size = CostRange.unknown
    /// The path of its value, when the value is read from a variable.
    var path: [String]?
  }

  let size: (SizedValue) -> CostRange?
  private var locals: [Int: Estimate] = [:]
  private var definitions: [ObjectIdentifier: Estimate] = [:]

  init(size: @escaping (SizedValue) -> CostRange?) { self.size = size }

  private func known(_ path: [String]?, _ type: ValueType, record: String? = nil) -> CostRange {
    switch type {
    case .bool, .int, .uint, .double, .null, .timestamp, .duration: return .one
    default:
      return path.flatMap { size(SizedValue(path: $0, type: type, record: record)) } ?? .unknown
    }
  }

  mutating func estimate(_ typed: TypedExpression) -> Estimate {
    switch typed.kind {
    case .constant(let value): return Estimate(cost: .zero, size: CostRange(exactly: value.costSize))
    case .failure: return Estimate(cost: .one)
    case .variable(let name, _): return Estimate(cost: .one, size: known([name], typed.type), path: [name])
    case .local(_, let index):
      let local = locals[index]
      return Estimate(cost: .one, size: local?.size ?? .unknown, path: local?.path)
    case .named(let definition): return estimate(definition)
    case .select(let operand, let field, _):
      let inner = estimate(operand)
      let record = operand.type.recordName
      let path = (inner.path ?? record.map { _ in ["@value"] }).map { $0 + [field] }
      let size = known(path, typed.type, record: record)
      return Estimate(cost: inner.cost + .one, size: size, path: path)
    case .call(let builtin, _, let arguments): return estimate(builtin, arguments: arguments, typed: typed)
    case .and(let terms), .or(let terms): return estimateChain(terms)
    case .conditional(let condition, let then, let otherwise):
      let (first, second) = (estimate(then), estimate(otherwise))
      return Estimate(
        cost: estimate(condition).cost + first.cost.union(second.cost), size: first.size.union(second.size))
    case .list(let elements): return aggregate(10, parts: typed.children, count: elements.count)
    case .map(let entries): return aggregate(30, parts: typed.children, count: entries.count)
    case .record(_, let fields): return aggregate(40, parts: typed.children, count: fields.count)
    case .comprehension(let macro): return estimate(macro)
    case .bind(_, let local, let value, let body): return estimateBlock(local, values: [value], body: body)
    case .block(let first, let values, let body): return estimateBlock(first, values: values, body: body)
    case .function(let function, let arguments):
      let inner = estimate(function.body)
      return Estimate(cost: sum(arguments) + inner.cost + .one, size: inner.size)
    case .coerce(let operand):
      let inner = estimate(operand)
      return Estimate(cost: inner.cost + inner.size, size: inner.size, path: inner.path)
    }
  }

  private mutating func sum(_ parts: [TypedExpression]) -> CostRange {
    parts.reduce(.zero) { $0 + estimate($1).cost }
  }

  private mutating func aggregate(_ base: UInt64, parts: [TypedExpression], count: Int) -> Estimate {
    Estimate(cost: CostRange(exactly: base) + sum(parts), size: CostRange(exactly: UInt64(count)))
  }

  /// A definition is evaluated once, regardless of the number of references.
  private mutating func estimate(_ definition: Definition) -> Estimate {
    if let known = definitions[ObjectIdentifier(definition)] {
      return Estimate(cost: .one, size: known.size, path: known.path)
    }
    let found = estimate(definition.body)
    definitions[ObjectIdentifier(definition)] = found
    return found
  }

  /// At least the first term, at most all.
  private mutating func estimateChain(_ terms: [TypedExpression]) -> Estimate {
    let costs = terms.map { estimate($0).cost }
    let total = costs.reduce(.zero, +)
    return Estimate(cost: CostRange(costs.first?.minimum ?? 0, total.maximum), size: .one)
  }

  private mutating func estimateBlock(
    _ first: Int, values: [TypedExpression], body: TypedExpression
  ) -> Estimate {
    var most: UInt64 = 0
    for (index, value) in values.enumerated() {
      let found = estimate(value)
      most = (CostRange(exactly: most) + found.cost).maximum
      locals[first + index] = found
    }
    let inner = estimate(body)
    return Estimate(cost: inner.cost + CostRange(0, most), size: inner.size, path: inner.path)
  }

  // MARK: Macros

  private mutating func estimate(_ macro: TypedExpression.Comprehension) -> Estimate {
    let range = estimate(macro.range)
    bind(macro, range)
    let filter = macro.filter.map { estimate($0).cost } ?? .zero
    let body = estimate(macro.body)
    let turn = filter + body.cost + .one
    let total = range.size * turn
    let result = CostRange(0, range.size.maximum)
    switch macro.macro {
    case .all, .exists:
      return Estimate(cost: range.cost + CostRange(min(total.minimum, turn.minimum), total.maximum), size: .one)
    case .existsOne: return Estimate(cost: range.cost + total, size: .one)
    case .optMap, .optFlatMap: return Estimate(cost: range.cost + CostRange(0, turn.maximum), size: body.size)
    case .sortBy: return Estimate(cost: range.cost + total + total, size: range.size, path: range.path)
    case .filter: return Estimate(cost: range.cost + total, size: result, path: range.path)
    default: return Estimate(cost: range.cost + total, size: macro.filter == nil ? range.size : result)
    }
  }

  private mutating func bind(_ macro: TypedExpression.Comprehension, _ range: Estimate) {
    let isMap = if case .map = macro.range.type { true } else { false }
    func local(_ step: String, _ type: ValueType) -> Estimate {
      let path = range.path.map { $0 + [step] }
      return Estimate(cost: .one, size: path.flatMap { size(SizedValue(path: $0, type: type)) } ?? .unknown, path: path)
    }
    let (key, item) = macro.range.type.elements
    if macro.variables.count == 2 {
      locals[macro.first] = isMap ? local("@keys", key) : Estimate(cost: .one, size: .one)
      locals[macro.first + 1] = local("@items", item)
    } else {
      locals[macro.first] = isMap ? local("@keys", key) : local("@items", item)
    }
  }

  // MARK: Functions

  private mutating func estimate(
    _ builtin: Builtin, arguments: [TypedExpression], typed: TypedExpression
  ) -> Estimate {
    let parts = arguments.map { estimate($0) }
    let base = parts.reduce(CostRange.one) { $0 + $1.cost }
    let first = parts.first?.size ?? .zero
    let second = parts.count > 1 ? parts[1].size : .zero
    switch builtin {
    case .add where !isScalar(typed.type):
      let total = parts.reduce(CostRange.zero) { $0 + $1.size }
      return Estimate(cost: base + total.scaled, size: total)
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
      let smaller = CostRange(min(first.minimum, second.minimum), min(first.maximum, second.maximum))
      return Estimate(cost: isScalar(arguments.first?.type ?? .dyn) ? base : base + smaller.scaled, size: .one)
    case .isIn:
      let isList = if case .list = arguments.last?.type { true } else { false }
      return Estimate(cost: isList ? base + second : base, size: .one)
    case .startsWith, .endsWith: return Estimate(cost: base + second.scaled, size: .one)
    case .contains: return Estimate(cost: base + first.scaled * second.scaled, size: .one)
    case .matches: return Estimate(cost: base + (first + .one).scaled * second, size: .one)
    case .index, .optionalIndex:
      let path = parts.first?.path.map { $0 + ["@items"] }
      return Estimate(cost: base, size: known(path, typed.type), path: path)
    case .dyn: return Estimate(cost: base, size: first, path: parts.first?.path)
    case .sort, .sortByKeys, .distinct, .setsContains, .setsEquivalent, .setsIntersects:
      return Estimate(cost: base + first * (second == .zero ? first : second), size: CostRange(0, first.maximum))
    default:
      let isLarge = !isScalar(typed.type)
      let reads = arguments.first.map { !isScalar($0.type) } ?? false
      return Estimate(cost: reads ? base + first.scaled : base, size: isLarge ? CostRange(0, first.maximum) : .one)
    }
  }

  private func isScalar(_ type: ValueType) -> Bool {
    switch type {
    case .bool, .int, .uint, .double, .null, .timestamp, .duration, .enumeration: true
    default: false
    }
  }
}

extension Value {
  /// Elements, entries or bytes.
  fileprivate var costSize: UInt64 {
    switch self {
    case .string(let text): UInt64(text.utf8.count)
    case .bytes(let bytes): UInt64(bytes.count)
    case .list(let values): UInt64(values.count)
    case .map(let map): UInt64(map.entries.count)
    case .record(let record): UInt64(record.fields.count)
    default: 1
    }
  }
}

extension ValueType {
  /// The name of a record, also of an optional one; nil for other types.
  fileprivate var recordName: String? {
    switch self {
    case .record(let name): name
    case .optional(let wrapped): wrapped.recordName
    default: nil
    }
  }

  /// The types of the keys and the values of a map, or of the elements of a list.
  fileprivate var elements: (key: ValueType, value: ValueType) {
    switch self {
    case .map(let key, let value): (key, value)
    case .list(let element): (.int, element)
    default: (.dyn, .dyn)
    }
  }
}
