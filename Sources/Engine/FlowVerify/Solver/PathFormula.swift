import CEL

/// The condition of a path as a script of SMT-LIB 2: what the path has decided, and the sets of the values.
///
/// A path without values that meet its condition does not exist. What has no counterpart in the script is left out, so
/// that fewer paths are recognized, and none is wrongly.
struct PathFormula {
  private let terms: TermPool
  private let pool: SetPool
  private let symbolSets: [SetIndex]
  private let refinedTerms: [TermIndex: SetIndex]
  private var declarations: [String] = []
  private var assertions: [String] = []
  private var names: [TermIndex: String] = [:]
  private var texts: [String: Int] = [:]
  /// The number of conditions in the script.
  private(set) var count = 0

  /// The script of the path that was executed last; nil when nothing was decided that a solver could refute.
  static func script(of executor: Executor) -> String? {
    var formula = PathFormula(executor)
    let decided = executor.assumptions.sorted { $0.key.rawValue < $1.key.rawValue }
    for (term, answer) in decided { formula.add(term, answer) }
    guard formula.count > 0 else { return nil }
    return (formula.declarations + formula.assertions).joined(separator: "\n")
  }

  private init(_ executor: Executor) {
    terms = executor.terms
    pool = executor.pool
    symbolSets = executor.symbolSets
    refinedTerms = executor.refinedTerms
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
      if kind == .other || kind == .sized && !answer { return }
      text = kind == .double ? "(fp.eq \(name(one)) \(name(two)))" : "(= \(name(one)) \(name(two)))"
    case .less, .lessOrEqual:
      guard let one, let two else { return }
      let isStrict = term.operation == .less
      let operation = terms[one].kind == .double ? (isStrict ? "fp.lt" : "fp.leq") : isStrict ? "<" : "<="
      text = "(\(operation) \(name(one)) \(name(two)))"
    default: return
    }
    count += 1
    assertions.append("(assert \(answer ? text : "(not \(text))"))")
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
      guard let symbol = symbol(operation, isDouble: term.kind == .double) else { return nil }
      let text = "(\(symbol) \(name(term.arguments[0])) \(name(term.arguments[1])))"
      // The path continues only where the result is in range.
      if let range = term.kind.range { assertions.append("(assert \(between(text, range)))") }
      return text
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

  private mutating func variable(_ index: TermIndex, _ term: Term) -> String {
    let name = "t\(index.rawValue)"
    let sort =
      switch term.kind {
      case .double: "(_ FloatingPoint 11 53)"
      case .bool: "Bool"
      default: "Int"
      }
    declarations.append("(declare-const \(name) \(sort))")
    var set = term.kind.whole
    if case .symbol(let number) = term.operation { set = set.intersection(pool[symbolSets[number]]) }
    if let refined = refinedTerms[index] { set = set.intersection(pool[refined]) }
    if let text = membership(of: name, in: set, kind: term.kind) { assertions.append("(assert \(text))") }
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
      let equal = named.sorted().map { "(= \(name) \(number(of: $0)))" }
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
    case .string(let text): return "\(number(of: text))"
    default: return kind.isWhole ? ValueSet.number(of: value).map(whole) : nil
    }
  }

  private func whole(_ number: Int128) -> String { number < 0 ? "(- \(number.magnitude))" : "\(number)" }

  /// A text is the number of its first occurrence: only equality of texts matters.
  private mutating func number(of text: String) -> Int {
    if let known = texts[text] { return known }
    texts[text] = texts.count
    return texts.count - 1
  }

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
