import FlowCompiler
import FlowGenerator
import FlowSource
import Testing

/// Random programs that may read what has no value: F503 is compared with running every path.
@Suite struct UnsetPropertyTests {
  private func isReported(_ text: String) -> Bool {
    compile("main.flow") { _ in Array(text.utf8) }.diagnostics.contains { $0.code == "F503" }
  }

  // MARK: - Fields

  /// A start whose statements assign and read fields, some of them only under a condition.
  struct Start {
    struct Statement {
      /// The field that is assigned; nil for a statement that only reads.
      var target: Int?
      var reads: [Int]
      var isThroughLet = false
      var condition: Int?
    }

    var hasDefault: [Bool] = []
    var statements: [Statement] = []
    /// The fields that the `let` adds.
    var letReads: [Int] = []

    init(seed: UInt64) {
      var random = SplitMix64(state: seed)
      hasDefault = (0..<4).map { _ in random.next(below: 3) == 0 }
      letReads = [random.next(below: 4), random.next(below: 4)]
      let targets = (0..<4).filter { !hasDefault[$0] && random.next(below: 12) > 0 }
      for target in random.next(below: 2) == 0 ? targets : targets.reversed() {
        var statement = Statement(target: target, reads: random.next(below: 4) == 0 ? [random.next(below: 4)] : [])
        if random.next(below: 12) == 0 { statement.condition = statements.count }
        statements.append(statement)
      }
      for _ in 0..<random.next(below: 3) {
        var statement = Statement(target: nil, reads: [random.next(below: 4)])
        if random.next(below: 3) == 0 { (statement.isThroughLet, statement.reads) = (true, letReads) }
        if random.next(below: 3) == 0 { statement.condition = 7 }
        statements.insert(statement, at: statements.count - random.next(below: min(statements.count + 1, 2)))
      }
      for index in statements.indices where statements[index].condition != nil { statements[index].condition = index }
    }

    var text: String {
      let fields = hasDefault.enumerated().map { "f\($0): int\($1 ? " = 0" : "")" }.joined(separator: "  ")
      let lines = statements.map { statement in
        let read = statement.isThroughLet ? "both" : statement.reads.first.map { "f\($0)" } ?? "event.n"
        let condition = statement.condition.map { " when event.c\($0)" } ?? ""
        return statement.target.map { "f\($0) = \(read)\(condition)" } ?? "log string(\(read))\(condition)"
      }
      let flags = statements.indices.map { "  c\($0): bool" }.joined()
      return """
        event Placed { n: int\(flags) }
        event Go
        flow Order {
          data { \(fields) }
          let both = f\(letReads[0]) + f\(letReads[1])
          start on Placed -> open do {
            log "start"
            \(lines.joined(separator: "\n    "))
          }
          state open { on Go -> closed do log string(both + f0 + f1 + f2 + f3) }
          final closed
        }
        """
    }

    /// Runs the start once for all conditions, each true or false.
    var fails: Bool {
      (0..<(1 << statements.count)).contains { bits in
        var isSet = hasDefault
        for (index, statement) in statements.enumerated() where statement.condition == nil || bits >> index & 1 == 1 {
          if statement.reads.contains(where: { !isSet[$0] }) { return true }
          if let target = statement.target { isSet[target] = true }
        }
        return isSet.contains(false)
      }
    }
  }

  @Test("fields that a start leaves unset are found, and no others", arguments: [0, 300, 600] as [UInt64])
  func fields(_ first: UInt64) throws {
    var counts = (unset: 0, sound: 0)
    for seed in first..<(first + 300) {
      let start = Start(seed: seed)
      try #require(isReported(start.text) == start.fails, "seed \(seed)\n\(start.text)")
      if start.fails { counts.unset += 1 } else { counts.sound += 1 }
    }
    #expect(counts.unset > 30 && counts.sound > 30, "\(counts)")
  }

  // MARK: - Results

  /// A flat statechart in which some states call an action and some reactions read its result.
  struct Chart {
    struct State {
      /// The targets of `on work.done` and `on work.failed`; nil for a state without a call.
      var call: (done: Int, failed: Int)?
      var events: [(target: Int, reads: Bool)]
    }

    var states: [State] = []
    var end: Int { states.count }

    init(seed: UInt64) {
      var random = SplitMix64(state: seed)
      let count = 2 + random.next(below: 4)
      for _ in 0..<count {
        let isCalling = random.next(below: 2) == 0
        states.append(
          State(
            call: isCalling ? (random.next(below: count + 1), random.next(below: count + 1)) : nil,
            events: (0..<random.next(below: 3)).map { _ in
              (random.next(below: count + 1), random.next(below: 4) == 0)
            }))
      }
    }

    var text: String {
      var text = "event Placed\nevent E0\nevent E1\naction work() -> string\n\nflow Order {\n  start on Placed -> s0\n"
      for (index, state) in states.enumerated() {
        text += "  state s\(index) {\n"
        if let call = state.call {
          text += "    call work()\n    on work.done -> s\(call.done) do log work.result\n"
          text += "    on work.failed -> s\(call.failed)\n"
        }
        for (event, reaction) in state.events.enumerated() {
          text += "    on E\(event) -> s\(reaction.target)\(reaction.reads ? " do log work.result" : "")\n"
        }
        text += "  }\n"
      }
      return text + "  final s\(end)\n}\n"
    }

    /// Returns whether some run reads the result before a call has succeeded.
    var fails: Bool {
      var seen: Set<[Int]> = []
      var rest = [[0, 0]]
      while let node = rest.popLast() {
        guard node[0] != end, seen.insert(node).inserted else { continue }
        let state = states[node[0]]
        if node[1] == 0, state.events.contains(where: \.reads) { return true }
        rest += state.events.map { [$0.target, node[1]] }
        if let call = state.call { rest += [[call.done, 1], [call.failed, node[1]]] }
      }
      return false
    }
  }

  @Test("results that a run may read too early are found, and no others", arguments: [0, 300, 600] as [UInt64])
  func results(_ first: UInt64) throws {
    var counts = (early: 0, sound: 0)
    for seed in first..<(first + 300) {
      let chart = Chart(seed: seed)
      let isCalling = chart.states.contains { $0.call != nil }
      guard isCalling, chart.states.contains(where: { $0.events.contains { $0.reads } }) else { continue }
      try #require(isReported(chart.text) == chart.fails, "seed \(seed)\n\(chart.text)")
      if chart.fails { counts.early += 1 } else { counts.sound += 1 }
    }
    #expect(counts.early > 20 && counts.sound > 10, "\(counts)")
  }
}
