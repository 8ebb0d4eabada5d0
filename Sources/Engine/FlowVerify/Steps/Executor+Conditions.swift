import CEL
import FlowIR

// Conditions: decided by the sets of values and by what the path has decided before, otherwise a choice.
extension Executor {
  /// True if a condition holds; `&&` and `||` absorb failures as CEL does.
  func truth(_ index: NodeIndex) throws(ValueStop) -> Bool {
    let node = graph[index]
    switch node.operation {
    case .constant(.bool(let value)): return value
    case .not: return try !truth(node.children[0])
    case .and: return try all(node.children, are: true)
    case .or: return try !all(node.children, are: false)
    case .conditional: return try truth(node.children[try truth(node.children[0]) ? 1 : 2])
    case .strict:
      for child in node.children.dropLast() { _ = try evaluate(child) }
      return try truth(node.children[node.children.count - 1])
    case .equal: return try equality(index, node)
    case .less, .lessOrEqual: return try order(index, node)
    case .contained: return try membership(index, node)
    case .hasValue:
      if case .optional(let presence, _) = try evaluate(node.children[0]) {
        return try decide(presence, because: index)
      }
      return try choice(index)
    default:
      guard case .scalar(let term) = try evaluate(index) else { throw .failed }
      return try decide(term, because: index)
    }
  }

  private func all(_ children: [NodeIndex], are wanted: Bool) throws(ValueStop) -> Bool {
    var isFailed = false
    for child in children {
      do throws(ValueStop) {
        if try truth(child) != wanted { return false }
      } catch {
        if error == .infeasible { throw error }
        isFailed = true
      }
    }
    if isFailed { throw .failed }
    return true
  }

  private func choice(_ node: NodeIndex) throws(ValueStop) -> Bool {
    if isPeeking {
      pending = nil
      throw .infeasible
    }
    undecided.append(node)
    return choose(2, isFree: false) == 0
  }

  // MARK: - Comparisons

  private func equality(_ index: NodeIndex, _ node: ExpressionNode) throws(ValueStop) -> Bool {
    let (left, right) = (try evaluate(node.children[0]), try evaluate(node.children[1]))
    guard case .scalar(let one) = left, case .scalar(let two) = right else {
      if let answer = try optionalEquality(left, right, because: index) { return answer }
      let term = Term(operation: .opaque(index), kind: .bool, arguments: left.leaves + right.leaves)
      return try decide(terms.index(of: term), because: index)
    }
    return try equality(one, two, because: index)
  }

  /// Equality of an optional and an absent one, or one with a scalar value; nil for other operands.
  private func optionalEquality(
    _ left: TermOperand, _ right: TermOperand, because index: NodeIndex
  ) throws(ValueStop) -> Bool? {
    guard case .optional(let one, let first) = left, case .optional(let two, let second) = right else { return nil }
    let (isFirst, isSecond) = (try decide(one, because: index), try decide(two, because: index))
    guard isFirst == isSecond else { return false }
    if !isFirst { return true }
    guard case .scalar(let a) = first, case .scalar(let b) = second else { return nil }
    return try equality(a, b, because: index)
  }

  private func equality(_ one: TermIndex, _ two: TermIndex, because node: NodeIndex) throws(ValueStop) -> Bool {
    let kind = terms[one].kind
    if kind == .bool {
      // A flag that is compared with a known one is decided by itself.
      if let known = set(of: two).singleNumber { return try decide(one, because: node) == (known == 1) }
      if let known = set(of: one).singleNumber { return try decide(two, because: node) == (known == 1) }
    }
    let isSwapped = two.rawValue < one.rawValue
    let term = Term(operation: .equal, kind: .bool, arguments: isSwapped ? [two, one] : [one, two])
    return try decide(terms.index(of: term), because: node)
  }

  private func order(_ index: NodeIndex, _ node: ExpressionNode) throws(ValueStop) -> Bool {
    guard case .scalar(let left) = try evaluate(node.children[0]),
      case .scalar(let right) = try evaluate(node.children[1])
    else { return try choice(index) }
    let isStrict = node.operation == .less
    if terms[left].kind != .double, isStrict {
      // In a total order `a < b` is the opposite of `b <= a`.
      let opposite = Term(operation: .lessOrEqual, kind: .bool, arguments: [right, left])
      return try !decide(terms.index(of: opposite), because: index)
    }
    let term = Term(operation: isStrict ? .less : .lessOrEqual, kind: .bool, arguments: [left, right])
    return try decide(terms.index(of: term), because: index)
  }

