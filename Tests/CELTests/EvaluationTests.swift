import FlowJSON
import FlowSource
import Testing

@testable import CEL

/// Values for the variables of ``sampleEnvironment()``.
let sampleValues: [String: Value] = [
  "amount": .double(120.5), "count": .int(3), "status": .string("paid"),
  "items": .list([item("a", 2, 5.0), item("b", 1, 12.5)]),
  "order": .record(
    RecordValue(
      typeName: "Order",
      fields: [
        .init("id", .string("o1")), .init("items", .list([item("a", 2, 5.0)])),
        .init("labels", .map(MapValue([.init(.string("a"), .string("x"))]))),
      ])),
  "plan": .enumeration(type: "Plan", number: 1),
  "payload": .map(MapValue([.init(.string("a"), .map(MapValue([.init(.string("b"), .list([.int(7)]))])))])),
  "when": .timestamp(Timestamp(seconds: 1_700_000_000)), "wait": .duration(Duration(nanoseconds: 5_400_000_000_000)),
  "parcel": .optional(nil), "names": .list([.string("ann"), .string("bob")]), "ok": .bool(true), "total": .uint(9),
  "raw": .bytes([1, 2]), "limits": .map(MapValue([.init(.string("a"), .int(1))])),
]

func item(_ sku: String, _ qty: Int64, _ price: Double) -> Value {
  .record(
    RecordValue(
      typeName: "Item", fields: [.init("sku", .string(sku)), .init("qty", .int(qty)), .init("price", .double(price))]))
}

/// Evaluates with the sample variables; an error as its message.
func evaluate(_ text: String, isChecked: Bool = true, limits: Limits = .default) throws -> Result<
  Value, EvaluationError
> {
  var environment = sampleEnvironment()
  environment.reportsConstantFaults = false
  let (expression, mistakes) = parse(text)
  try #require(mistakes.isEmpty, "\(mistakes)")
  let typed: TypedExpression
  if isChecked {
    let result = environment.check(expression)
    typed = try #require(result.expression, "\(result.diagnostics.map(\.message))")
    #expect(try TypedExpression(json: typed.json) == typed)
  } else {
    typed = environment.resolve(expression)
  }
  return try run(typed, environment, limits: limits)
}

func run(_ typed: TypedExpression, _ environment: Environment, limits: Limits = .default) throws
  -> Result<Value, EvaluationError>
{
  let program = try ExpressionProgram(typed, types: environment.types)
  let evaluator = Evaluator(types: environment.types, limits: limits)
  var frame = [Slot](repeating: .unset, count: max(environment.frameCount, 1))
  for (name, value) in sampleValues {
    if let variable = environment.variables[name] { frame[variable.slot] = evaluator.slot(value, as: variable.type) }
  }
  do throws(EvaluationError) {
    return .success(evaluator.value(try evaluator.evaluate(program, frame: frame)))
  } catch {
    return .failure(error)
  }
}

