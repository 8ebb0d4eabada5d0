import CEL

/// Five expressions of different kinds, with bound inputs: nanoseconds and allocations per evaluation, next to the same
/// condition written in Swift, and the time to parse and check one.
enum ExpressionBenchmark {
  static func run() {
    var environment = Environment()
    for (name, type, _) in variables { environment.declare(variable: name, type: type) }
    let inputs = Inputs()
    let evaluator = Evaluator(types: environment.types)
    let frame = Frame(count: environment.frameCount)
    for (index, variable) in variables.enumerated() { frame[index] = evaluator.slot(variable.2, as: variable.1) }
    for (index, expression) in expressions.enumerated() {
      let letter = "abcde".map(String.init)[index]
      guard let tree = environment.check(parse(expression.text).0, expecting: .bool).expression,
        let program = try? ExpressionProgram(tree, types: environment.types)
      else { return report("cel (\(letter))", "\(expression.text) did not compile") }
      var held = 0
      let turns = 300_000
      let time = measureLoop(turns: turns) { turns in
        var count = 0
        do throws(EvaluationError) {
          for _ in 0..<turns where try evaluator.isTrue(program, frame: frame) { count += 1 }
        } catch {
          report(expression.text, error.message)
        }
        held += count
      }
      let allocations = countAllocations { for _ in 0..<1000 { _ = try? evaluator.isTrue(program, frame: frame) } }
      let byHand = measureLoop(turns: turns) { turns in
        var count = 0
        for _ in 0..<turns where expression.byHand(inputs) { count += 1 }
        held += count
      }
      precondition(held == 10 * turns, "both have to agree")
      report(
        "cel (\(letter))  \(expression.text)", "\(short(time)) ns",
        note: "\(short(Double(allocations) / 1000)) allocations; in Swift \(short(byHand)) ns")
    }
    for (index, expression) in expressions.enumerated() {
      let time = measure(turns: 10_000) {
        precondition(environment.check(parse(expression.text).0, expecting: .bool).expression != nil)
      }
      report("cel  parse and check (\("abcde".map(String.init)[index]))", "\(short(time / 1000)) µs")
    }
  }

  /// The input of the hand-written conditions; a class, so that the compiler can't fold it.
  private final class Inputs {
    var amount = 150.0
    var status = "paid"
    var items = [(qty: Int, price: Double)](repeating: (2, 9.5), count: 10)
    var roles = ["a", "b", "admin"]
    var owner = "u1"
    var id = "u1"
    var name = "abcdef123"
    var numbers = (a: 3, b: 4, c: 5, d: 6, e: 70)
  }

  private static let expressions: [(text: String, byHand: @Sendable (Inputs) -> Bool)] = [
    (#"amount > 100.0 && status == "paid""#, { $0.amount > 100 && $0.status == "paid" }),
    ("items.all(i, i.qty > 0 && i.price < 1000.0)", { $0.items.allSatisfy { $0.qty > 0 && $0.price < 1000 } }),
    (
      #"user.roles.exists(r, r == "admin") || resource.owner == user.id"#,
      { $0.roles.contains { $0 == "admin" } || $0.owner == $0.id }
    ),
    (
      #"name.startsWith("abc") && name.matches("^[a-z]+[0-9]*$")"#,
      { inputs in
        var rest = Substring(inputs.name).utf8
        let letters = rest.prefix { (97...122).contains($0) }.count
        rest = rest.dropFirst(letters)
        return inputs.name.hasPrefix("abc") && letters > 0 && rest.allSatisfy { (48...57).contains($0) }
      }
    ),
    (
      "(a + b) * c - d / 2 > e % 7",
      { ($0.numbers.a + $0.numbers.b) * $0.numbers.c - $0.numbers.d / 2 > $0.numbers.e % 7 }
    ),
  ]

  private static let variables: [(String, ValueType, Value)] = [
    ("amount", .double, .double(150)), ("status", .string, .string("paid")),
    ("items", .list(.dyn), .list((0..<10).map { _ in map([("qty", .int(2)), ("price", .double(9.5))]) })),
    ("user", .dyn, map([("id", .string("u1")), ("roles", .list(["a", "b", "admin"].map(Value.string)))])),
    ("resource", .dyn, map([("owner", .string("u1"))])), ("name", .string, .string("abcdef123")),
    ("a", .int, .int(3)), ("b", .int, .int(4)), ("c", .int, .int(5)), ("d", .int, .int(6)), ("e", .int, .int(70)),
  ]

  private static func map(_ entries: [(String, Value)]) -> Value {
    .map(MapValue(entries.map { .init(.string($0.0), $0.1) }))
  }
}
