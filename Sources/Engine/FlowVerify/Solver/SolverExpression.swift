/// A term in the syntax of SMT-LIB 2, as a solver prints it.
indirect enum SolverExpression: Equatable {
  case symbol(String)
  case list([SolverExpression])

  /// The terms of a text, in order; those that are not closed are left out.
  static func parse(_ text: String) -> [SolverExpression] {
    var open: [[SolverExpression]] = [[]]
    var word = ""
    func close() {
      if !word.isEmpty { open[open.count - 1].append(.symbol(word)) }
      word = ""
    }
    for character in text {
      switch character {
      case "(":
        close()
        open.append([])
      case ")":
        close()
        guard open.count > 1 else { return open[0] }
        let last = open.removeLast()
        open[open.count - 1].append(.list(last))
      case " ", "\n", "\t", "\r": close()
      default: word.append(character)
      }
    }
    close()
    return open[0]
  }
}

/// Translates formulas of a solver over numbers and flags to conditions of Flow.
struct ConditionWriter {
  /// The names of variables in Flow; a formula over others has no text.
  var names: [String: String]

  /// The condition as text; nil when it has no short form.
  func text(_ expression: SolverExpression) -> String? {
    switch expression {
    case .symbol("true"): return "true"
    case .symbol("false"): return "false"
    case .symbol(let name): return names[name]
    case .list(let parts):
      guard case .symbol(let operation)? = parts.first else { return nil }
      let operands = Array(parts.dropFirst())
      switch operation {
      case "and": return joined(operands, by: " && ", isInner: false)
      case "or": return joined(operands, by: " || ", isInner: true)
      case "not": return operands.first.flatMap { negated($0) }
      case "<=", ">=", "<", ">", "=": return comparison(operation, operands)
      default: return nil
      }
    }
  }

  private func joined(_ operands: [SolverExpression], by separator: String, isInner: Bool) -> String? {
    var texts: [String] = []
    for operand in operands {
      guard let text = text(operand) else { return nil }
      if !texts.contains(text) { texts.append(text) }
    }
    let whole = texts.joined(separator: separator)
    return isInner && texts.count > 1 ? "(\(whole))" : whole
  }

  private func negated(_ expression: SolverExpression) -> String? {
    let opposites = ["<=": ">", ">=": "<", "<": ">=", ">": "<=", "=": "!="]
    switch expression {
    case .list(let parts):
      if case .symbol(let operation)? = parts.first, let opposite = opposites[operation] {
        return comparison(opposite, Array(parts.dropFirst()))
      }
      return text(expression).map { "!(\($0))" }
    case .symbol: return text(expression).map { "!\($0)" }
    }
  }

  // MARK: - Sums

  /// A sum of multiples of variables, and a number.
  private struct Sum {
    var factors: [String: Int] = [:]
    var number = 0

    func added(_ other: Sum, times factor: Int) -> Sum? {
      var sum = self
      for (name, value) in other.factors {
        let (product, isTooLarge) = value.multipliedReportingOverflow(by: factor)
        let (total, overflows) = sum.factors[name, default: 0].addingReportingOverflow(product)
        if isTooLarge || overflows { return nil }
        sum.factors[name] = total == 0 ? nil : total
      }
      let (product, isTooLarge) = other.number.multipliedReportingOverflow(by: factor)
      let (total, overflows) = sum.number.addingReportingOverflow(product)
      sum.number = total
      return isTooLarge || overflows ? nil : sum
    }
  }

  private func comparison(_ operation: String, _ operands: [SolverExpression]) -> String? {
    guard operands.count == 2 else { return nil }
    let symbol = operation == "=" ? "==" : operation
    guard let left = sum(operands[0]), let right = sum(operands[1]), let all = left.added(right, times: -1) else {
      // Flags are compared as such.
      guard let one = text(operands[0]), let two = text(operands[1]) else { return nil }
      return "\(one) \(symbol) \(two)"
    }
    var sides = [side(of: all, sign: 1), side(of: all, sign: -1)]
    if all.number > 0 { sides[0].append("\(all.number)") }
    if all.number < 0 { sides[1].append("\(all.number.magnitude)") }
    let texts = sides.map { $0.isEmpty ? "0" : $0.joined(separator: " + ") }
    let mirrored = ["<=": ">=", ">=": "<=", "<": ">", ">": "<"]
    if sides[0].isEmpty || all.factors.values.allSatisfy({ $0 < 0 }) {
      return "\(texts[1]) \(mirrored[symbol] ?? symbol) \(texts[0])"
    }
    return "\(texts[0]) \(symbol) \(texts[1])"
  }

  private func side(of sum: Sum, sign: Int) -> [String] {
    sum.factors.filter { $0.value.signum() == sign }.sorted { $0.key < $1.key }
      .map { $0.value.magnitude == 1 ? $0.key : "\($0.value.magnitude) * \($0.key)" }
  }

  private func sum(_ expression: SolverExpression) -> Sum? {
    switch expression {
    case .symbol(let word):
      if let number = Int(word) { return Sum(number: number) }
      return names[word].map { Sum(factors: [$0: 1]) }
    case .list(let parts):
      guard case .symbol(let operation)? = parts.first else { return nil }
      let terms = parts.dropFirst().map { sum($0) }
      guard !terms.contains(where: { $0 == nil }) else { return nil }
      let known = terms.compactMap(\.self)
      switch operation {
      case "+":
        return known.reduce(Optional(Sum())) { $0?.added($1, times: 1) }
      case "-" where known.count == 1: return Sum().added(known[0], times: -1)
      case "-": return known.dropFirst().reduce(known.first) { $0?.added($1, times: -1) }
      case "*":
        guard known.count == 2 else { return nil }
        if known[0].factors.isEmpty { return Sum().added(known[1], times: known[0].number) }
        return known[1].factors.isEmpty ? Sum().added(known[0], times: known[1].number) : nil
      default: return nil
      }
    }
  }
}
