import CEL

/// Terms with their possible values: one way in which a formula may be true.
typealias Cube = [GuardTerm: Domain]

/// Proofs about guards, by intervals and finite sets over the terms that they compare.
///
/// A formula is represented as a list of cubes, one of which is true (disjunctive normal form), separately for "is
/// true" and for "is false": an expression that fails at run time is neither, and `&&` and `||` absorb failures as CEL
/// does. Any other expression is a separate term with the values true and false, so that a formula without cubes is
/// certainly impossible. With too many cubes nothing is claimed.
struct GuardLogic {
  /// The maximum number of cubes in a formula.
  static let maximumCubes = 256

  /// The maximum number of cube joins for one flow; beyond it, no further claims are made.
  static let maximumJoins = 400_000

  let reader: TermReader
  private let memory = Memory()

  /// The results for definitions, so that each is read once, and the number of joins so far.
  private final class Memory {
    struct Key: Hashable {
      var definition: ObjectIdentifier
      var wanted: Bool
    }
    var ways: [Key: [Cube]?] = [:]
    var failures: [ObjectIdentifier: Bool] = [:]
    var sums: [ObjectIdentifier: Sum?] = [:]
    var joins = 0
  }

  /// - Parameter names: The names of variables by their slot, where one slot has several.
  init(types: TypeRegistry, names: [Int: String] = [:]) { reader = TermReader(types: types, names: names) }

  /// True if the budget was spent, so that claims may be missing.
  var isExhausted: Bool { memory.joins > GuardLogic.maximumJoins }

  /// Returns whether a definition can fail; computed once for each definition.
  func canFail(_ definition: Definition, _ compute: () -> Bool) -> Bool {
    let key = ObjectIdentifier(definition)
    if let known = memory.failures[key] { return known }
    let result = compute()
    memory.failures[key] = result
    return result
  }

  /// Returns a definition as a sum; computed once for each definition.
  func sum(_ definition: Definition, _ compute: () -> Sum?) -> Sum? {
    let key = ObjectIdentifier(definition)
    if let known = memory.sums[key] { return known }
    let result = compute()
    memory.sums[key] = .some(result)
    return result
  }

  private func ways(_ definition: Definition, are wanted: Bool) -> [Cube]? {
    let key = Memory.Key(definition: ObjectIdentifier(definition), wanted: wanted)
    if let known = memory.ways[key] { return known }
    let found = ways(definition.body, are: wanted)
    memory.ways[key] = .some(found)
    return found
  }

  /// The ways in which an expression is `wanted`; nil when there are too many.
  func ways(_ tree: TypedExpression, are wanted: Bool) -> [Cube]? {
    switch tree.kind {
    case .constant(.bool(let value)): return value == wanted ? [[:]] : []
    case .named(let definition): return ways(definition, are: wanted)
    case .and(let terms): return wanted ? all(terms, are: true) : any(terms, are: false)
    case .or(let terms): return wanted ? any(terms, are: true) : all(terms, are: false)
    case .call(.not, _, let arguments) where arguments.count == 1: return ways(arguments[0], are: !wanted)
    case .conditional(let condition, let then, let otherwise):
      guard let yes = ways(condition, are: true), let no = ways(condition, are: false),
        let first = ways(then, are: wanted), let second = ways(otherwise, are: wanted),
        let left = both(yes, first), let right = both(no, second)
      else { return nil }
      return bounded(left + right)
    case .call(let builtin, _, let arguments) where arguments.count == 2:
      if let cubes = comparison(builtin, left: arguments[0], right: arguments[1], are: wanted) { return cubes }
      return opaque(tree, wanted)
    default: return opaque(tree, wanted)
    }
  }

  private func opaque(_ tree: TypedExpression, _ wanted: Bool) -> [Cube]? {
    guard tree.type == .bool, let term = reader.term(tree) else { return nil }
    return [[term: .names([wanted ? "true" : "false"], isComplement: false)]]
  }

  private func all(_ terms: [TypedExpression], are wanted: Bool) -> [Cube]? {
    var found: [Cube]? = [[:]]
    for term in terms {
      guard let sofar = found, let next = ways(term, are: wanted) else { return nil }
      found = both(sofar, next)
    }
    return found
  }

  private func any(_ terms: [TypedExpression], are wanted: Bool) -> [Cube]? {
    var found: [Cube] = []
    for term in terms {
      guard let next = ways(term, are: wanted) else { return nil }
      found += next
    }
    return bounded(found)
  }

  /// The combinations of the left and right ways that are possible together.
  func both(_ left: [Cube], _ right: [Cube]) -> [Cube]? {
    memory.joins += left.count * right.count
    guard left.count * right.count <= GuardLogic.maximumCubes * 4, !isExhausted else { return nil }
    return bounded(left.flatMap { a in right.compactMap { joined(a, $0) } })
  }

