import CEL
import FlowSource

/// Nanoseconds of five expressions of different kinds, inputs bound; and of parsing and checking one.
enum ExpressionBenchmark {
  static func run() {
    var environment = Environment()
    for (name, type, _) in variables { environment.declare(variable: name, type: type) }
    let evaluator = Evaluator(types: environment.types)
    let frame = Frame(count: environment.frameCount)
    for (index, variable) in variables.enumerated() { frame[index] = evaluator.slot(variable.2, as: variable.1) }
    for text in expressions {
      guard let tree = environment.check(parse(text).0, expecting: .bool).expression,
        let program = try? Program(tree, types: environment.types)
      else { return report("cel", "\(text) did not compile") }
      var held = 0
      let time = measure(turns: 300_000) { if (try? evaluator.isTrue(program, frame: frame)) == true { held += 1 } }
      report("cel  \(text)", "\(short(time)) ns", "held \(held) times")
    }
    let compiling = measure(turns: 20_000) {
      let checked = environment.check(parse(expressions[0]).0, expecting: .bool)
      precondition(checked.expression != nil)
    }
    report("cel  parse and check \(expressions[0])", "\(short(compiling)) ns", "")
  }

  private static let expressions = [
    #"amount > 100.0 && status == "paid""#, "items.all(i, i.qty > 0 && i.price < 1000.0)",
    #"user.roles.exists(r, r == "admin") || resource.owner == user.id"#,
    #"name.startsWith("abc") && name.matches("^[a-z]+[0-9]*$")"#, "(a + b) * c - d / 2 > e % 7",
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
