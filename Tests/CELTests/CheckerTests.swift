import FlowGenerator
import FlowJSON
import FlowSource
import Testing

@testable import CEL

/// Declarations like those of an order flow.
func sampleEnvironment() -> Environment {
  var types = TypeRegistry()
  types.declare(EnumDeclaration("Plan", values: [("free", 0), ("pro", 1)]))
  types.declare(
    RecordDeclaration(
      "Item",
      [
        FieldDeclaration("sku", .string), FieldDeclaration("qty", .int, defaultValue: .int(1)),
        FieldDeclaration("price", .double), FieldDeclaration("note", .optional(.string)),
      ]))
  types.declare(
    RecordDeclaration(
      "Order",
      [
        FieldDeclaration("id", .string), FieldDeclaration("items", .list(.record("Item"))),
        FieldDeclaration("plan", .enumeration("Plan"), defaultValue: .enumeration(type: "Plan", number: 0)),
        FieldDeclaration("labels", .map(.string, .string), defaultValue: .map(MapValue([]))),
      ]))
  var environment = Environment(types: types)
  for (name, type) in sampleVariables { environment.declare(variable: name, type: type) }
  return environment
}

let sampleVariables: [(String, ValueType)] = [
  ("amount", .double), ("count", .int), ("status", .string), ("items", .list(.record("Item"))),
  ("order", .record("Order")), ("plan", .enumeration("Plan")), ("payload", .dyn), ("when", .timestamp),
  ("wait", .duration), ("parcel", .optional(.record("Item"))), ("names", .list(.string)), ("ok", .bool),
  ("total", .uint), ("raw", .bytes), ("limits", .map(.string, .int)),
]

@Suite struct CheckerTests {
  static let types: [(String, String)] = [
    ("1 + 2", "int"), ("amount > 100.0 && status == 'paid'", "bool"), ("count < amount", "bool"),
    ("items.map(i, double(i.qty) * i.price).sum()", "double"), ("items.filter(i, i.qty > 1)", "list<Item>"),
    ("[1, 2u]", "list<dyn>"), ("[]", "list<dyn>"), ("[[], [1]]", "list<list<int>>"), ("{'a': 1}", "map<string, int>"),
    ("{}", "map<dyn, dyn>"), ("Item{sku: 'a', price: 1.0}", "Item"), ("order.items[0].sku", "string"),
    ("parcel.sku", "string?"), ("order.items[?0].?note", "string?"), ("parcel.orValue(items[0])", "Item"),
    ("Plan.pro", "Plan"), ("plan == Plan.pro", "bool"), ("int(plan)", "int"), ("string(plan)", "string"),
    ("payload.a.b[0]", "dyn"), ("when + wait", "timestamp"), ("when - when", "duration"),
    ("when.getHours('UTC')", "int"), ("wait > duration('1h')", "bool"), ("type(1)", "type<int>"),
    ("order.labels.a", "string"), ("has(order.labels.a)", "bool"), ("items.transformMap(i, v, v.qty)", "map<int, int>"),
    ("ok ? 1 : 2", "int"), ("cel.bind(x, 1, x + 1)", "int"), ("[1, 2].map(x, [x])", "list<list<int>>"),
    ("math.greatest(1, 2.0)", "dyn"), ("math.greatest([1, 2])", "int"), ("strings.quote('a')", "string"),
    ("optional.of(1)", "int?"), ("optional.none()", "dyn?"), ("[optional.none(), optional.of(1)]", "list<int?>"),
    ("'a' + 'b' + 'c' + 'd'", "string"), ("wait + wait + when + wait", "timestamp"), ("names.join(', ')", "string"),
    ("items.sortBy(i, i.price)", "list<Item>"), ("limits.map(k, k)", "list<string>"), ("ip('1.2.3.4')", "net.IP"),
    ("parcel.optMap(p, p.qty)", "int?"), ("'a' in names", "bool"), ("'a' in limits", "bool"),
    ("[].map(x, x).map(y, y)", "list<dyn>"), ("lists.range(3)", "list<int>"), ("dyn(1) + 1", "int"),
  ]

  @Test("the type of an expression is inferred", arguments: types)
  func inference(_ text: String, _ type: String) {
    let result = sampleEnvironment().check(parse(text).0)
    #expect(result.diagnostics.isEmpty, "\(result.diagnostics.map(\.message))")
    #expect(result.type.description == type)
  }

