import FlowCompiler
import FlowDiagnostics
import FlowGenerator
import FlowSource
import Testing

/// Random statecharts: the claims of the checker are compared with an exhaustive execution.
@Suite struct StatechartPropertyTests {
  /// A flat statechart: each state has one `always`, or reactions to events. The last state is final.
  struct Chart {
    var always: [Int?] = []
    var events: [[Int]] = []
    var end: Int { always.count }

    init(seed: UInt64) {
      var random = SplitMix64(state: seed)
      let count = 2 + random.next(below: 5)
      for _ in 0..<count {
        let isTransient = random.next(below: 10) < 4
        always.append(isTransient ? random.next(below: count + 1) : nil)
        events.append((0...random.next(below: 2)).map { _ in random.next(below: count + 1) })
      }
    }

    var text: String {
      var text = "event Placed\nevent E0\nevent E1\n\nflow Order {\n  start on Placed -> s0\n"
      for state in 0..<end {
        var lines = always[state].map { ["always -> s\($0)"] } ?? []
        for (event, target) in events[state].enumerated() { lines.append("on E\(event) -> s\(target)") }
        text += "  state s\(state) {\n" + lines.map { "    \($0)\n" }.joined() + "  }\n"
      }
      return text + "  final s\(end)\n}\n"
    }

    /// Every run from the start: the states that it enters, those where it waits, and whether it is endless.
    func run() -> (entered: Set<Int>, waiting: Set<Int>, isEndless: Bool) {
      var entered: Set<Int> = []
      var waiting: Set<Int> = []
      var rest = [0]
      var isEndless = false
      while var state = rest.popLast() {
        var steps = 0
        while state != end, let next = always[state] {
          entered.insert(state)
          state = next
          steps += 1
          if steps > 100 {
            isEndless = true
            break
          }
        }
        guard steps <= 100 else { continue }
        entered.insert(state)
        if state != end, waiting.insert(state).inserted { rest += events[state] }
      }
      return (entered, waiting, isEndless)
    }

    /// The states where a run waits and from which no run ends.
    func deadEnds(_ waiting: Set<Int>) -> Set<Int> {
      waiting.filter { start in
        var seen: Set<Int> = []
        var rest = [start]
        while let state = rest.popLast() {
          if state == end { return false }
          guard seen.insert(state).inserted else { continue }
          rest += always[state].map { [$0] } ?? events[state]
        }
        return true
      }
    }
  }

  @Test("claims about random statecharts agree with running them", arguments: [0, 150, 300] as [UInt64])
  func claims(_ first: UInt64) throws {
    var counts = (endless: 0, unreachable: 0, deadEnd: 0, sound: 0)
    for seed in first..<(first + 150) {
      let chart = Chart(seed: seed)
      let text = chart.text
      let found = Set(compile("main.flow") { _ in Array(text.utf8) }.diagnostics.map(\.code))
      let (entered, waiting, isEndless) = chart.run()
      try #require(found.contains("F306") == isEndless, "seed \(seed)\n\(text)")
      guard !isEndless else {
        counts.endless += 1
        continue
      }
      let isUnreachable = entered.count <= chart.end
      let isDead = !chart.deadEnds(waiting).isEmpty
      try #require(found.contains("F301") == isUnreachable, "seed \(seed)\n\(text)")
      try #require(found.contains("F302") == isDead, "seed \(seed)\n\(text)")
      counts.unreachable += isUnreachable ? 1 : 0
      counts.deadEnd += isDead ? 1 : 0
      counts.sound += isUnreachable || isDead ? 0 : 1
    }
    #expect(counts.endless > 10 && counts.unreachable > 10 && counts.deadEnd > 5 && counts.sound > 0, "\(counts)")
  }
}