  private func joined(_ left: Cube, _ right: Cube) -> Cube? {
    var cube = left
    for (term, domain) in right {
      let narrowed = (cube[term] ?? term.whole).intersection(domain)
      guard !narrowed.isEmpty else { return nil }
      cube[term] = narrowed
    }
    return cube
  }

  private func bounded(_ cubes: [Cube]) -> [Cube]? {
    let unique = Array(Set(cubes))
    return unique.count <= GuardLogic.maximumCubes ? unique : nil
  }

  // MARK: - Comparisons

  private func comparison(
    _ builtin: Builtin, left: TypedExpression, right: TypedExpression, are wanted: Bool
  ) -> [Cube]? {
    if builtin == .isIn { return membership(of: left, in: right, is: wanted) }
    guard [.equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual].contains(builtin), left.type == right.type
    else { return nil }
    if left.type == .int, let cubes = linear(builtin, left: left, right: right, are: wanted) { return cubes }
    if let value = constant(right) { return comparison(builtin, of: left, with: value, isFlipped: false, are: wanted) }
    if let value = constant(left) { return comparison(builtin, of: right, with: value, isFlipped: true, are: wanted) }
    return relation(builtin, left: left, right: right, are: wanted)
  }

  func constant(_ tree: TypedExpression) -> Value? {
    if case .named(let definition) = tree.kind { return constant(definition.body) }
    return tree.constant
  }

  private func comparison(
    _ builtin: Builtin, of tree: TypedExpression, with value: Value, isFlipped: Bool, are wanted: Bool
  ) -> [Cube]? {
    // A flag that is compared with true or false is the flag itself.
    if case .bool(let flag) = value, builtin == .equal || builtin == .notEqual {
      return ways(tree, are: (flag == wanted) == (builtin == .equal))
    }
    guard let term = reader.term(tree) else { return nil }
    let domain: Domain?
    switch builtin {
    case .equal: domain = reader.single(value)
    case .notEqual: domain = reader.single(value)?.complement(in: term.whole)
    case .less, .greater: domain = reader.side(value, isBelow: (builtin == .less) != isFlipped, isStrict: true)
    default: domain = reader.side(value, isBelow: (builtin == .lessOrEqual) != isFlipped, isStrict: false)
    }
    return domain.map { ways(of: term, in: $0, are: wanted) }
  }

  private func ways(of term: GuardTerm, in domain: Domain, are wanted: Bool) -> [Cube] {
    let held = (wanted ? domain : domain.complement(in: term.whole)).intersection(term.whole)
    return held.isEmpty ? [] : [[term: held]]
  }

  /// `x in [a, b]` with constants.
  private func membership(of left: TypedExpression, in right: TypedExpression, is wanted: Bool) -> [Cube]? {
    let values: [Value]
    switch right.kind {
    case .constant(.list(let items)): values = Array(items)
    case .list(let elements):
      let constants = elements.compactMap { $0.isOptional ? nil : constant($0.value) }
      guard constants.count == elements.count else { return nil }
      values = constants
    case .named(let definition): return membership(of: left, in: definition.body, is: wanted)
    default: return nil
    }
    guard let term = reader.term(left) else { return nil }
    var outside = term.whole
    for value in values {
      guard let single = reader.single(value) else { return nil }
      outside = single.complement(in: outside)
    }
    return ways(of: term, in: outside, are: !wanted)
  }

  /// A comparison of two terms.
  private func relation(
    _ builtin: Builtin, left: TypedExpression, right: TypedExpression, are wanted: Bool
  ) -> [Cube]? {
    guard reader.term(left) != nil, left.type != .bool else { return nil }
    let (a, b) = (reader.key(left), reader.key(right))
    let isSwapped = b < a
    var whole: Set<String> = ["<", "=", ">"]
    if left.type == .double { whole.insert("unordered") }
    var held: Set<String>
    switch builtin {
    case .equal: held = ["="]
    case .notEqual: held = whole.subtracting(["="])
    case .less: held = ["<"]
    case .lessOrEqual: held = ["<", "="]
    case .greater: held = [">"]
    default: held = [">", "="]
    }
    if isSwapped { held = Set(held.map { $0 == "<" ? ">" : $0 == ">" ? "<" : $0 }) }
    if a == b { held.formIntersection(left.type == .double ? ["=", "unordered"] : ["="]) }
    let range = a == b ? whole.intersection(left.type == .double ? ["=", "unordered"] : ["="]) : whole
    let key = isSwapped ? "\(b) <=> \(a)" : "\(a) <=> \(b)"
    let term = GuardTerm(key: key, whole: .names(range, isComplement: false), isFree: false)
    return ways(of: term, in: .names(held, isComplement: false), are: wanted)
  }
}