  static let mistakes: [(String, String, String)] = [
    ("amout > 1.0", "F106", "there is nothing named `amout` here"),
    ("amount + 1", "F204", "`+` does not take `double` and `int`"),
    ("amount == count", "F204", "`double` and `int` can't be compared with `==`"),
    ("order.itms", "F203", "`Order` has no field `itms`"),
    ("status.len()", "F106", "there is no function named `len`"),
    ("status.size(1)", "F204", "`size` does not take `string` and `int`"),
    ("count ? 1 : 2", "F204", "the condition before `?` is an `int`, not a bool"),
    ("ok ? 1 : 'a'", "F201", "the two branches differ in type"),
    ("Item{sku: 'a'}", "F215", "`Item` needs `price`"),
    ("Item{sku: 1, price: 1.0}", "F201", "`sku` is a `string`, found `int`"),
    ("Itm{}", "F106", "there is no type named `Itm`"),
    ("ok && count", "F204", "`&&` joins conditions, but this is an `int`"),
    ("names.all(n, n)", "F204", "`all` needs a condition here, but this is a `string`"),
    ("count.all(n, true)", "F204", "`all` goes through a list or a map, but this is an `int`"),
    ("parcel + 1", "F204", "`+` does not take `Item?` and `int`"),
    ("count.foo", "F203", "an `int` has no fields"),
    ("items[0].sku.bar.baz && amout", "F203", "a `string` has no fields"),
    ("{1.5: 2}", "F201", "a map key is a bool, int, uint or string, but this is a `double`"),
    ("[?1]", "F201", "behind `?` stands an optional value, but this is an `int`"),
    ("parcel == null", "F204", "an optional value is never null"),
    ("size", "F106", "`size` is a function and needs arguments"),
  ]

  @Test("type errors have a code and a message", arguments: mistakes)
  func typeErrors(_ text: String, _ code: String, _ message: String) {
    let result = sampleEnvironment().check(parse(text).0)
    #expect(result.expression == nil)
    #expect(result.diagnostics.first?.code == code)
    #expect(result.diagnostics.first?.message == message)
  }

  static let constants: [(String, String)] = [
    ("2 * 3 + 1", "[\"int\",7]"), ("duration('90m')", "[\"duration\",5400000000000]"), ("'a' + 'b' + 'c'", "\"abc\""),
    ("[1, 2].map(x, x)", "nil"), ("[1, 1 + 1]", "[\"list\",[\"int\",1],[\"int\",2]]"), ("1 < 2", "true"),
    ("{'a': [1]}.a", "nil"), ("size('abc')", "[\"int\",3]"), ("[0.5].sum()", "[\"double\",\"0.5\"]"),
    ("count + 1", "nil"),
    ("'abc'.matches('b')", "true"), ("Plan('pro')", "[\"enum\",\"Plan\",1]"),
  ]

  @Test("constant expressions are folded", arguments: constants)
  func constantFolding(_ text: String, _ value: String) throws {
    let typed = try #require(sampleEnvironment().check(parse(text).0).expression)
    #expect((typed.constant?.encoding.text() ?? "nil") == value)
  }

  static let faults: [(String, String, String)] = [
    ("1 / 0 > 0", "F206", "division by zero"), ("count / 0", "F206", "division by zero"),
    ("count % 0", "F206", "remainder of a division by zero"),
    ("9223372036854775807 + 1", "F205", "the result of `+` is out of range"),
    ("status.matches('(')", "F207", "the pattern is wrong: missing ): ("),
    ("duration('1x')", "F208", "\"1x\" is not a duration, as in \"1h30m\""),
    ("duration('1d')", "F208", "\"1d\" is not a duration, as in \"1h30m\"; a number of days is `days(n)`"),
    ("[1][3]", "F209", "index 3 is out of range: the list has 1 element"),
    (
      "timestamp('2026-02-30T00:00:00Z')", "F208",
      "\"2026-02-30T00:00:00Z\" is not a time from year 1 to 9999, as in \"2026-01-31T12:00:00Z\""
    ),
  ]

  @Test("errors of constant expressions are reported", arguments: faults)
  func constantErrors(_ text: String, _ code: String, _ message: String) {
    var environment = sampleEnvironment()
    let result = environment.check(parse(text).0)
    #expect(result.diagnostics.map(\.code) == [code])
    #expect(result.diagnostics.map(\.message) == [message])
    environment.reportsConstantFaults = false
    #expect(environment.check(parse(text).0).expression != nil)
  }

