import FlowGenerator
import FlowJSON
import FlowSource
import Testing

@testable import CEL

/// No external input may crash or hang the evaluator.
@Suite("Hostile CEL expressions and code") struct HostileTests {
  private static let words = [
    "amount", "count", "items", "order", "payload", "names", "limits", "parcel", "when", "wait", "i", "x", "(", ")",
    "[",
    "]", "{", "}", ".", ".?", "[?", ",", ":", "?", "+", "-", "*", "/", "%", "!", "<", "<=", "==", "!=", "&&", "||",
    "in",
    "1", "0", "-1", "2u", "0.5", "'a'", "b'x'", "null", "true", "1e308", "9223372036854775807", "'%s'", ".size()",
    ".map(x, x)", ".filter(i, i == i)", ".all(x, x)", ".exists(x, 1 / x > 0)", ".transformMap(i, x, x)",
    "has(order.id)",
    "Item{sku: 'a', price: 1.0}", "Plan.pro", "cel.bind(x, [1, 2], x)", "optional.of(1)", ".orValue(1)", ".sum()",
    "lists.range(9)", "math.greatest(1, 2.0)", ".matches('(a|b)*')", ".format([1, x])", "string(", "int(", "type(",
    "dyn(", "timestamp('2026-01-01T00:00:00Z')", "duration('1h')", ".getHours('US/Central')", ".sortBy(x, x)",
    ".substring(1, 9)", ".split('')", ".replace('', 'b', 3)", "ip('::1')", "cidr('10.0.0.0/8')", ".optMap(x, x)",
  ]

  private static let limits = Limits(fuel: 20_000, memoryBytes: 1 << 20, valueBytes: 1 << 16)

  @Test("random expressions never crash", arguments: 0..<40)
  func randomExpressions(_ seed: Int) throws {
    var random = SplitMix64(state: UInt64(seed) &* 7_919 &+ 1)
    let environment = sampleEnvironment()
    for _ in 0..<250 {
      let text = (0...random.next(below: 14)).map { _ in random.pick(Self.words) }.joined(separator: " ")
      let (expression, mistakes) = parse(text)
      if !mistakes.isEmpty { continue }
      _ = environment.check(expression)
      for typed in [environment.check(expression).expression, environment.resolve(expression)].compactMap({ $0 }) {
        #expect(try TypedExpression(json: typed.json) == typed)
        _ = try? run(typed, environment, limits: Self.limits)
      }
    }
  }

  @Test(
    "tampered code never crashes",
    arguments: [
      "items.filter(i, i.qty > 0).map(i, i.price * 2.0).sum() > 1.0 && order.?labels.a.orValue('b') == 'a'",
      "cel.bind(x, {'a': [1, 2, 3]}, x.a.sortBy(y, -y)[0] + int('4')) in [7] ? Item{sku: 'q', price: 1.0} : items[0]",
    ])
  func tamperedCode(_ text: String) throws {
    let environment = sampleEnvironment()
    let typed = try #require(environment.check(parse(text).0).expression)
    let bytes = typed.json.bytes()
    var random = SplitMix64(state: 42)
    for _ in 0..<4_000 {
      var tampered = bytes
      for _ in 0...random.next(below: 3) {
        tampered[random.next(below: bytes.count)] = random.pick(Array("0123456789,[]\"abx".utf8))
      }
      guard let json = try? JSON(parsing: tampered), let loaded = try? TypedExpression(json: json),
        let program = try? ExpressionProgram(loaded, types: environment.types, slotCount: environment.frameCount)
      else { continue }
      let evaluator = Evaluator(types: environment.types, limits: Self.limits)
      let frame = [Slot](repeating: .unset, count: environment.frameCount)
      _ = try? evaluator.evaluate(program, frame: frame)
      _ = evaluator.explain(program, frame: frame)
    }
  }

  @Test("a variable outside of the frame is rejected") func variablesOutsideFrame() throws {
    let environment = sampleEnvironment()
    let typed = try #require(environment.check(parse("count + 1").0).expression)
    #expect(throws: LoadError.self) { try ExpressionProgram(typed, types: environment.types, slotCount: 1) }
  }

  @Test("deep definitions are limited") func deepDefinitions() throws {
    var environment = sampleEnvironment()
    environment.declare(definition: "d0", try #require(environment.check(parse("count").0).expression))
    for index in 1...240 {
      let typed = environment.check(parse("d\(index - 1) + 1").0)
      environment.declare(definition: "d\(index)", try #require(typed.expression))
    }
    let typed = try #require(environment.check(parse("d240").0).expression)
    #expect(try TypedExpression(json: typed.json).usedSlots == typed.usedSlots)
    #expect(try run(typed, environment) == .success(.int(243)))
    let program = try ExpressionProgram(typed, types: environment.types)
    let evaluator = Evaluator(types: environment.types)
    let frame = [Slot](repeating: .int(3), count: environment.frameCount)
    #expect(evaluator.explain(program, frame: frame).outcome == .value(.int(243)))
    for index in 241...260 {
      let result = environment.check(parse("d\(index - 1) + 1").0)
      guard let typed = result.expression else {
        #expect(result.diagnostics.map(\.code) == ["F101"])
        return
      }
      environment.declare(definition: "d\(index)", typed)
    }
    Issue.record("there is no limit")
  }

  @Test("deep values are rejected") func deepValues() throws {
    let environment = sampleEnvironment()
    let evaluator = Evaluator(types: environment.types)
    var value = Value.list([])
    for _ in 0..<150 { value = .list([value]) }
    #expect(evaluator.slot(value).isAbnormal)
    #expect(!evaluator.slot(.int(1)).isAbnormal)
  }

  @Test("values with shared parts stay within the limits") func sharedParts() throws {
    // Each step doubles the value, although it needs nearly no memory.
    let text = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
    let doubled = (0..<60).reduce(text) { inner, index in "cel.bind(x\(index), \(inner), [x\(index), x\(index)])" }
    guard case .failure(let error) = try evaluate(doubled + ".size() > 0", isChecked: false) else {
      Issue.record("it has a value")
      return
    }
    #expect(error.isLimit)
  }

  @Test("thousands of elements and terms are accepted") func manyElementsAndTerms() throws {
    let list = "[" + (0..<5_000).map { "count + \($0)" }.joined(separator: ", ") + "].size() == 5000"
    #expect(try evaluate(list) == .success(.bool(true)))
    let sum = (0..<5_000).map { _ in "count" }.joined(separator: " + ") + " == 15000"
    #expect(try evaluate(sum) == .success(.bool(true)))
    let terms = (0..<5_000).map { "count > \($0 % 3)" }.joined(separator: " && ")
    #expect(try evaluate(terms) == .success(.bool(true)))
  }

  @Test("evaluations do not affect each other") func independentEvaluations() throws {
    let environment = sampleEnvironment()
    let failing = try ExpressionProgram(
      try #require(environment.check(parse("lists.range(100000).map(a, lists.range(100000)) == []").0).expression),
      types: environment.types)
    let fine = try ExpressionProgram(
      try #require(environment.check(parse("1 < 2 || ok").0).expression), types: environment.types)
    let evaluator = Evaluator(types: environment.types, limits: Limits(fuel: 200_000))
    let frame = [Slot](repeating: .bool(true), count: environment.frameCount)
    for _ in 0..<5 {
      #expect(throws: EvaluationError.self) { try evaluator.evaluate(failing, frame: frame) }
      evaluator.reset()
      #expect(try evaluator.isTrue(fine, frame: frame))
    }
  }
}
