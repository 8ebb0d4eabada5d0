import CEL
import FlowGenerator
import Testing

@testable import FlowChecker

/// Claims about guards are compared with their evaluation, for values at and around every bound.
@Suite struct GuardLogicTests {
  private static let ints: [Int64] = [.min, -3, -1, 0, 1, 2, 3, 4, 7, .max]
  private static let doubles: [Double] = [-.infinity, -1.5, -0.0, 0, 0.5, 1, 1.5, 2, .infinity, .nan]
  private static let texts = ["", "a", "b", "paid", "other"]
  private static let plans: [Int64] = [0, 1, 2]

  /// The variables, with all assignments to try.
  private struct Scene {
    var environment = Environment()
    var assignments: [[Value]] = []

    init() {
      environment.types.declare(
        EnumDeclaration("Plan", values: [("free", 0), ("pro", 1), ("team", 2)], isStrong: true))
      for (name, type): (String, ValueType) in [
        ("n", .int), ("m", .int), ("x", .double), ("s", .string), ("p", .enumeration("Plan")), ("b", .bool),
      ] {
        environment.declare(variable: name, type: type)
      }
      var random = SplitMix64(state: 11)
      for _ in 0..<400 {
        assignments.append([
          .int(random.pick(GuardLogicTests.ints)), .int(random.pick(GuardLogicTests.ints)),
          .double(random.pick(GuardLogicTests.doubles)), .string(random.pick(GuardLogicTests.texts)),
          .enumeration(type: "Plan", number: random.pick(GuardLogicTests.plans)), .bool((random.next(below: 2) == 0)),
        ])
      }
    }

    /// The value of a guard for each assignment; nil where it fails.
    func answers(_ tree: TypedExpression) throws -> [Bool?] {
      let code = try ExpressionProgram(tree, types: environment.types)
      let evaluator = Evaluator(types: environment.types)
      let types: [ValueType] = [.int, .int, .double, .string, .enumeration("Plan"), .bool]
      return assignments.map { values in
        evaluator.reset()
        let frame = Frame(count: values.count)
        for (slot, value) in values.enumerated() { frame[slot] = evaluator.slot(value, as: types[slot]) }
        guard let slot = try? evaluator.evaluate(code, frame: frame) else { return nil }
        return evaluator.value(slot, as: .bool) == .bool(true)
      }
    }
  }

  private func atom(_ random: inout SplitMix64) -> String {
    let order = random.pick(["<", "<=", ">", ">=", "==", "!="])
    let equal = random.pick(["==", "!="])
    switch random.next(below: 15) {
    case 0, 1: return "n \(order) \(random.pick(["-1", "0", "1", "2", "3", "9223372036854775807"]))"
    case 2: return "\(random.pick(["0", "2", "3"])) \(order) m"
    case 3: return "n \(order) m"
    case 4, 5: return "x \(order) \(random.pick(["0.0", "0.5", "1.0", "1.5", "-1.5"]))"
    case 6: return "s \(equal) \"\(random.pick(["paid", "a", ""]))\""
    case 7: return "s in [\"a\", \"paid\"]"
    case 8: return "p \(equal) Plan.\(random.pick(["free", "pro", "team"]))"
    case 9: return "b"
    case 11:
      return "n \(random.pick(["+", "-"])) \(random.pick(["1", "2", "m"])) \(order) \(random.pick(["0", "3", "m"]))"
    case 12: return "\(random.pick(["2", "-3"])) * n + 1 \(order) \(random.pick(["7", "m", "m - 2", "n"]))"
    case 13: return "-(m - n) \(order) \(random.pick(["0", "1", "n + 1"]))"
    case 10: return "size(s) \(order) \(random.pick(["0", "1", "4", "-1"]))"
    default: return "10 / n > 2"
    }
  }

