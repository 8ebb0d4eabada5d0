import FlowCompiler
import FlowGenerator
import FlowSource
import Testing

/// Random guards with a known answer: the findings about each reaction are compared with evaluating all guards for all
/// values that they distinguish, with the invariant assumed.
@Suite struct GuardPropertyTests {
  /// The values of the data fields.
  struct Values {
    var flag: Bool
    var number: Int
    var plan: Int

    /// All values that differ for comparisons with 0 to 4.
    static let all: [Values] = [false, true].flatMap { flag in
      (-1...5).flatMap { number in (0..<3).map { Values(flag: flag, number: number, plan: $0) } }
    }
  }

  indirect enum Condition {
    case flag
    case number(String, Int)
    case plan(isEqual: Bool, Int)
    case not(Condition)
    case and(Condition, Condition)
    case or(Condition, Condition)

    static let plans = ["free", "pro", "team"]

    init(_ random: inout SplitMix64, depth: Int) {
      guard depth > 0, random.next(below: 10) < 6 else {
        switch random.next(below: 5) {
        case 0: self = .flag
        case 1: self = .plan(isEqual: random.next(below: 2) == 0, random.next(below: 3))
        default: self = .number(random.pick(["<", "<=", ">", ">=", "==", "!="]), random.next(below: 5))
        }
        return
      }
      switch random.next(below: 3) {
      case 0: self = .not(Condition(&random, depth: depth - 1))
      case 1: self = .and(Condition(&random, depth: depth - 1), Condition(&random, depth: depth - 1))
      default: self = .or(Condition(&random, depth: depth - 1), Condition(&random, depth: depth - 1))
      }
    }

    var text: String {
      switch self {
      case .flag: "flag"
      case .number(let sign, let bound): "n \(sign) \(bound)"
      case .plan(let isEqual, let plan): "plan \(isEqual ? "==" : "!=") Plan.\(Condition.plans[plan])"
      case .not(let inner): "!(\(inner.text))"
      case .and(let left, let right): "(\(left.text)) && (\(right.text))"
      case .or(let left, let right): "(\(left.text)) || (\(right.text))"
      }
    }

    func holds(_ values: Values) -> Bool {
      switch self {
      case .flag: values.flag
      case .number(let sign, let bound):
        switch sign {
        case "<": values.number < bound
        case "<=": values.number <= bound
        case ">": values.number > bound
        case ">=": values.number >= bound
        case "==": values.number == bound
        default: values.number != bound
        }
      case .plan(let isEqual, let plan): (values.plan == plan) == isEqual
      case .not(let inner): !inner.holds(values)
      case .and(let left, let right): left.holds(values) && right.holds(values)
      case .or(let left, let right): left.holds(values) || right.holds(values)
      }
    }
  }

  /// A flow with several reactions to one event.
  struct Chart {
    static let firstLine = 15
    var invariant: Condition
    var guards: [Condition]

    init(seed: UInt64) {
      var random = SplitMix64(state: seed)
      invariant = Condition(&random, depth: 1)
      guards = (0..<(2 + random.next(below: 3))).map { _ in Condition(&random, depth: 2) }
    }

    var text: String {
      """
      enum Plan { free, pro, team }
      event Placed { flag: bool  n: int  plan: Plan }
      event Go

      flow Order {
        data { flag: bool  n: int  plan: Plan }
        invariant \(invariant.text)
        start on Placed -> open do {
          flag = event.flag
          n = event.n
          plan = event.plan
        }
        state open {
          after 1h -> closed
      \(guards.enumerated().map { "    on Go when \($1.text) -> closed do log \"\($0)\"" }.joined(separator: "\n"))
        }
        final closed
      }
      """
    }

    /// The values for which each guard decides, in the order of the reactions.
    func isShadowed(_ index: Int) -> Bool {
      Values.all.allSatisfy { values in
        !guards[index].holds(values) || guards[..<index].contains { $0.holds(values) }
      }
    }

    func isAlways(_ value: Bool, _ index: Int) -> Bool { Values.all.allSatisfy { guards[index].holds($0) == value } }

    func isContradicted(_ index: Int) -> Bool {
      !Values.all.contains { invariant.holds($0) && guards[index].holds($0) }
    }

    /// Returns whether the invariant permits values for which no reaction fires.
    var hasGap: Bool {
      Values.all.contains { values in invariant.holds(values) && !guards.contains { $0.holds(values) } }
    }
  }

  @Test("claims about random guards and invariants agree with evaluating them", arguments: [0, 200, 400] as [UInt64])
  func claims(_ first: UInt64) throws {
    var counts = (always: 0, never: 0, contradicted: 0, shadowed: 0, free: 0, gaps: 0)
    for seed in first..<(first + 200) {
      let chart = Chart(seed: seed)
      let text = chart.text
      let compilation = compile("main.flow") { _ in Array(text.utf8) }
      var codes: [Int: Set<String>] = [:]
      for found in compilation.diagnostics {
        let line = compilation.sources.file(at: found.range.lower)?.position(of: found.range.lower).line ?? 0
        codes[line - Chart.firstLine, default: []].insert(found.code)
      }
      for index in chart.guards.indices {
        let found = codes[index] ?? []
        let comment: Comment = "seed \(seed), reaction \(index): \(found.sorted())\n\(text)"
        let isNever = chart.isAlways(false, index)
        let isContradicted = !isNever && !chart.isAlways(true, index) && chart.isContradicted(index)
        try #require(found.contains("F405") == chart.isAlways(true, index), comment)
        try #require(found.contains("F406") == isNever, comment)
        try #require(found.contains("F407") == isContradicted, comment)
        counts.always += chart.isAlways(true, index) ? 1 : 0
        counts.never += isNever ? 1 : 0
        counts.contradicted += isContradicted ? 1 : 0
        guard index > 0, !isNever else { continue }
        let isShadowed = chart.isShadowed(index)
        try #require(!found.isDisjoint(with: ["F401", "F402"]) == isShadowed, comment)
        counts.shadowed += isShadowed ? 1 : 0
        counts.free += isShadowed ? 0 : 1
      }
      guard compilation.diagnostics.contains(where: { $0.code == "F404" }) else { continue }
      counts.gaps += 1
      try #require(chart.hasGap, "seed \(seed)\n\(text)")
    }
    print("guards", counts)
    #expect(counts.always > 5 && counts.never > 5 && counts.contradicted > 5, "\(counts)")
    #expect(counts.shadowed > 20 && counts.free > 100, "\(counts)")
  }
}