  /// `x in list`.
  private func membership(_ index: NodeIndex, _ node: ExpressionNode) throws(ValueStop) -> Bool {
    let element = try evaluate(node.children[0])
    let list = graph[node.children[1]]
    if case .list = list.operation, case .scalar(let term) = element {
      var isFound = false
      for child in list.children {
        guard case .scalar(let other) = try evaluate(child) else { return try choice(index) }
        if !isFound { isFound = try equality(term, other, because: index) }
      }
      return isFound
    }
    if case .constant(.list(let values)) = list.operation, case .scalar(let term) = element {
      for value in values {
        let other = terms.constant(value, kind: terms[term].kind)
        if try equality(term, other, because: index) { return true }
      }
      return false
    }
    guard case .scalar(let container) = try evaluate(node.children[1]) else { return try choice(index) }
    let term = Term(operation: .contained, kind: .bool, arguments: element.leaves + [container])
    return try decide(terms.index(of: term), because: index)
  }

  // MARK: - Decisions

  /// The answer to a condition: known, or a choice that later decisions of the path keep to.
  func decide(_ term: TermIndex, because node: NodeIndex?) throws(ValueStop) -> Bool {
    if let known = known(term) { return known }
    if isPeeking {
      pending = (term, node)
      throw .infeasible
    }
    if let node { undecided.append(node) }
    let answer = choose(2, isFree: isFree(term)) == 0
    assumptions[term] = answer
    try learn(term, answer)
    return answer
  }

  /// The answer to a condition, if values and earlier decisions determine it.
  func known(_ index: TermIndex) -> Bool? {
    if let known = assumptions[index] { return known }
    let term = terms[index]
    switch term.operation {
    case .equal: return knownEquality(term)
    case .lessOrEqual, .less: return knownOrder(term)
    case .contained:
      guard let list = term.arguments.last, set(of: list).singleNumber == 0 else { return nil }
      return false
    default: return set(of: index).singleNumber.map { $0 == 1 }
    }
  }

  private func knownEquality(_ term: Term) -> Bool? {
    let (one, two) = (term.arguments[0], term.arguments[1])
    let kind = terms[one].kind
    // Lists may contain numbers that are not equal to themselves.
    let isExact = kind != .double && kind != .sized && kind != .other
    if one == two, isExact { return true }
    if case .constant(let left) = terms[one].operation, case .constant(let right) = terms[two].operation, isExact {
      return left == right
    }
    let answers = pool.equality(setIndex(of: one), setIndex(of: two))
    if kind == .sized {
      if !answers.mayHold { return false }
      return set(of: one).singleNumber == 0 && set(of: two).singleNumber == 0 ? true : nil
    }
    if kind == .other { return nil }
    if !answers.mayHold { return false }
    if !answers.mayFail { return true }
    guard isExact, kind != .text, kind != .bool, kind != .choice else { return nil }
    switch (assumed(.lessOrEqual, of: one, and: two), assumed(.lessOrEqual, of: two, and: one)) {
    case (true?, true?): return true
    case (false?, _), (_, false?): return false
    default: return nil
    }
  }

  private func knownOrder(_ term: Term) -> Bool? {
    let (one, two) = (term.arguments[0], term.arguments[1])
    let isStrict = term.operation == .less
    let isDouble = terms[one].kind == .double
    if one == two, !isDouble { return !isStrict }
    let answers = ValueSet.order(set(of: one), set(of: two), isStrict: isStrict)
    if !answers.mayHold { return false }
    if !answers.mayFail { return true }
    if assumed(.equal, of: min(one, two), and: max(one, two)) == true { return !isStrict }
    if isDouble {
      if assumed(.less, of: two, and: one) == true { return false }
      if isStrict, assumed(.lessOrEqual, of: two, and: one) == true { return false }
      if !isStrict, assumed(.less, of: one, and: two) == true { return true }
      return nil
    }
    // Of two numbers one is not larger than the other.
    return assumed(.lessOrEqual, of: two, and: one) == false ? true : nil
  }

  private func min(_ one: TermIndex, _ two: TermIndex) -> TermIndex { one.rawValue < two.rawValue ? one : two }
  private func max(_ one: TermIndex, _ two: TermIndex) -> TermIndex { one.rawValue < two.rawValue ? two : one }

  private func assumed(_ operation: Term.Operation, of one: TermIndex, and two: TermIndex) -> Bool? {
    guard !assumptions.isEmpty else { return nil }
    return assumptions[terms.index(of: Term(operation: operation, kind: .bool, arguments: [one, two]))]
  }

  /// True if the sender of the input can bring about both answers, whatever the data are: one value of the input is
  /// compared with a constant.
  private func isFree(_ index: TermIndex) -> Bool {
    let term = terms[index]
    switch term.operation {
    case .symbol(let number): return freeSymbols[number]
    case .equal, .less, .lessOrEqual:
      let kinds = term.arguments.map { argument -> Bool? in
        switch terms[argument].operation {
        case .constant: return true
        case .symbol(let number): return freeSymbols[number] ? false : nil
        default: return nil
        }
      }
      return kinds.contains(true) && kinds.contains(false) && terms[term.arguments[0]].kind != .sized
    default: return false
    }
  }
}
