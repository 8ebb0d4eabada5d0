import CEL

/// The condition of a path as a script of SMT-LIB 2: what the path has decided, and the sets of the values.
///
/// A path without values that meet its condition does not exist. What has no counterpart in the script is left out, so
/// that fewer paths are recognized, and none is wrongly.
struct PathFormula {
  /// A variable of a formula.
  struct Variable {
    var name: String
    var sort: String
  }

  private let terms: TermPool
  private let pool: SetPool
  private let symbolSets: [SetIndex]
  private let refinedTerms: [TermIndex: SetIndex]
  private let environment: [TermIndex]
  private let prefix: String
  private let texts: TextNumbers
  /// False for formulas without floating-point numbers: conditions on doubles are left out.
  private let hasDoubles: Bool
  private(set) var variables: [Variable] = []
  private(set) var assertions: [String] = []
  /// The parts of the data at the beginning of the step that the formula mentions.
  private(set) var leaves: Set<Int> = []
  private var names: [TermIndex: String] = [:]
  /// The number of conditions in the script.
  private(set) var count = 0

  /// The script of the path that was executed last; nil when nothing was decided that a solver could refute.
  static func script(of executor: Executor) -> String? {
    let formula = PathFormula(executor)
    return formula.count > 0 ? PathFormula.script(of: [formula]) : nil
  }

  /// Declarations and assertions of formulas, and further assertions.
  static func script(of formulas: [PathFormula], _ conditions: [String] = []) -> String {
    let declarations = formulas.flatMap(\.variables).map { "(declare-const \($0.name) \($0.sort))" }
    let assertions = formulas.flatMap(\.assertions) + conditions
    return (declarations + assertions.map { "(assert \($0))" }).joined(separator: "\n")
  }

  /// The condition of the path that was executed last.
  /// - Parameters:
  ///   - prefix: The beginning of the names of variables, which distinguishes the steps of a run.
  ///   - texts: The numbers of texts in the question.
  init(_ executor: Executor, prefix: String = "", texts: TextNumbers = TextNumbers(), hasDoubles: Bool = true) {
    self.prefix = prefix
    self.texts = texts
    self.hasDoubles = hasDoubles
    environment = executor.environment
    terms = executor.terms
    pool = executor.pool
    symbolSets = executor.symbolSets
    refinedTerms = executor.refinedTerms
    let decided = executor.assumptions.sorted { $0.key.rawValue < $1.key.rawValue }
    for (term, answer) in decided { add(term, answer) }
  }

  /// A part of the data after the step; nil when it is not followed.
  mutating func after(_ leaf: Int, kind: ValueKind) -> String? {
    let term = environment[leaf]
    guard terms[term].kind == kind, kind != .other, hasDoubles || kind != .double else { return nil }
    return name(term)
  }

  private mutating func add(_ index: TermIndex, _ answer: Bool) {
    let term = terms[index]
    let (one, two) = (term.arguments.first, term.arguments.dropFirst().first)
    let text: String
    switch term.operation {
    case .equal:
      guard let one, let two else { return }
      let kind = terms[one].kind
      // Sizes of equal lists are equal; those of different lists may be.
      if kind == .other || kind == .sized && !answer || kind == .double && !hasDoubles { return }
      text = kind == .double ? "(fp.eq \(name(one)) \(name(two)))" : "(= \(name(one)) \(name(two)))"
    case .less, .lessOrEqual:
      guard let one, let two else { return }
      if terms[one].kind == .double, !hasDoubles { return }
      let isStrict = term.operation == .less
      let operation = terms[one].kind == .double ? (isStrict ? "fp.lt" : "fp.leq") : isStrict ? "<" : "<="
      text = "(\(operation) \(name(one)) \(name(two)))"
    case .part(-1):
      guard let one, let failure = failure(of: terms[one]) else { return }
      text = failure
    default: return
    }
    count += 1
    assertions.append(answer ? text : "(not \(text))")
  }

  /// The condition under which whole arithmetic has no result: an overflow, or a division by zero.
  private mutating func failure(of term: Term) -> String? {
    guard case .arithmetic(let operation) = term.operation, let range = term.kind.range else { return nil }
    let (left, right) = (name(term.arguments[0]), name(term.arguments[1]))
    guard let symbol = symbol(operation, isDouble: false) else {
      let isExtreme = "(and (= \(left) \(whole(range.lowerBound))) (= \(right) (- 1)))"
      return range.lowerBound < 0 ? "(or (= \(right) 0) \(isExtreme))" : "(= \(right) 0)"
    }
    return "(not \(between("(\(symbol) \(left) \(right))", range)))"
  }

  // MARK: - Terms

  private mutating func name(_ index: TermIndex) -> String {
    if let known = names[index] { return known }
    let term = terms[index]
    let text = expression(term) ?? variable(index, term)
    names[index] = text
    return text
  }