  @Test("a type error suggests a conversion") func conversions() {
    let constant = sampleEnvironment().check(parse("amount + 1").0).diagnostics.first
    #expect(constant?.fixes.first?.edits.first?.text == "1.0")
    let variable = sampleEnvironment().check(parse("amount + count").0).diagnostics.first
    #expect(variable?.fixes.first?.edits.map(\.text) == ["double(", ")"])
    let text = sampleEnvironment().check(parse("'n' + count").0).diagnostics.first
    #expect(text?.fixes.first?.edits.map(\.text) == ["string(", ")"])
    let typo = sampleEnvironment().check(parse("amout > 1.0").0).diagnostics.first
    #expect(typo?.fixes.first?.edits.first?.text == "amount")
  }

  @Test("an expression is checked against an expected type") func expectedType() {
    let environment = sampleEnvironment()
    #expect(environment.check(parse("count").0, expecting: .bool).diagnostics.first?.code == "F201")
    #expect(environment.check(parse("items[0]").0, expecting: .optional(.record("Item"))).expression != nil)
    #expect(environment.check(parse("payload").0, expecting: .int).expression?.type == .int)
    #expect(environment.check(parse("[]").0, expecting: .list(.int)).expression?.type == .list(.int))
    #expect(environment.check(parse("null").0, expecting: .record("Item")).expression == nil)
  }

  @Test(
    "a typed expression survives JSON",
    arguments: types.map(\.0) + ["cel.block([1, cel.index(0) + 1], cel.index(1))", "half(4) + twice"])
  func jsonRoundTrip(_ text: String) throws {
    var environment = sampleEnvironment()
    environment.declare(definition: "twice", try #require(environment.check(parse("count * 2").0).expression))
    var inner = Environment()
    let slot = inner.declare(variable: "x", type: .int)
    environment.declare(
      function: "half", parameterTypes: [.int], parameterSlots: [slot],
      body: try #require(inner.check(parse("x / 2").0).expression))
    let typed = try #require(environment.check(parse(text).0).expression)
    let stored = try JSON(parsing: typed.json.text())
    #expect(try TypedExpression(json: stored) == typed)
  }

  @Test("copies of an environment change independently", arguments: UInt64(1)...20)
  func copies(_ seed: UInt64) {
    var random = SplitMix64(state: seed)
    var scopes = [(environment: Environment(), expected: [String: ValueType]())]
    let types: [ValueType] = [.int, .string, .bool, .double]
    for _ in 0..<600 {
      var index = Int.random(in: scopes.indices, using: &random)
      if scopes.count < 12, Int.random(in: 0..<20, using: &random) == 0 {
        scopes.append(scopes[index])
        index = scopes.count - 1
      }
      let name = "n\(Int.random(in: 0..<90, using: &random))"
      if Int.random(in: 0..<4, using: &random) == 0 {
        scopes[index].environment.remove(name)
        scopes[index].expected[name] = nil
      } else {
        let type = types[Int.random(in: types.indices, using: &random)]
        scopes[index].environment.declare(variable: name, type: type)
        scopes[index].expected[name] = type
      }
    }
    for (environment, expected) in scopes {
      #expect(environment.names.map(\.name) == expected.keys.sorted())
      for number in 0..<90 { #expect(environment.type(of: "n\(number)") == expected["n\(number)"]) }
    }
  }

  @Test("each scalar has its own place in the table of an operator") func simpleTypes() {
    #expect(ValueType.operands.map(\.operandIndex) == Array(0..<9))
  }

  @Test("tampered JSON of an expression is rejected") func tamperedJSON() throws {
    let typed = try #require(sampleEnvironment().check(parse("items.all(i, i.qty + 1 > 2)").0).expression)
    let bytes = typed.json.bytes()
    for index in bytes.indices {
      for replacement in [UInt8(ascii: "9"), UInt8(ascii: "\""), UInt8(ascii: "["), UInt8(ascii: "x")] {
        var tampered = bytes
        tampered[index] = replacement
        guard let json = try? JSON(parsing: tampered) else { continue }
        _ = try? TypedExpression(json: json)
      }
    }
  }
}