  private func condition(_ random: inout SplitMix64, depth: Int) -> String {
    guard depth > 0, random.next(below: 10) < 7 else { return atom(&random) }
    switch random.next(below: 4) {
    case 0: return "!(\(condition(&random, depth: depth - 1)))"
    case 1: return "(\(condition(&random, depth: depth - 1)) && \(condition(&random, depth: depth - 1)))"
    case 2: return "(\(condition(&random, depth: depth - 1)) || \(condition(&random, depth: depth - 1)))"
    default:
      let parts = (0..<3).map { _ in condition(&random, depth: depth - 1) }
      return "(\(parts[0]) ? \(parts[1]) : \(parts[2]))"
    }
  }

  @Test("claims about random guards agree with their evaluation") func claimsHold() throws {
    let scene = Scene()
    let logic = GuardLogic(types: scene.environment.types)
    var random = SplitMix64(state: 5)
    var claims = (never: 0, always: 0, covered: 0, excluded: 0, witness: 0, overflow: 0)
    for _ in 0..<1500 {
      let (first, second) = (condition(&random, depth: 3), condition(&random, depth: 2))
      let a = try #require(scene.environment.check(parse(first).0).expression)
      let b = try #require(scene.environment.check(parse(second).0).expression)
      let (left, right) = (try scene.answers(a), try scene.answers(b))
      if logic.isNeverTrue(a) {
        claims.never += 1
        try #require(!left.contains(true), "\(first) is said never to be true")
      }
      if logic.certainty(of: a, safeSlots: 0..<6) == .always {
        claims.always += 1
        try #require(left.allSatisfy { $0 == true }, "\(first) is said always to be true")
      }
      if logic.isCovered(b, by: [a]) {
        claims.covered += 1
        try #require(!zip(right, left).contains { $0 == true && $1 == false }, "\(first) is said to cover \(second)")
      }
      if logic.exclude(a, b) {
        claims.excluded += 1
        try #require(!zip(left, right).contains { $0 == true && $1 == true }, "\(first) is said to exclude \(second)")
      }
      if let text = logic.witness([a, b], all: true) {
        let hold = try [first, second].map { try expect(text, makes: $0, in: scene.environment) }
        if hold.contains(false) { claims.overflow += 1 } else { claims.witness += 1 }
      }
    }
    #expect(claims.never > 20 && claims.always > 20 && claims.covered > 20 && claims.excluded > 20)
    #expect(claims.witness > 100 && claims.overflow < claims.witness / 10)
  }

  /// The digits of the first and the last integer without their last one: sums with them may overflow.
  private static let extreme = "922337203685477580"

  /// Replaces the variables by the values of a witness; the guard is then true for all values of the others.
  /// - Returns: False when the guard has no value, because a sum with the first or the last integer overflows.
  private func expect(_ witness: String, makes guardText: String, in environment: Environment) throws -> Bool {
    var bound = environment
    bound.reportsConstantFaults = false
    for part in witness.split(separator: ", ") {
      let sides = part.split(separator: " = ", maxSplits: 1).map(String.init)
      let text = sides[1] == "something else" ? "\"else\"" : sides[1] == "NaN" ? "0.0 / 0.0" : sides[1]
      let tree = try #require(environment.check(parse(text).0).expression, "\(witness)")
      bound.remove(sides[0])
      bound.declare(definition: sides[0], tree)
    }
    let tree = try #require(bound.check(parse(guardText).0).expression)
    let evaluator = Evaluator(types: bound.types)
    let frame = Frame(count: 6)
    let rest: [(Value, ValueType)] = [
      (.int(5), .int), (.int(5), .int), (.double(0.25), .double), (.string("q"), .string),
      (.enumeration(type: "Plan", number: 2), .enumeration("Plan")), (.bool(true), .bool),
    ]
    for (slot, value) in rest.enumerated() { frame[slot] = evaluator.slot(value.0, as: value.1) }
    let program = try ExpressionProgram(tree, types: bound.types)
    do {
      let slot = try evaluator.evaluate(program, frame: frame)
      try #require(evaluator.value(slot, as: .bool) == .bool(true), "\(witness) does not make \(guardText) true")
      return true
    } catch let error as EvaluationError {
      try #require(
        witness.contains(GuardLogicTests.extreme) && error.message.hasSuffix("is out of range"),
        "\(witness) makes \(guardText) fail: \(error)")
      return false
    }
  }
}
