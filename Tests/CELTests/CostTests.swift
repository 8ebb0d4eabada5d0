import Testing

@testable import CEL

@Suite("Cost estimates") struct CostTests {
  static let costs: [(String, UInt64, UInt64)] = [
    ("1 + 1", 0, 0), ("count", 1, 1), ("count + 1", 2, 2), ("order.id", 2, 2), ("ok && count > 1", 1, 3),
    ("ok ? count : 1", 1, 2), ("items.all(i, i.qty > 0)", 1, 41), ("items.map(i, i.qty)", 1, 31),
    ("items.all(i, items.all(j, i.qty > j.qty))", 1, 621), ("status == 'paid'", 2, 3),
    ("names.all(n, n in names)", 1, 141), ("payload.a.all(x, x)", 2, .max), ("status.contains('aaaaaaaaaaaa')", 2, 10),
  ]

  @Test("the cost estimate bounds an evaluation", arguments: costs)
  func bounds(_ text: String, _ minimum: UInt64, _ maximum: UInt64) throws {
    let typed = try #require(sampleEnvironment().check(parse(text).0).expression)
    let cost = typed.cost { value in
      switch value.path.joined(separator: ".") {
      case "items": CostRange(0, 10)
      case "names": CostRange(0, 10)
      case "status": CostRange(0, 40)
      default: nil
      }
    }
    #expect([cost.minimum, cost.maximum] == [minimum, maximum])
  }
}