@Suite struct EvaluationTests {
  static let truths = [
    "amount > 100.0 && status == 'paid'", "1 + 2 * 3 == 7", "7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1",
    "items.map(i, double(i.qty) * i.price).sum() == 22.5", "items.all(i, i.qty > 0 && i.price < 1000.0)",
    "items.exists(i, i.sku == 'b')", "!items.exists(i, i.sku == 'c')", "items.existsOne(i, i.qty == 2)",
    "items.filter(i, i.qty > 1).size() == 1", "items.filter(i, i.qty > 1)[0].sku == 'a'", "size('\\U0001f431') == 1",
    "order.labels.a == 'x' && has(order.labels.a) && !has(order.labels.b)", "order.plan == Plan.free",
    "order.items[0].note == optional.none()", "payload.a.b[0] == 7", "has(payload.a) && !has(payload.z)",
    "plan == Plan.pro && string(plan) == 'pro' && int(plan) == 1", "when + wait > when", "wait == duration('90m')",
    "(when + wait) - when == wait", "when.getFullYear() == 2023 && when.getMonth() == 10 && when.getDate() == 14",
    "when.getHours() == 22 && when.getHours('+02:00') == 0 && when.getDayOfWeek() == 2", "wait.getMinutes() == 90",
    "string(when) == '2023-11-14T22:13:20Z'", "timestamp('2023-11-14T22:13:20Z') == when", "string(wait) == '5400s'",
    "parcel.orValue(items[0]).sku == 'a'", "!parcel.hasValue()", "parcel.sku.orValue('none') == 'none'",
    "optional.of(1).optMap(x, x + 1).value() == 2", "[1, ?optional.none(), 2].size() == 2",
    "{?'a': optional.of(1)}.a == 1",
    "'b' + 'a' + 'c' == 'bac'", "'a' in names == false && 'ann' in names && 'a' in limits",
    "names.join(', ') == 'ann, bob'",
    "[3, 1, 2].sort() == [1, 2, 3]", "items.sortBy(i, -i.price)[0].sku == 'b'", "[1, 1, 2].distinct() == [1, 2]",
    "[[1], [2, 3]].flatten() == [1, 2, 3]", "lists.range(3) == [0, 1, 2]", "[1, 2, 3].slice(1, 2) == [2]",
    "[1, 2].map(x, [x, x]).flatten() == [1, 1, 2, 2]", "[5, 3].min() == 3 && [5, 3].max() == 5",
    "[1.5, 2.5].sum() == 4.0",
    "['a', 'b'].transformMap(i, v, v + string(i)) == {0: 'a0', 1: 'b1'}", "{'a': 1}.transformList(k, v, k) == ['a']",
    "{'a': 1}.transformMapEntry(k, v, {v: k}) == {1: 'a'}", "{'a': 1, 'b': 2}.exists(k, k == 'b')",
    "cel.bind(x, count * 2, x + x) == 12", "[1, 2].map(i, cel.bind(y, i * 10, y + y)) == [20, 40]",
    "cel.block([count, cel.index(0) * 2], cel.index(1) + cel.index(1)) == 12", "math.greatest(1, 5, 3) == 5",
    "math.least([4.0, 2.5]) == 2.5", "'%s is %d, %.2f'.format(['a', 3, 2.345]) == 'a is 3, 2.35'",
    "'hello'.substring(1, 3) == 'el' && 'hello'.indexOf('l') == 2", "' x '.trim() == 'x'",
    "'a,b'.split(',') == ['a', 'b']",
    "status.matches('^p.*d$') && !status.matches('^x')", "names.all(n, n.matches('^' + n + '$'))", "dyn(1) == dyn(1.0)",
    "dyn(1) < dyn(1.5) && 1 < 1.5", "{1: 'a'}[dyn(1.0)] == 'a'", "[1][dyn(0u)] == 1", "false && 1 / 0 > 0 || true",
    "1 / 0 > 0 || true", "[1, 0].exists(x, 1 / x == 1)", "[0, 1].exists(x, 1 / x == 1)", "!(false && payload.x)",
    "Item{sku: 'z', price: 1.0}.qty == 1", "Item{sku: 'z', price: 1.0, note: 'n'}.note.value() == 'n'",
    "Item{sku: 'z', price: 1.0} == Item{sku: 'z', price: 1.0, qty: 1}", "type(1) == int && type(count) == int",
    "total + 1u == 10u && total - 9u == 0u", "raw + b'\\x03' == b'\\x01\\x02\\x03'", "ok ? true : 1 / 0 == 0",
    "ip('10.0.0.1') in [ip('10.0.0.1')] && cidr('10.0.0.0/8').containsIP('10.1.2.3')", "base64.encode(b'hi') == 'aGk='",
    "sets.contains([1, 2], [1]) && sets.intersects([1], [1]) && sets.equivalent([1, 1], [1])",
    "regex.extract('a1b2', 'b(.)') == optional.of('2') && regex.replace('aXbX', 'X', '-') == 'a-b-'",
    "regex.extractAll('a1b2', '[0-9]') == ['1', '2']", "dyn({'a': [1, 2]}) == {'a': [1, 2]}", "'é' != 'e\\u0301'",
    "strings.quote('a\"b') == '\"a\\\\\"b\"'", "'abc'.reverse() == 'cba'", "duration('1s') < duration('2s')",
    "timestamp('9999-12-31T23:59:59.999999999Z') - timestamp('9999-12-31T00:00:00Z') > duration('0s')",
    "{'a':1,'b':2,'c':3,'d':4,'e':5,'f':6,'g':7,'h':8,'i':9,'j':10}.j == 10",
  ]

  @Test("expressions have the value that CEL defines", arguments: truths)
  func values(_ text: String) throws {
    #expect(try evaluate(text) == .success(.bool(true)))
    #expect(try evaluate(text, isChecked: false) == .success(.bool(true)), "unchecked")
  }

