import CEL
import FlowCompiler
import FlowGenerator
import FlowJSON
import FlowMachine
import FlowSource
import Testing

/// Random decision tables with known answers: the findings about each row are compared with evaluating all conditions
/// for all values that they distinguish, and the values of a table without errors with those of its first row that
/// holds.
@Suite struct TablePropertyTests {
  private typealias Condition = GuardPropertyTests.Condition
  private typealias Values = GuardPropertyTests.Values

  private struct Table {
    static let firstLine = 4
    var conditions: [Condition]
    var hasAlways: Bool

    init(seed: UInt64) {
      var random = SplitMix64(state: seed)
      conditions = (0..<(1 + random.next(below: 4))).map { _ in Condition(&random, depth: 2) }
      hasAlways = random.next(below: 3) > 0
    }

    var text: String {
      let rows = conditions.enumerated().map { "  when \($1.text) -> \($0)" } + (hasAlways ? ["  always -> 99"] : [])
      return """
        enum Plan { free, pro, team }
        event Placed { flag: bool  n: int  plan: Plan }
        fn row(flag: bool, n: int, plan: Plan) -> int {
        \(rows.joined(separator: "\n"))
        }
        flow Order {
          data { row: int }
          start on Placed -> open do row = row(event.flag, event.n, event.plan)
          state open { after 1h when row > 1 -> closed  after 2h -> closed }
          final closed
        }
        """
    }

    /// The first row that holds; the number of rows when none does.
    func first(_ values: Values) -> Int { conditions.firstIndex { $0.holds(values) } ?? conditions.count }

    func isReached(_ row: Int) -> Bool { Values.all.contains { first($0) == row } }

    func isNever(_ row: Int) -> Bool { !Values.all.contains { conditions[row].holds($0) } }
  }

  @Test("claims about random tables agree with evaluating them, and a table has the value of its first row that holds")
  func tables() throws {
    var counts = (gaps: 0, shadowed: 0, evaluated: 0, exhaustive: 0)
    for seed in 0..<400 as Range<UInt64> {
      let table = Table(seed: seed)
      let text = table.text
      let compilation = compile("main.flow") { _ in Array(text.utf8) }
      var codes: [Int: Set<String>] = [:]
      for found in compilation.diagnostics {
        let line = compilation.sources.file(at: found.range.lower)?.position(of: found.range.lower).line ?? 0
        codes[line - Table.firstLine, default: []].insert(found.code)
      }
      let comment: Comment = "seed \(seed): \(codes)\n\(text)"
      let isCovered = !table.isReached(table.conditions.count)
      let hasGap = !table.hasAlways && !isCovered
      try #require(codes.values.contains { $0.contains("F413") } == hasGap, comment)
      counts.gaps += hasGap ? 1 : 0
      for row in table.conditions.indices.dropFirst() where !table.isNever(row) {
        let isShadowed = !table.isReached(row)
        let isFound = !(codes[row] ?? []).isDisjoint(with: ["F401", "F402"])
        try #require(isFound == isShadowed, comment)
        counts.shadowed += isShadowed ? 1 : 0
      }
      for row in table.conditions.indices where table.isNever(row) {
        try #require((codes[row] ?? []).contains("F401"), comment)
      }
      let isSuperfluous = (codes[table.conditions.count] ?? []).contains("F401")
      try #require(isSuperfluous == (table.hasAlways && isCovered), comment)
      guard let program = compilation.program else { continue }
      counts.evaluated += 1
      counts.exhaustive += table.hasAlways ? 0 : 1
      let machine = try Machine(program)
      for values in Values.all {
        let first = table.first(values)
        #expect(try value(values, machine) == (first < table.conditions.count ? first : 99), comment)
      }
    }
    print("tables", counts)
    #expect(counts.gaps > 20 && counts.shadowed > 20 && counts.evaluated > 50 && counts.exhaustive > 3, "\(counts)")
  }

  private func value(_ values: Values, _ machine: Machine) throws -> Int? {
    let payload: JSON = [
      "flag": .bool(values.flag), "n": .int(Int64(values.number)), "plan": .string(Condition.plans[values.plan]),
    ]
    let typed = try Value.from(payload, as: .record("Placed"), in: machine.types).get()
    let event = try #require(machine.event(named: "Placed"))
    let flow = try #require(machine.flow(named: "Order"))
    let outcome = Stepper(machine).start(flow: flow, key: "k", event: event, payload: typed, caller: Caller(), now: 0)
    guard case .accepted(let step) = outcome, case .int(let row)? = step.next.value(ofField: 0, in: machine) else {
      return nil
    }
    return Int(row)
  }
}
