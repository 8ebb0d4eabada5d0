import CEL
import FlowSource
import Testing

/// Literals and comparisons that need no program have the values that a program gives.
@Suite("Expressions without a program") struct LiteralTests {
  private static let types: TypeRegistry = {
    var types = TypeRegistry()
    types.declare(
      RecordDeclaration(
        "Item", [FieldDeclaration("name", .string), FieldDeclaration("price", .int), FieldDeclaration("isNew", .bool)]))
    types.declare(RecordDeclaration("Note", [FieldDeclaration("text", .optional(.string))]))
    return types
  }()

  private static let variables: [(name: String, type: ValueType, value: Value?)] = [
    ("count", .int, .int(3)), ("name", .string, .string("a name that is longer than a short string")),
    ("flag", .bool, .bool(true)), ("rate", .double, .double(.nan)), ("total", .uint, .uint(7)),
    ("wait", .duration, .duration(Duration(nanoseconds: 5_000_000_000))),
    ("tags", .list(.string), .list([.string("a")])),
    (
      "item", .record("Item"),
      .record(
        RecordValue(
          typeName: "Item",
          fields: [.init("name", .string("x")), .init("price", .int(9)), .init("isNew", .bool(false))]))
    ), ("missing", .int, nil),
  ]

  private static var environment: Environment {
    var environment = Environment(types: types)
    for variable in variables { environment.declare(variable: variable.name, type: variable.type) }
    return environment
  }

  /// - Returns: The value of a condition, nil for an error, and whether it is true without a program.
  private func values(of text: String) throws -> (value: Value?, isPlainlyTrue: Bool) {
    let program = try Self.environment.compile(text, expecting: .bool)
    let evaluator = Evaluator(types: Self.types)
    let frame = Frame(count: Self.variables.count)
    for variable in program.typed.readVariables {
      guard let value = Self.variables.first(where: { $0.name == variable.name })?.value else { continue }
      frame[variable.slot] = evaluator.slot(value, as: variable.type)
    }
    let data = try FrozenSlots(copying: frame, range: 0..<frame.count)
    let value = try? evaluator.value(evaluator.evaluate(program, frame: frame))
    return (value, evaluator.isPlainlyTrue(program.typed, over: data, at: 0))
  }

  @Test(
    "comparisons with constants need no program",
    arguments: [
      "count > 2", "count >= 3", "count < 4", "count <= 3", "count == 3", "count != 4", "flag", "flag == true",
      "name == 'a name that is longer than a short string'", "name != ''", "total == 7u", "total < 8u",
      "item.price == 9", "item.name == 'x'", "!item.isNew", "tags.size() == 1", "size(tags) > 0",
      "count == 3 && flag", "count == 4 || flag", "missing == 1 || flag",
    ])
  func plainlyTrue(_ text: String) throws {
    let found = try values(of: text)
    #expect(found.value == .bool(true) && found.isPlainlyTrue)
  }

  @Test(
    "anything else is not known to be true",
    arguments: [
      "count > 3", "count == 4", "count != 3", "!flag", "flag == false", "name == 'a'", "total != 7u",
      "rate == rate", "rate < 1.0", "rate >= 1.0", "missing == 1", "missing != 1", "item.price < 9", "item.isNew",
      "tags.size() != 1", "count == 4 && flag", "count == 4 || !flag", "missing == 1 && flag",
      "count > 2 && missing > 1",
    ])
  func notTrue(_ text: String) throws {
    let found = try values(of: text)
    #expect(found.value != .bool(true) && !found.isPlainlyTrue)
  }

  @Test(
    "a literal is the value of its program",
    arguments: [
      "1", "-5", "7u", "1.5", "true", "'text'", "Item{name: 'a', price: 1, isNew: true}",
      "Item{isNew: false, name: '', price: -1}",
    ])
  func literals(_ text: String) throws {
    let program = try Self.environment.compile(text)
    let evaluator = Evaluator(types: Self.types)
    let slot = try #require(evaluator.literal(program.typed))
    #expect(evaluator.value(slot) == (try program.evaluate()))
    #expect(program.typed.literal(in: Self.types) == evaluator.value(slot))
  }

  @Test(
    "other expressions are no literals",
    arguments: ["count", "Item{name: name, price: 1, isNew: true}", "Note{text: 'a'}", "[1]", "null"])
  func others(_ text: String) throws {
    let program = try Self.environment.compile(text)
    let slot = Evaluator(types: Self.types).literal(program.typed)
    #expect(slot.map { _ in "a literal" } == nil)
  }
}