  static let faults: [(String, String)] = [
    ("count / 0", "division by zero"), ("count % 0", "remainder of a division by zero"),
    ("9223372036854775807 + count", "the result of `+` is out of range"),
    ("-(-9223372036854775807 - 1)", "the result of `-` is out of range"),
    ("0u - total", "the result of `-` is out of range"),
    ("names[5]", "index 5 is out of range: the list has 2 elements"), ("limits.zz", "there is no key \"zz\""),
    ("payload.zz", "there is no key \"zz\""), ("{1: 1, dyn(1u): 2}", "the key 1u stands in the map twice"),
    ("dyn('a') + 1", "`+` does not take `string` and `int`"),
    ("true && dyn('x')", "a condition is a bool, not `string`"),
    ("timestamp('x')", "\"x\" is not a time from year 1 to 9999, as in \"2026-01-31T12:00:00Z\""),
    ("names.all(n, 1 / 0 > 0)", "division by zero"), ("[1, 0].map(x, 1 / x)", "division by zero"),
    ("optional.none().value()", "the optional value is absent"),
    ("'a'.matches('(')", "the pattern is wrong: missing ): ("),
    ("int(1e30)", "the result of `int` is out of range"),
  ]

  @Test("errors have their messages", arguments: faults)
  func errors(_ text: String, saying message: String) throws {
    for isChecked in [true, false] {
      guard case .failure(let error) = try evaluate(text, isChecked: isChecked) else {
        Issue.record("it has a value")
        continue
      }
      #expect(error.message == message)
    }
  }

  @Test("an unset variable is named in the error") func unsetVariables() throws {
    var environment = Environment()
    environment.declare(variable: "missing", type: .int)
    let typed = try #require(environment.check(parse("missing + 1 > 0").0).expression)
    guard case .failure(let error) = try run(typed, environment) else {
      throw EvaluationError("value", at: typed.range)
    }
    #expect(error.message == "`missing` has no value yet")
    #expect(error.range == SourceRange(0, 11))
  }

  @Test("an unknown operand makes the result unknown unless the other decides") func unknowns()
    throws
  {
    var environment = Environment()
    environment.declare(variable: "x", type: .bool)
    let evaluator = Evaluator(types: environment.types)
    for (text, tag) in [("x && true", Slot.Tag.unknown), ("x && false", .bool), ("true || x", .bool), ("!x", .unknown)]
    {
      let typed = try #require(environment.check(parse(text).0).expression)
      let program = try ExpressionProgram(typed, types: environment.types)
      #expect(try evaluator.evaluate(program, frame: [.unknown]).tag == tag, "\(text)")
    }
  }