  /// The expression of a term; nil for one that is a value of its own.
  private mutating func expression(_ term: Term) -> String? {
    switch term.operation {
    case .constant(let value): return constant(value, term.kind)
    case .size: return name(term.arguments[0])
    case .joined: return "(+ \(name(term.arguments[0])) \(name(term.arguments[1])))"
    case .arithmetic(let operation):
      guard let symbol = symbol(operation, isDouble: term.kind == .double) else {
        return quotient(operation, of: term.arguments[0], by: term.arguments[1])
      }
      let text = "(\(symbol) \(name(term.arguments[0])) \(name(term.arguments[1])))"
      // The path continues only where the result is in range.
      if let range = term.kind.range { assertions.append(between(text, range)) }
      return text
    case .greatest, .least:
      let (one, two) = (name(term.arguments[0]), name(term.arguments[1]))
      return "(ite (\(term.operation == .greatest ? ">=" : "<=") \(one) \(two)) \(one) \(two))"
    default: return nil
    }
  }

  private func symbol(_ operation: Arithmetic, isDouble: Bool) -> String? {
    switch operation {
    case .add: isDouble ? "fp.add RNE" : "+"
    case .subtract: isDouble ? "fp.sub RNE" : "-"
    case .multiply: isDouble ? "fp.mul RNE" : "*"
    case .divide: isDouble ? "fp.div RNE" : nil
    case .modulo: nil
    }
  }

  /// A quotient or a remainder by a positive constant, rounded toward zero.
  private mutating func quotient(_ operation: Arithmetic, of one: TermIndex, by two: TermIndex) -> String? {
    guard terms[one].kind != .double, case .constant(let value) = terms[two].operation,
      let number = ValueSet.number(of: value), number > 0
    else { return nil }
    let (left, symbol) = (name(one), operation == .divide ? "div" : "mod")
    return "(ite (>= \(left) 0) (\(symbol) \(left) \(number)) (- (\(symbol) (- \(left)) \(number))))"
  }

  private mutating func variable(_ index: TermIndex, _ term: Term) -> String {
    var name = "\(prefix)t\(index.rawValue)"
    if case .symbol(let number) = term.operation, number < environment.count {
      name = "\(prefix)v\(number)"
      leaves.insert(number)
    }
    let sort =
      switch term.kind {
      case .double: "(_ FloatingPoint 11 53)"
      case .bool: "Bool"
      default: "Int"
      }
    variables.append(Variable(name: name, sort: sort))
    var set = term.kind.whole
    if case .symbol(let number) = term.operation { set = set.intersection(pool[symbolSets[number]]) }
    if let refined = refinedTerms[index] { set = set.intersection(pool[refined]) }
    if let text = membership(of: name, in: set, kind: term.kind) { assertions.append(text) }
    return name
  }

  private mutating func membership(of name: String, in set: ValueSet, kind: ValueKind) -> String? {
    switch set {
    case .anything, .unset: return nil
    case .whole(let ranges):
      if kind == .bool { return set.singleNumber.map { $0 == 1 ? name : "(not \(name))" } }
      guard !ranges.isEmpty else { return "false" }
      return any(ranges.map { between(name, $0) })
    case .doubles(let spans, let hasNaN):
      var ways = spans.map { span in
        let low = "(\(span.isLowOpen ? "fp.lt" : "fp.leq") \(double(span.low)) \(name))"
        return "(and \(low) (\(span.isHighOpen ? "fp.lt" : "fp.leq") \(name) \(double(span.high))))"
      }
      if hasNaN { ways.append("(fp.isNaN \(name))") }
      return ways.isEmpty ? "false" : any(ways)
    case .texts(let named, let isComplement):
      let equal = named.sorted().map { "(= \(name) \(texts.number(of: $0)))" }
      if isComplement { return equal.isEmpty ? nil : "(not \(any(equal)))" }
      return equal.isEmpty ? "false" : any(equal)
    }
  }

  private func any(_ ways: [String]) -> String { ways.count == 1 ? ways[0] : "(or \(ways.joined(separator: " ")))" }

  private func between(_ text: String, _ range: ClosedRange<Int128>) -> String {
    "(and (<= \(whole(range.lowerBound)) \(text)) (<= \(text) \(whole(range.upperBound))))"
  }

  // MARK: - Constants

  private mutating func constant(_ value: Value, _ kind: ValueKind) -> String? {
    switch value {
    case .bool(let flag): return flag ? "true" : "false"
    case .double(let number): return double(number)
    case .string(let text): return "\(texts.number(of: text))"
    default: return kind.isWhole ? ValueSet.number(of: value).map(whole) : nil
    }
  }

  private func whole(_ number: Int128) -> String { number < 0 ? "(- \(number.magnitude))" : "\(number)" }

  private func double(_ number: Double) -> String {
    if number.isNaN { return "(_ NaN 11 53)" }
    let bits = number.bitPattern
    let exponent = padded(String((bits >> 52) & 0x7ff, radix: 2), 11)
    let fraction = padded(String(bits & ((1 << 52) - 1), radix: 2), 52)
    return "(fp #b\(bits >> 63) #b\(exponent) #b\(fraction))"
  }

  private func padded(_ digits: String, _ width: Int) -> String {
    String(repeating: "0", count: width - digits.count) + digits
  }
}

/// The numbers of texts in a question: a text is the number of its first occurrence, as only equality matters.
final class TextNumbers {
  private var numbers: [String: Int] = [:]

  func number(of text: String) -> Int {
    if let known = numbers[text] { return known }
    numbers[text] = numbers.count
    return numbers.count - 1
  }
}
