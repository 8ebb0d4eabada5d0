import CEL

// The sets of values that terms may have on the path.
extension Executor {
  func set(of term: TermIndex) -> ValueSet {
    // The index may be that of a new set, which a copy of the pool made before does not have.
    let index = setIndex(of: term)
    return pool[index]
  }

  /// The set of the values of a term, as far as the path is known.
  func setIndex(of index: TermIndex) -> SetIndex {
    let term = terms[index]
    let own: SetIndex
    switch term.operation {
    case .symbol(let number): return symbolSets[number]
    case .constant(let value): return pool.index(of: ValueSet.single(value))
    case .arithmetic(let operation):
      let (left, right) = (setIndex(of: term.arguments[0]), setIndex(of: term.arguments[1]))
      own = pool.result(of: operation, left, right, kind: term.kind).values
    case .negate: own = negated(term)
    case .greatest, .least: own = extreme(term)
    case .asDouble: own = converted(term)
    case .size:
      let sizes = setIndex(of: term.arguments[0])
      own = sizes == .anything ? pool.index(of: ValueKind.sized.whole) : sizes
    case .joined:
      own = pool.result(of: .add, setIndex(of: term.arguments[0]), setIndex(of: term.arguments[1]), kind: .sized).values
    case .equal, .less, .lessOrEqual, .contained:
      own = assumptions[index].map { $0 ? .yes : .no } ?? .bools
    case .list, .part, .opaque: own = pool.index(of: term.kind.whole)
    }
    guard let refined = refinedTerms[index] else { return own }
    return pool.intersection(own, refined)
  }

  private func negated(_ term: Term) -> SetIndex {
    guard case .doubles(let spans, let hasNaN) = set(of: term.arguments[0]) else {
      return pool.index(of: term.kind.whole)
    }
    let opposite = spans.reversed().map {
      DoubleSpan(-$0.high, -$0.low, isLowOpen: $0.isHighOpen, isHighOpen: $0.isLowOpen)
    }
    return pool.index(of: .doubles(opposite, hasNaN: hasNaN))
  }

  private func extreme(_ term: Term) -> SetIndex {
    let bounds = term.arguments.compactMap { set(of: $0).numberBounds }
    guard bounds.count == term.arguments.count, var found = bounds.first else { return pool.index(of: term.kind.whole) }
    for other in bounds.dropFirst() {
      found =
        term.operation == .greatest
        ? max(found.lowerBound, other.lowerBound)...max(found.upperBound, other.upperBound)
        : min(found.lowerBound, other.lowerBound)...min(found.upperBound, other.upperBound)
    }
    return pool.index(of: .whole([found]))
  }

  private func converted(_ term: Term) -> SetIndex {
    guard let bounds = set(of: term.arguments[0]).numberBounds else { return pool.index(of: .allDoubles) }
    let span = DoubleSpan(Double(bounds.lowerBound), Double(bounds.upperBound))
    return pool.index(of: .doubles([span], hasNaN: false))
  }

  // MARK: - Learning

  /// Narrows the sets of what a condition compares, now that its answer is known.
  func learn(_ index: TermIndex, _ answer: Bool) throws(ValueStop) {
    let term = terms[index]
    switch term.operation {
    case .equal:
      let (one, two) = (term.arguments[0], term.arguments[1])
      if answer {
        try narrow(one, to: set(of: two))
        try narrow(two, to: set(of: one))
      } else if terms[one].kind != .sized, terms[one].kind != .other {
        try narrow(one, to: set(of: one).removing(set(of: two)))
        try narrow(two, to: set(of: two).removing(set(of: one)))
      }
    case .less, .lessOrEqual: try learnOrder(term, answer)
    case .contained:
      if answer, let list = term.arguments.last { try narrow(list, to: .whole([1...Int128.max])) }
    default: try narrow(index, to: answer ? .yes : .no)
    }
  }

  private func learnOrder(_ term: Term, _ answer: Bool) throws(ValueStop) {
    let (one, two) = (term.arguments[0], term.arguments[1])
    let isStrict = term.operation == .less
    if answer {
      try narrow(one, to: .below(set(of: two), isStrict: isStrict))
      try narrow(two, to: .above(set(of: one), isStrict: isStrict))
    } else if terms[one].kind != .double {
      try narrow(two, to: .below(set(of: one), isStrict: !isStrict))
      try narrow(one, to: .above(set(of: two), isStrict: !isStrict))
    } else if let number = single(two) {
      // `!(a < n)` is `a >= n`, or `a` is not a number.
      try narrow(one, to: notOrdered(number, isAbove: true, isStrict: !isStrict))
    } else if let number = single(one) {
      try narrow(two, to: notOrdered(number, isAbove: false, isStrict: !isStrict))
    }
  }

  private func single(_ term: TermIndex) -> ValueSet? {
    let set = set(of: term)
    return set.isSingle ? set : nil
  }

  private func notOrdered(_ number: ValueSet, isAbove: Bool, isStrict: Bool) -> ValueSet {
    let side = isAbove ? ValueSet.above(number, isStrict: isStrict) : .below(number, isStrict: isStrict)
    guard case .doubles(let spans, _) = side else { return .allDoubles }
    return .doubles(spans, hasNaN: true)
  }

  private func narrow(_ term: TermIndex, to set: ValueSet) throws(ValueStop) {
    guard set != .anything, set != .unset else { return }
    refine(term, to: set)
    if self.set(of: term).isEmpty { throw .infeasible }
  }

  /// Intersects the set of a term, and those of the terms that it is computed from by adding a known number.
  func refine(_ index: TermIndex, to set: ValueSet) {
    let term = terms[index]
    switch term.operation {
    case .symbol(let number):
      guard symbolSets[number] != .unset else { return }
      symbolSets[number] = pool.intersection(symbolSets[number], pool.index(of: set))
    case .constant: break
    case .size:
      refine(term.arguments[0], to: set)
    case .arithmetic(let operation) where term.kind == .int || term.kind == .uint || term.kind == .length:
      let known = refinedTerms[index] ?? pool.index(of: term.kind.whole)
      refinedTerms[index] = pool.intersection(known, pool.index(of: set))
      refine(operation, term, to: set)
    default:
      let known = refinedTerms[index] ?? pool.index(of: term.kind.whole)
      refinedTerms[index] = pool.intersection(known, pool.index(of: set))
    }
  }

  private func refine(_ operation: Arithmetic, _ term: Term, to set: ValueSet) {
    guard let bounds = set.numberBounds, let kinds = term.kind.range else { return }
    let low = Swift.max(bounds.lowerBound, kinds.lowerBound)
    let high = Swift.min(bounds.upperBound, kinds.upperBound)
    guard low <= high else { return }
    let (one, two) = (term.arguments[0], term.arguments[1])
    guard let left = self.set(of: one).numberBounds, let right = self.set(of: two).numberBounds else { return }
    switch operation {
    case .add:
      refine(one, to: .whole([(low - right.upperBound)...(high - right.lowerBound)]))
      refine(two, to: .whole([(low - left.upperBound)...(high - left.lowerBound)]))
    case .subtract:
      refine(one, to: .whole([(low + right.lowerBound)...(high + right.upperBound)]))
      refine(two, to: .whole([(left.lowerBound - high)...(left.upperBound - low)]))
    case .multiply, .divide, .modulo: break
    }
  }
}