  @Test("definitions and functions are evaluated") func definitionsAndFunctions() throws {
    var environment = sampleEnvironment()
    environment.declare(definition: "twice", try #require(environment.check(parse("count * 2").0).expression))
    environment.declare(definition: "four", try #require(environment.check(parse("twice + twice").0).expression))
    var inner = Environment()
    let slot = inner.declare(variable: "x", type: .int)
    environment.declare(
      function: "half", parameterTypes: [.int], parameterSlots: [slot],
      body: try #require(inner.check(parse("x / 2").0).expression))
    let typed = try #require(environment.check(parse("[1, 2].map(i, half(four) + i + twice)").0).expression)
    #expect(try run(typed, environment) == .success(.list([.int(13), .int(14)])))
  }

  @Test("nested definitions are evaluated once each") func nestedDefinitions() throws {
    var environment = sampleEnvironment()
    environment.declare(definition: "d0", try #require(environment.check(parse("count").0).expression))
    for index in 1...40 {
      let text = "d\(index - 1) + d\(index - 1)"
      environment.declare(definition: "d\(index)", try #require(environment.check(parse(text).0).expression))
    }
    let typed = try #require(environment.check(parse("d40").0).expression)
    #expect(try run(typed, environment) == .success(.int(3 << 40)))
    #expect(try TypedExpression(json: typed.json).usedSlots == typed.usedSlots)
  }

  static let hungry: [String] = [
    "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, true)))",
    "lists.range(100000).map(a, lists.range(100000)).size() > 0",
    "[1,1,1,1,1,1,1,1].map(x, [x,x,x,x,x,x,x,x]).map(x, [x,x,x,x,x,x,x,x]).map(x, [x,x,x,x,x,x,x,x,x])"
      + ".map(x, [x,x,x,x,x,x,x,x,x]).map(x, [x,x,x,x,x,x,x,x,x]).map(x, [x,x,x,x,x,x,x,x,x]).map(x, [x,x,x,x]) == []",
    "cel.bind(a, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', lists.range(900000).map(x, a + a + a + a + a).size() > 0)",
  ]

  static let slow: [String] = [
    "sets.equivalent(lists.range(900000), lists.range(900000))", "sets.intersects(lists.range(900000), [-1])",
    "lists.range(300000).distinct().size() > 0", "lists.range(900000) == lists.range(900000)",
    "cel.bind(a, lists.range(300000).map(x, 'a').join(), (a + 'b').lastIndexOf('b' + a) == 1)",
    "lists.range(400000).map(x, string(x)).sort().size() > 0",
    "lists.range(900000).map(x, 1).all(x, lists.range(9) == [])",
    "cel.bind(a, lists.range(100000).map(x, 'a').join(), lists.range(100000).all(x, a.contains(a + 'b')))",
    "cel.bind(a, lists.range(100000).map(x, 'a').join(), lists.range(100000).all(x, !a.matches('(a*)*b')))",
    "cel.bind(a, lists.range(100000).map(x, 'a').join(), lists.range(100000).all(x, a.replace('', 'b').size() > 1))",
  ]

  /// Each is evaluated quickly, whatever its result.
  @Test("expensive functions stay within the limits", .timeLimit(.minutes(5)), arguments: slow)
  func limitsOfFunctions(_ text: String) throws {
    _ = try evaluate(text, isChecked: false, limits: Limits(fuel: 1_000_000))
  }

  @Test("an expression beyond the limits is stopped", arguments: hungry)
  func limitsOfExpressions(_ text: String) throws {
    guard case .failure(let error) = try evaluate(text + " || true", isChecked: false) else {
      Issue.record("it has a value")
      return
    }
    #expect(error.isLimit)
  }

  @Test("frozen values equal the originals") func frozenValues() throws {
    let environment = sampleEnvironment()
    let evaluator = Evaluator(types: environment.types)
    let values = sampleValues.sorted { $0.key < $1.key }
    let slots = values.map { evaluator.slot($0.value, as: environment.variables[$0.key]?.type ?? .dyn) } + [.unset]
    let before = slots.map { evaluator.value($0) }
    let frozen = try FrozenSlots(copying: slots, count: slots.count)
    let again = try FrozenSlots(copying: frozen.slots, count: frozen.count)
    evaluator.reset()
    for index in values.indices { #expect(again.value(at: index, types: environment.types) == before[index]) }
    #expect(again.value(at: values.count, types: environment.types) == nil)
    #expect(again.byteCount == frozen.byteCount)
  }

  @Test("an explanation has the value of each part") func explanation() throws {
    let environment = sampleEnvironment()
    let text = "amount > 200.0 && status == \"paid\""
    let typed = try #require(environment.check(parse(text).0).expression)
    let program = try ExpressionProgram(typed, types: environment.types)
    let evaluator = Evaluator(types: environment.types)
    var frame = [Slot](repeating: .unset, count: environment.frameCount)
    for (name, value) in sampleValues {
      if let variable = environment.variables[name] { frame[variable.slot] = evaluator.slot(value) }
    }
    let explanation = evaluator.explain(program, frame: frame)
    #expect(explanation.outcome == .value(.bool(false)))
    #expect(explanation.children[0].children[0].outcome == .value(.double(120.5)))
    #expect(explanation.children[1].outcome == .notEvaluated)
    #expect(
      explanation.text(source: text) == """
        amount > 200.0 && status == "paid"
        |      |       |         |
        |      |       |         not evaluated
        |      |       false
        |      false
        120.5
        """)
  }

  @Test("a JSON document is parsed as a type") func typedDocuments() throws {
    let types = sampleEnvironment().types
    let good = try JSON(parsing: #"{"id":"o","items":[{"sku":"a","price":2}],"plan":"pro"}"#)
    let value = try Value.from(good, as: .record("Order"), in: types).get()
    #expect(
      value.json(in: types).text()
        == #"{"id":"o","items":[{"sku":"a","qty":1,"price":2.0}],"plan":"pro","labels":{}}"#)
    let bad = try JSON(parsing: #"{"items":[{"sku":1,"price":"x","qyt":2}],"plan":"por","labels":{"a":null}}"#)
    guard case .failure(let error) = Value.from(bad, as: .record("Order"), in: types) else {
      Issue.record("it was accepted")
      return
    }
    #expect(
      error.mismatches.map { "\($0.pointer): \($0.message)" } == [
        ": `id` is missing", "/items/0/qyt: `Item` has no field `qyt`; did you mean `qty`?",
        "/items/0/sku: expected a string, found a number", "/items/0/price: expected a number, found a string",
        "/plan: `Plan` has no value \"por\"; did you mean \"pro\"?", "/labels/a: expected a string, found null",
      ])
  }

  @Test("dyn values are checked at their use") func dynamicValues() throws {
    let environment = sampleEnvironment()
    for (text, type, isFit) in [("payload.a.b[0]", ValueType.int, true), ("payload.a.b[0]", .string, false)] {
      let typed = try #require(environment.check(parse(text).0, expecting: type).expression)
      let result = try run(typed, environment)
      #expect((try? result.get()) == (isFit ? .int(7) : nil))
    }
  }
}
