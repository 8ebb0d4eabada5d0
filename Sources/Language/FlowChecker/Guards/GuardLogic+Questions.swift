import CEL

extension GuardLogic {
  /// A proof about an expression: it is always true and can't fail, it is never true, or neither is known.
  enum Certainty { case always, maybe, never }

  /// - Parameter safeSlots: The variables that always have a value; an expression that may fail is not always true.
  func certainty(of tree: TypedExpression, safeSlots: Range<Int>) -> Certainty {
    if isNeverTrue(tree) { return .never }
    return !canFail(tree, safeSlots) && ways(tree, are: false)?.isEmpty ?? false ? .always : .maybe
  }

  /// Returns whether no values make it true.
  func isNeverTrue(_ tree: TypedExpression) -> Bool { ways(tree, are: true)?.isEmpty ?? false }

  /// Returns whether one of `winners` is true, or fails, whenever `tree` is true: then `tree`, evaluated after them, is
  /// never reached.
  func isCovered(_ tree: TypedExpression?, by winners: [TypedExpression?]) -> Bool {
    coverage(of: tree, by: winners) == .complete
  }

  /// The part of the cases of an expression in which one of others is true or fails.
  enum Coverage { case complete, partial, unknown }

  func coverage(of tree: TypedExpression?, by winners: [TypedExpression?]) -> Coverage {
    // One that is never false covers every case, however many cubes the others have.
    if winners.contains(where: { $0.map { ways($0, are: false)?.isEmpty ?? false } ?? true }) { return .complete }
    var rest: [Cube]? = tree.map { ways($0, are: true) } ?? [[:]]
    for winner in winners.compactMap({ $0 }) {
      guard let sofar = rest, let no = ways(winner, are: false) else { return .unknown }
      rest = both(sofar, no)
    }
    return rest.map { $0.isEmpty ? .complete : .partial } ?? .unknown
  }

  /// Returns whether two guards are never true together.
  func exclude(_ left: TypedExpression?, _ right: TypedExpression?) -> Bool {
    let first: [Cube]? = left.map { ways($0, are: true) } ?? [[:]]
    let second: [Cube]? = right.map { ways($0, are: true) } ?? [[:]]
    guard let first, let second else { return false }
    return both(first, second)?.isEmpty ?? false
  }

  /// Returns whether some expressions may be true while others are false; true when that is not known.
  func canHold(_ held: [TypedExpression], without failed: [TypedExpression]) -> Bool {
    var found: [Cube] = [[:]]
    for (trees, wanted) in [(held, true), (failed, false)] {
      for tree in trees {
        guard let next = ways(tree, are: wanted), let both = both(found, next) else { return true }
        found = both
      }
    }
    return !found.isEmpty
  }

  /// Values for which all of some expressions are true, or all are false; only values that can occur.
  /// - Parameter facts: Expressions that are true.
  func witness(_ trees: [TypedExpression], all wanted: Bool, given facts: [TypedExpression] = []) -> String? {
    var found: [Cube] = [[:]]
    for fact in facts {
      guard let next = ways(fact, are: true), let both = both(found, next) else { return nil }
      found = both
    }
    for tree in trees {
      guard let next = ways(tree, are: wanted), let both = both(found, next) else { return nil }
      found = both
    }
    let real = found.filter { cube in !cube.isEmpty && cube.keys.allSatisfy(\.isFree) }
    return real.map(text).min { ($0.count, $0) < ($1.count, $1) }
  }

  private func text(_ cube: Cube) -> String {
    cube.sorted { $0.key.key < $1.key.key }.map { "\($0.key.key) = \($0.value.example)" }.joined(separator: ", ")
  }

  /// Returns whether evaluation may end in an error; true for anything not known to be safe.
  private func canFail(_ tree: TypedExpression, _ safeSlots: Range<Int>) -> Bool {
    switch tree.kind {
    case .constant: false
    case .variable(_, let slot): !safeSlots.contains(slot)
    case .named(let definition): canFail(definition) { canFail(definition.body, safeSlots) }
    case .select(let operand, _, .plain):
      if case .record = operand.type { canFail(operand, safeSlots) } else { true }
    case .and, .or, .conditional: tree.children.contains { canFail($0, safeSlots) }
    case .call(let builtin, _, let arguments):
      !GuardLogic.total.contains(builtin) || arguments.contains { $0.type == .dyn || canFail($0, safeSlots) }
    case .list(let elements): elements.contains { canFail($0.value, safeSlots) }
    default: true
    }
  }

  /// Functions that have a value for all arguments of their types.
  private static let total: Set<Builtin> = [
    .not, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .isIn, .size, .contains, .startsWith,
    .endsWith, .hasValue,
  ]
}
