import Testing

@testable import CEL

/// Selection from optional values: a missing part anywhere makes the whole chain absent.
@Suite struct OptionalTests {
  private static let truths = [
    "optional.of({'a': {'b': 1}}).a.b == optional.of(1)", "optional.of({'a': {'b': 1}}).a.c == optional.none()",
    "optional.of({'a': {'b': 1}}).x.b == optional.none()", "optional.of({'a': {'b': 1}})['a']['b'] == optional.of(1)",
    "optional.of({'a': {'b': 1}})['x']['b'] == optional.none()", "optional.of({'a': [1, 2]}).a[1] == optional.of(2)",
    "optional.of({'a': [1, 2]}).a[2] == optional.none()", "optional.of([{'a': 1}])[0].a == optional.of(1)",
    "optional.of([{'a': 1}])[0].b == optional.none()", "optional.of([1])[-1] == optional.none()",
    "optional.of({1: 'x'})[1] == optional.of('x')", "optional.of({1: 'x'})[2] == optional.none()",
    "has(optional.of({'a': {'b': 1}}).a.b)", "!has(optional.of({'a': {'b': 1}}).a.c)",
    "!has(optional.of({'a': {'b': 1}}).x.b)", "!has(optional.none().a)",
    "optional.of({'a': {}}).a.b.orValue(3) == 3", "optional.of({'a': {'b': 1}}).a.b.orValue(3) == 1",
    "optional.of({'a': {}}).a.b.or(optional.of(4)) == optional.of(4)",
    "optional.of({'a': 1}).b.or(optional.of({'b': 2}).b).value() == 2", "!optional.of({'a': 1}).b.hasValue()",
    "payload.?a.b[0] == optional.of(7)", "payload.?a.c[0] == optional.none()", "payload.?x.b[0] == optional.none()",
    "payload[?'a']['b'] == optional.of([7])", "optional.of(order).labels.a == optional.of('x')",
    "optional.of(order).labels.b == optional.none()", "optional.of(order).items[0].sku == optional.of('a')",
    "optional.of({'a': optional.of(1)}).a == optional.of(optional.of(1))",
    "{'a': optional.of(1)}.?a == optional.of(optional.of(1))", "{'a': optional.none()}.?a.hasValue()",
    "optional.of({'a': 1}).a.optMap(x, x + 1) == optional.of(2)",
    "optional.of({'a': {'b': 1}}).optFlatMap(m, m.?a).b == optional.of(1)",
  ]

  @Test("selection from an optional is chained, with and without types", arguments: truths)
  func chainedSelection(_ text: String) throws {
    for isChecked in [true, false] {
      #expect(try evaluate(text, isChecked: isChecked) == .success(.bool(true)), "checked: \(isChecked)")
    }
  }

  @Test("a missing key after a plain value is an error") func plainSelection() throws {
    let result = try evaluate("{'a': {'b': 1}}.a.c")
    #expect(throws: EvaluationError.self) { try result.get() }
  }
}
